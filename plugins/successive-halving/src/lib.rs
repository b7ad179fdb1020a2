//! Successive halving: many candidates are trained a little, and only the best of each rung go on, with the weights that
//! they have, until few are trained in full.
//!
//! Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016, with the
//! rungs of one bracket of Hyperband (Li et al., JMLR 2018, Algorithm 1). A rung is over when all of it was told.

mod budget;
mod ladder;

use std::collections::VecDeque;

use pleach_sdk::{
    About, Answer, Context, Engine, Genotype, Ledger, Level, Need, Outcome, Request, Sampler, Score, Strategy,
    export_strategy, rungs,
};
use schemars::JsonSchema;
use serde::Deserialize;

use budget::{Amount, Budget};
use ladder::Ladder;

/// What stands below `with:`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The best 1/eta of each rung go on, to a fidelity eta times as high.
    #[schemars(range(min = 2, max = 1000))]
    pub eta: u32,
    /// No rung is below this fidelity; without it there are as many rungs as the budget, the candidates and the
    /// fidelities allow.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub lowest: Option<f64>,
    /// How many candidates begin together; further brackets of as many follow while the budget lasts. Without it one
    /// bracket takes the whole budget.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub candidates: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self { eta: 3, lowest: None, candidates: None }
    }
}

/// A candidate that was measured on a rung.
#[derive(Debug)]
struct Measured {
    id: u64,
    genotype: Genotype,
    score: Score,
    /// What its training in full costs, by what it cost on this rung.
    unit: f64,
}

/// A candidate on its way to a rung, from an earlier request unless that is the lowest.
#[derive(Debug)]
struct Climber {
    genotype: Genotype,
    earlier: Option<u64>,
}

/// Candidates that climb together.
#[derive(Debug)]
struct Bracket {
    /// The budget as it was when they began.
    budget: Budget,
    /// Where all of them are.
    rung: usize,
    /// How many were asked for on this rung.
    asked: u64,
    /// Who is still to be asked for on this rung; those of the lowest are drawn when asked for.
    promoted: VecDeque<Climber>,
    measured: Vec<Measured>,
    /// Whether it is the budget or the space that kept it from being larger, so that what remains is for more promotions.
    generous: bool,
}

/// The running search.
#[derive(Debug)]
pub struct SuccessiveHalving {
    ladder: Ladder,
    candidates: Option<u64>,
    budget: Budget,
    sampler: Sampler,
    /// The space has no further candidates.
    exhausted: bool,
    bracket: Option<Bracket>,
    ledger: Ledger<Climber>,
    /// How many candidates the lowest rung measured, and what their trainings in full cost together.
    units: (u64, f64),
    /// The best so far, with its rung.
    best: Option<(usize, Score, Genotype)>,
}

impl SuccessiveHalving {
    /// What a training in full costs on average; 0 where nothing was measured.
    fn unit(&self) -> f64 {
        if self.units.0 == 0 { 0.0 } else { self.units.1 / self.units.0 as f64 }
    }

    /// How many candidates a bracket that began at this budget is to have.
    ///
    /// Where costs count, this is an estimate until its lowest rung is full; before the first cost is known, only as many
    /// begin as bring one to the top.
    fn wanted(&self, budget: &Budget) -> u64 {
        let blind = !budget.is_limited() || (budget.limits_cost() && self.units.0 == 0);
        let wanted = if blind { self.ladder.pyramid() } else { u64::MAX };
        self.ladder.first(self.candidates.unwrap_or(u64::MAX).min(wanted), budget, self.unit())
    }

    /// Begins a bracket; false where none can begin.
    fn begin(&mut self) -> bool {
        if self.exhausted || self.wanted(&self.budget) == 0 {
            return false;
        }
        self.bracket = Some(Bracket {
            budget: self.budget.clone(),
            rung: 0,
            asked: 0,
            promoted: VecDeque::new(),
            measured: Vec::new(),
            generous: false,
        });
        true
    }

    /// The next candidate of the bracket's rung; none where all were asked for.
    fn next(&mut self, engine: &dyn Engine) -> Option<Climber> {
        let bracket = self.bracket.as_ref()?;
        if bracket.rung == 0 {
            let missing = self.wanted(&bracket.budget).saturating_sub(bracket.asked);
            if missing == 0 || self.exhausted {
                return None;
            }
            let genotype = self.sampler.next(missing, engine);
            self.exhausted = genotype.is_none();
            return genotype.map(|genotype| Climber { genotype, earlier: None });
        }
        self.bracket.as_mut()?.promoted.pop_front()
    }

    fn request(&mut self, climber: Climber, rung: usize) -> Request {
        let fidelity = self.ladder.fidelities[rung];
        self.budget.spend(Amount { cost: 0.0, ..self.ladder.price(rung, 0.0) });
        let genotype = climber.genotype.clone();
        match climber.earlier {
            Some(earlier) if self.ladder.resumes => self.ledger.resume(earlier, genotype, fidelity, climber),
            earlier => self.ledger.train(genotype, fidelity, earlier.into_iter().collect(), climber),
        }
    }

    /// Ends a rung of which all was told: the best go on to the next, or the bracket is over.
    fn climb(&mut self, engine: &dyn Engine) {
        let Some(mut bracket) = self.bracket.take() else { return };
        let mut measured = std::mem::take(&mut bracket.measured);
        measured.sort_by(|one, two| one.score.cmp(&two.score).then(one.id.cmp(&two.id)));
        if bracket.rung == 0 {
            let smaller = self.candidates.is_none_or(|candidates| bracket.asked < candidates);
            bracket.generous = self.budget.is_limited() && smaller;
        }
        let promoted = self.promotions(&bracket, &measured);
        if promoted == 0 {
            return;
        }
        let (asked, rung) = (bracket.asked, bracket.rung + 1);
        let fidelity = self.ladder.fidelities[rung];
        engine.log(Level::Debug, &format!("the best {promoted} of {asked} go on to fidelity {fidelity:.3}"));
        measured.truncate(promoted);
        let climbers = measured.into_iter().map(|best| Climber { genotype: best.genotype, earlier: Some(best.id) });
        bracket = Bracket { rung, asked: 0, promoted: climbers.collect(), ..bracket };
        self.bracket = Some(bracket);
    }

    /// How many of those measured on a rung, the best first, go on.
    fn promotions(&self, bracket: &Bracket, measured: &[Measured]) -> usize {
        let (ladder, rung) = (&self.ladder, bracket.rung + 1);
        if rung == ladder.len() || measured.is_empty() {
            return 0;
        }
        let (size, count) = (bracket.asked, measured.len() as u64);
        let sizes = ladder.above(bracket.rung, size, count, &self.budget, self.unit(), bracket.generous);
        // The sizes go by the average cost; the candidates at hand may be dearer.
        let (mut price, mut dearest, mut promoted) = (Amount::default(), 0.0_f64, 0);
        for (place, candidate) in measured.iter().enumerate().take(sizes[0] as usize) {
            price = price.plus(ladder.price(rung, candidate.unit));
            dearest = dearest.max(candidate.unit);
            let count = place as u64 + 1;
            let later: Vec<u64> = sizes[1..].iter().map(|&size| size.min(count)).collect();
            if self.budget.allows(price.plus(ladder.price_above(rung, &later, dearest))) {
                promoted = place + 1;
            }
        }
        // Better one rung further than nowhere.
        let one_rung = || usize::from(self.budget.allows(ladder.price(rung, measured[0].unit)));
        if promoted == 0 { one_rung() } else { promoted }
    }
}

impl Strategy for SuccessiveHalving {
    type Options = Options;

    const ABOUT: About = About {
        name: "successive-halving",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Trains many a little, and the best of each rung further (Jamieson and Talwalkar 2016).",
        needs: &[Need::Train, Need::Resume],
    };

    fn start(context: Context, options: Options, engine: &dyn Engine) -> Result<Self, String> {
        let highest = context.highest_fidelity()?;
        let budget = Budget::new(&context);
        let candidates = options.candidates.map(u64::from);
        let mut ladder = Ladder {
            fidelities: rungs(&context.fidelities, f64::from(options.eta), options.lowest.unwrap_or(0.0)),
            eta: u64::from(options.eta),
            resumes: context.resumes(),
        };
        // Where the lowest is chosen, its rung stays as long as one candidate can come to the top.
        let suits = |ladder: &Ladder| {
            let size = if options.lowest.is_some() { 1 } else { ladder.pyramid() };
            candidates.is_none_or(|candidates| size <= candidates) && ladder.fits(size, &budget, 0.0)
        };
        while ladder.len() > 1 && !suits(&ladder) {
            ladder.fidelities.remove(0);
        }
        if !ladder.fits(1, &budget, 0.0) {
            return Err(format!("the budget is below one training at fidelity {highest}: raise it"));
        }
        let fidelities: Vec<String> = ladder.fidelities.iter().map(|fidelity| format!("{fidelity:.3}")).collect();
        match (ladder.len(), context.fidelities.len()) {
            (1, 1) => engine.log(Level::Warn, "there is one fidelity only, so this is a random search"),
            (1, _) => engine.log(Level::Warn, "the options and the budget leave one rung, so this is a random search"),
            _ => {
                let how = if ladder.resumes { "with their weights" } else { "on fresh weights" };
                let (eta, fidelities) = (ladder.eta, fidelities.join(", "));
                let message = format!("the best 1/{eta} of each rung go on {how}: fidelities {fidelities}");
                engine.log(Level::Info, &message);
            }
        }
        Ok(Self {
            ladder,
            candidates,
            budget,
            sampler: Sampler::new(&context),
            exhausted: false,
            bracket: None,
            ledger: Ledger::new(),
            units: (0, 0.0),
            best: None,
        })
    }

    fn ask(&mut self, room: u32, engine: &dyn Engine) -> Result<Answer, String> {
        let mut requests = Vec::new();
        loop {
            let rung = match self.bracket.as_ref().map(|bracket| bracket.rung) {
                Some(rung) => rung,
                None if self.begin() => 0,
                None if self.ledger.asked() == 0 => {
                    return Err("the space gives no network that keeps to its requirements".to_owned());
                }
                None => return Ok(Answer::Finished),
            };
            while requests.len() < room as usize {
                let Some(climber) = self.next(engine) else { break };
                requests.push(self.request(climber, rung));
                if let Some(bracket) = &mut self.bracket {
                    bracket.asked += 1;
                }
            }
            if !requests.is_empty() {
                return Ok(Answer::Requests(requests));
            }
            if self.ledger.in_flight() > 0 {
                return Ok(Answer::Wait);
            }
            self.climb(engine);
        }
    }

    fn tell(&mut self, outcomes: Vec<Outcome>, _: &dyn Engine) -> Result<(), String> {
        for outcome in outcomes {
            let (id, cost) = (outcome.id, outcome.cost);
            let Climber { genotype, .. } = self.ledger.settle(id)?;
            self.budget.spend(Amount { cost, ..Amount::default() });
            let Some((score, bracket)) = Score::of(outcome).zip(self.bracket.as_mut()) else { continue };
            let rung = bracket.rung;
            let unit = cost / self.ladder.price(rung, 0.0).trainings;
            if rung == 0 {
                self.units = (self.units.0 + 1, self.units.1 + unit);
            }
            if self.best.as_ref().is_none_or(|(best, least, _)| rung > *best || (rung == *best && score < *least)) {
                self.best = Some((rung, score.clone(), genotype.clone()));
            }
            bracket.measured.push(Measured { id, genotype, score, unit });
        }
        Ok(())
    }

    /// The best of those who came highest.
    fn recommend(&mut self, _: &dyn Engine) -> Vec<Genotype> {
        self.best.iter().map(|(_, _, genotype)| genotype.clone()).collect()
    }
}

export_strategy!(SuccessiveHalving);

#[cfg(test)]
mod tests;
