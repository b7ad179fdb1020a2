//! The contract's interface `engine`, as the guest calls it: arguments checked, work counted, then handed on.

use crate::answer::{self, CHUNK, Weight};
use crate::contract::generated::pleach::strategy::{engine, space, trial};
use crate::contract::{Architecture, Genotype, Level, Prediction};
use crate::limits::Limiter;
use crate::{EngineServices, Fault, Limits};

/// A message counts as this many bytes of log text at least.
const LOG_MINIMUM: u64 = 64;
/// Characters of a panic's message that are kept.
const PANIC_CHARACTERS: usize = 2000;
/// What an engine call counts as at least.
const CALL: usize = 10;
/// What a genotype counts as where its network is built, and where a predictor scores it.
const BUILT: usize = 4;
/// What a call counts as that fits a predictor.
const FITTED: usize = 10_000;

/// What a store holds beside the guest.
pub(crate) struct State {
    /// None while the guest describes itself, which must not depend on anything.
    pub services: Option<Box<dyn EngineServices>>,
    pub limiter: Limiter,
    pub limits: Limits,
    /// How long a genotype is.
    pub decisions: usize,
    /// Genotypes that the engine may still handle in this call.
    pub genotypes_left: u64,
    /// Bytes that may still be logged in this call.
    pub log_left: u64,
    /// What the guest's panic hook sent.
    pub panicked: Option<(String, String)>,
    /// Why an engine call ended the guest.
    pub fault: Option<Fault>,
}

impl State {
    pub fn new(limits: Limits) -> Self {
        Self {
            services: None,
            limiter: Limiter::new(&limits),
            limits,
            decisions: 0,
            genotypes_left: 0,
            log_left: 0,
            panicked: None,
            fault: None,
        }
    }

    /// Gives the budgets of a new call.
    pub fn begin_call(&mut self) {
        self.genotypes_left = self.limits.engine_genotypes;
        self.log_left = self.limits.log_bytes;
    }

    /// Ends the guest with a fault: the error itself only makes it trap.
    fn stop<T>(&mut self, fault: Fault) -> wasmtime::Result<T> {
        self.fault = Some(fault);
        Err(wasmtime::Error::msg("the engine ended the call"))
    }

    fn charge(&mut self, function: &'static str, genotypes: usize) -> Result<(), Fault> {
        match self.genotypes_left.checked_sub(genotypes as u64) {
            Some(left) => {
                self.genotypes_left = left;
                Ok(())
            }
            None => Err(Fault::EngineWork { limit: self.limits.engine_genotypes, function }),
        }
    }

    fn check(&self, function: &'static str, genotypes: &[Genotype]) -> Result<(), Fault> {
        for genotype in genotypes {
            if let Err(message) = check_shape(genotype, self.decisions) {
                return Err(Fault::Engine { function, message });
            }
        }
        Ok(())
    }

    /// Serves an engine call that counts as work on so many genotypes, and answers with so many.
    fn serve<T>(
        &mut self,
        function: &'static str,
        work: usize,
        answered: usize,
        given: &[&[Genotype]],
        call: impl FnOnce(&mut dyn EngineServices) -> Result<T, String>,
    ) -> wasmtime::Result<T> {
        let serve = || {
            self.charge(function, work.max(CALL))?;
            self.weigh(function, answer::genotypes(answered, self.decisions))?;
            given.iter().try_for_each(|list| self.check(function, list))?;
            let services = self.services.as_deref_mut().ok_or(Fault::EngineTooEarly { function })?;
            call(services).map_err(|message| Fault::Engine { function, message })
        };
        serve().or_else(|fault| self.stop(fault))
    }

    /// Serves an engine call that answers for each genotype by itself, a few at a time, so that no answer outgrows its limit
    /// by much before that is noticed. `found` is what an answer counts as beside.
    fn serve_each<T: Weight>(
        &mut self,
        function: &'static str,
        price: usize,
        of: &[Genotype],
        call: impl Fn(&mut dyn EngineServices, &[Genotype]) -> Result<Vec<T>, String>,
        found: impl Fn(&T) -> usize,
    ) -> wasmtime::Result<Vec<T>> {
        let mut serve = || {
            self.charge(function, of.len().saturating_mul(price).max(CALL))?;
            self.check(function, of)?;
            let (mut all, mut bytes) = (Vec::with_capacity(of.len()), 0);
            for chunk in of.chunks(CHUNK) {
                let services = self.services.as_deref_mut().ok_or(Fault::EngineTooEarly { function })?;
                let answers = call(services, chunk).map_err(|message| Fault::Engine { function, message })?;
                bytes += answers.iter().map(Weight::bytes).sum::<u64>();
                self.weigh(function, bytes)?;
                self.charge(function, answers.iter().map(&found).sum())?;
                all.extend(answers);
            }
            // Without genotypes there was nobody to ask whether the search had begun.
            if self.services.is_none() { Err(Fault::EngineTooEarly { function }) } else { Ok(all) }
        };
        serve().or_else(|fault| self.stop(fault))
    }

    fn weigh(&self, function: &'static str, bytes: u64) -> Result<(), Fault> {
        let limit = self.limits.answer_bytes;
        if bytes > limit { Err(Fault::EngineAnswer { limit, function }) } else { Ok(()) }
    }
}

/// A message of a panic, kept to what a person reads.
fn shortened(mut message: String) -> String {
    let end = message.char_indices().nth(PANIC_CHARACTERS).map_or(message.len(), |(at, _)| at);
    message.truncate(end);
    message
}

/// A genotype's length and finiteness, which need no knowledge of the space.
pub(crate) fn check_shape(genotype: &[f64], decisions: usize) -> Result<(), String> {
    if genotype.len() != decisions {
        return Err(format!("a genotype of {} values where there are {decisions} decisions", genotype.len()));
    }
    match genotype.iter().position(|value| !value.is_finite()) {
        Some(position) => Err(format!("decision {position} holds {}", genotype[position])),
        None => Ok(()),
    }
}

/// Answers that are not found but asked for count as nothing beside.
fn none<T>(_: &T) -> usize {
    0
}

impl space::Host for State {}

impl trial::Host for State {}

impl engine::Host for State {
    fn log(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        let Some(left) = self.log_left.checked_sub((message.len() as u64).max(LOG_MINIMUM)) else {
            return self.stop(Fault::Log { limit: self.limits.log_bytes });
        };
        self.log_left = left;
        match self.services.as_deref_mut() {
            Some(services) => services.log(level, &message),
            None => return self.stop(Fault::EngineTooEarly { function: "log" }),
        }
        Ok(())
    }

    fn panicked(&mut self, message: String, location: String) -> wasmtime::Result<()> {
        // The guest is about to trap by itself; a hostile one could send messages for ever.
        if self.panicked.is_some() {
            return Err(wasmtime::Error::msg("the guest panicked twice"));
        }
        self.panicked = Some((shortened(message), shortened(location)));
        Ok(())
    }

    fn sample(&mut self, count: u32, seed: u64) -> wasmtime::Result<Vec<Genotype>> {
        let wanted = count as usize;
        self.serve("sample", wanted, wanted, &[], |services| services.sample(count, seed))
    }

    fn mutate(&mut self, parents: Vec<Genotype>, seed: u64) -> wasmtime::Result<Vec<Genotype>> {
        let count = parents.len();
        self.serve("mutate", count, count, &[&parents], |services| services.mutate(&parents, seed))
    }

    fn repair(&mut self, genotypes: Vec<Genotype>, seed: u64) -> wasmtime::Result<Vec<Genotype>> {
        let count = genotypes.len();
        self.serve("repair", count, count, &[&genotypes], |services| services.repair(&genotypes, seed))
    }

    fn neighbours(&mut self, of: Vec<Genotype>) -> wasmtime::Result<Vec<Vec<Genotype>>> {
        self.serve_each("neighbours", 1, &of, |services, of| services.neighbours(of), Vec::len)
    }

    fn members(&mut self, limit: u32) -> wasmtime::Result<Option<Vec<Genotype>>> {
        let wanted = limit as usize;
        self.serve("members", wanted, wanted, &[], |services| services.members(limit))
    }

    fn fingerprint(&mut self, of: Vec<Genotype>) -> wasmtime::Result<Vec<u64>> {
        self.serve_each("fingerprint", BUILT, &of, |services, of| services.fingerprint(of), none)
    }

    fn path_counts(&mut self, of: Vec<Genotype>) -> wasmtime::Result<Vec<Vec<f32>>> {
        self.serve_each("path-counts", BUILT, &of, |services, of| services.path_counts(of), none)
    }

    fn graph(&mut self, of: Vec<Genotype>) -> wasmtime::Result<Vec<Architecture>> {
        self.serve_each("graph", BUILT, &of, |services, of| services.graph(of), none)
    }

    fn costs(&mut self, of: Vec<Genotype>) -> wasmtime::Result<Vec<Vec<f64>>> {
        self.serve_each("costs", BUILT, &of, |services, of| services.costs(of), none)
    }

    fn predict(
        &mut self,
        of: Vec<Genotype>,
        objective: u32,
        pending: Vec<Genotype>,
    ) -> wasmtime::Result<Vec<Prediction>> {
        // With pending ones the predictor is fitted again for this call alone.
        let fitted = if pending.is_empty() { 0 } else { FITTED };
        let work = (of.len() + pending.len()).saturating_mul(BUILT) + fitted;
        let call = |services: &mut dyn EngineServices| services.predict(&of, objective, &pending);
        self.serve("predict", work, 0, &[&of, &pending], call)
    }

    fn extrapolate(&mut self, requests: Vec<u64>, objective: u32) -> wasmtime::Result<Vec<Prediction>> {
        let call = |services: &mut dyn EngineServices| services.extrapolate(&requests, objective);
        self.serve("extrapolate", requests.len(), 0, &[], call)
    }

    fn quality(&mut self, objective: u32) -> wasmtime::Result<Option<f64>> {
        self.serve("quality", FITTED, 0, &[], |services| services.quality(objective))
    }
}
