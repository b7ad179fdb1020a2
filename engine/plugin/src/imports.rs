//! The contract's interface `engine`, as the guest calls it: arguments checked, work counted, then handed on.

use crate::contract::generated::pleach::strategy::{engine, space, trial};
use crate::contract::{Architecture, Genotype, Level, Prediction};
use crate::limits::Limiter;
use crate::{EngineServices, Fault, Limits};

/// A message counts as this many bytes of log text at least.
const LOG_MINIMUM: u64 = 64;

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

    /// Serves an engine call: counts and checks what the guest gives, then what it gets.
    fn serve<T>(
        &mut self,
        function: &'static str,
        wanted: usize,
        given: &[&[Genotype]],
        call: impl FnOnce(&mut dyn EngineServices) -> Result<T, String>,
        found: impl FnOnce(&T) -> usize,
    ) -> wasmtime::Result<T> {
        let genotypes = wanted + given.iter().map(|list| list.len()).sum::<usize>();
        let serve = || {
            self.charge(function, genotypes.max(1))?;
            given.iter().try_for_each(|list| self.check(function, list))?;
            let services = self.services.as_deref_mut().ok_or(Fault::EngineTooEarly { function })?;
            let answer = call(services).map_err(|message| Fault::Engine { function, message })?;
            self.charge(function, found(&answer))?;
            Ok(answer)
        };
        serve().or_else(|fault| self.stop(fault))
    }
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
        self.panicked = Some((message, location));
        Ok(())
    }

    fn sample(&mut self, count: u32, seed: u64) -> wasmtime::Result<Vec<Genotype>> {
        self.serve("sample", count as usize, &[], |services| services.sample(count, seed), none)
    }

    fn mutate(&mut self, parents: Vec<Genotype>, seed: u64) -> wasmtime::Result<Vec<Genotype>> {
        self.serve("mutate", 0, &[&parents], |services| services.mutate(&parents, seed), none)
    }

    fn repair(&mut self, genotypes: Vec<Genotype>, seed: u64) -> wasmtime::Result<Vec<Genotype>> {
        self.serve("repair", 0, &[&genotypes], |services| services.repair(&genotypes, seed), none)
    }

    fn neighbours(&mut self, of: Vec<Genotype>) -> wasmtime::Result<Vec<Vec<Genotype>>> {
        let found = |lists: &Vec<Vec<Genotype>>| lists.iter().map(Vec::len).sum();
        self.serve("neighbours", 0, &[&of], |services| services.neighbours(&of), found)
    }

    fn members(&mut self, limit: u32) -> wasmtime::Result<Option<Vec<Genotype>>> {
        self.serve("members", limit as usize, &[], |services| services.members(limit), none)
    }

    fn fingerprint(&mut self, of: Vec<Genotype>) -> wasmtime::Result<Vec<u64>> {
        self.serve("fingerprint", 0, &[&of], |services| services.fingerprint(&of), none)
    }

    fn path_counts(&mut self, of: Vec<Genotype>) -> wasmtime::Result<Vec<Vec<f32>>> {
        self.serve("path-counts", 0, &[&of], |services| services.path_counts(&of), none)
    }

    fn graph(&mut self, of: Vec<Genotype>) -> wasmtime::Result<Vec<Architecture>> {
        self.serve("graph", 0, &[&of], |services| services.graph(&of), none)
    }

    fn costs(&mut self, of: Vec<Genotype>) -> wasmtime::Result<Vec<Vec<f64>>> {
        self.serve("costs", 0, &[&of], |services| services.costs(&of), none)
    }

    fn predict(
        &mut self,
        of: Vec<Genotype>,
        objective: u32,
        pending: Vec<Genotype>,
    ) -> wasmtime::Result<Vec<Prediction>> {
        let call = |services: &mut dyn EngineServices| services.predict(&of, objective, &pending);
        self.serve("predict", 0, &[&of, &pending], call, none)
    }

    fn extrapolate(&mut self, requests: Vec<u64>, objective: u32) -> wasmtime::Result<Vec<Prediction>> {
        let call = |services: &mut dyn EngineServices| services.extrapolate(&requests, objective);
        self.serve("extrapolate", requests.len(), &[], call, none)
    }

    fn quality(&mut self, objective: u32) -> wasmtime::Result<Option<f64>> {
        self.serve("quality", 0, &[], |services| services.quality(objective), none)
    }
}
