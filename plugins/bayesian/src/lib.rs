//! Bayesian optimization: a Gaussian process over networks says what to expect of each, and who promises the most improvement is
//! evaluated next.
//!
//! Jones, Schonlau and Welch, "Efficient global optimization of expensive black-box functions", Journal of Global Optimization
//! 1998, with the path encoding of White, Neiswanger and Savani, "BANANAS", AAAI 2021, normal scores of ranks as targets, and
//! what is in flight taken to come out as expected (the kriging believer of Ginsbourger, Le Riche and Carraro 2010).

mod candidates;
mod kernel;
mod process;
mod scores;

use std::collections::BTreeSet;
use std::rc::Rc;

use pleach_sdk::{
    About, Answer, Context, Engine, Genotype, Ledger, Need, Outcome, Random, Score, Strategy, expected_improvement,
    export_strategy,
};
use schemars::JsonSchema;
use serde::Deserialize;

use candidates::{Candidate, Describer};
use process::{Process, View};
use scores::Scalarization;

/// A space of at most so many genotypes is listed, and of so many numbers in all of them.
const LISTED: usize = 20_000;
const NUMBERS: usize = 1_000_000;
/// All of a space of at most so many candidates are looked at for each trial.
const SMALL: usize = 5000;
/// Fewer candidates are looked at in a large space where each has so many decisions that they would be more numbers than this.
const LOOKED: usize = 20_000;
/// The process has at most so many points; then it keeps [`KEPT`] of those told and [`PENDING`] of those in flight.
const MOST: usize = 400;
const KEPT: usize = 96;
const PENDING: usize = 32;
/// At one place so many distances from candidates to points are computed at most: after the process begins anew, not all candidates are
/// looked at until some places later.
const DISTANCES: usize = 160_000;
/// Settings are chosen again when so many times as many outcomes were told.
const PATIENCE: f64 = 1.5;
/// So many of the best breed candidates in a large space.
const PARENTS: usize = 8;
/// After so many rounds without a new candidate the space counts as exhausted.
const FRUITLESS: u32 = 32;

/// What stands below `with:`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// How many candidates are drawn at random first.
    #[schemars(range(min = 2, max = 100_000))]
    pub initial: u32,
    /// Among how many candidates each ask chooses where the space is too large to look at all of it: half of them are mutations of
    /// the best, half are drawn at random.
    #[schemars(range(min = 2, max = 2000))]
    pub candidates: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { initial: 8, candidates: 256 }
    }
}

/// What was asked.
#[derive(Debug)]
struct Trial {
    candidate: Rc<Candidate>,
    /// None until it is told; then none for a failure.
    outcome: Option<Option<Score>>,
    /// The score that was expected.
    expected: f64,
}

/// The running search.
#[derive(Debug)]
pub struct Bayesian {
    options: Options,
    objectives: usize,
    fidelity: f64,
    random: Random,
    describer: Describer,
    ledger: Ledger<usize>,
    /// What was asked, in order.
    trials: Vec<Trial>,
    told: usize,
    asked: BTreeSet<u64>,
    /// Those of a small space that were not asked.
    small: Option<Vec<(Rc<Candidate>, View)>>,
    process: Option<Process>,
    /// The trials that are its points, in their order.
    points: Vec<usize>,
    /// The settings are chosen again when so many were told.
    refit: usize,
    /// Where in the pool looking begins.
    turn: usize,
}

impl Bayesian {
    /// Who may be asked next.
    fn pool(&mut self, engine: &dyn Engine) -> Vec<(Rc<Candidate>, View)> {
        if let Some(small) = self.small.take() {
            return small;
        }
        let parents = if self.is_blind() { Vec::new() } else { self.best(PARENTS) };
        for _ in 0..FRUITLESS {
            let mutated = if parents.is_empty() { 0 } else { self.options.candidates / 2 };
            let mut genotypes: Vec<Genotype> = parents.iter().cycle().take(mutated as usize).cloned().collect();
            genotypes = engine.mutate(&genotypes, self.random.draw());
            genotypes.extend(engine.sample(self.options.candidates - mutated, self.random.draw()));
            let mut seen = BTreeSet::new();
            let new = |identity| !self.asked.contains(&identity) && seen.insert(identity);
            let candidates = self.describer.candidates(genotypes, engine, new);
            if !candidates.is_empty() {
                return candidates.into_iter().map(|candidate| (candidate, View::default())).collect();
            }
        }
        Vec::new()
    }

    /// Whether too little was told to learn from.
    fn is_blind(&self) -> bool {
        self.told < self.options.initial as usize
    }

    /// The genotypes of the best that were told.
    fn best(&self, most: usize) -> Vec<Genotype> {
        let told: Vec<usize> = (0..self.trials.len()).filter(|&trial| self.trials[trial].outcome.is_some()).collect();
        let measured = told.into_iter().filter(|&trial| matches!(self.trials[trial].outcome, Some(Some(_))));
        let mut measured: Vec<usize> = measured.collect();
        measured.sort_by(|&one, &two| self.trials[one].outcome.cmp(&self.trials[two].outcome));
        measured.into_iter().take(most).map(|trial| self.trials[trial].candidate.genotype.clone()).collect()
    }

    /// Begins the process anew with the best that was told, and others.
    fn begin(&mut self, pool: &mut [(Rc<Candidate>, View)]) {
        let (mut told, mut pending): (Vec<usize>, Vec<usize>) =
            (0..self.trials.len()).partition(|&trial| self.trials[trial].outcome.is_some());
        let scalarization = Scalarization::draw(self.objectives, &mut self.random);
        if told.len() > KEPT {
            // The best, and of the others every so many.
            let scores = self.told_scores(&told, &scalarization);
            let mut order: Vec<usize> = (0..told.len()).collect();
            order.sort_by(|&one, &two| scores[two].total_cmp(&scores[one]));
            let (top, rest) = order.split_at(KEPT / 2);
            let spread = (0..KEPT - KEPT / 2).map(|place| rest[place * rest.len() / (KEPT - KEPT / 2)]);
            told = top.iter().copied().chain(spread).map(|place| told[place]).collect();
        }
        pending.truncate(PENDING);
        let mut scores: Vec<Option<f64>> = self.told_scores(&told, &scalarization).into_iter().map(Some).collect();
        scores.resize(told.len() + pending.len(), None);
        self.points = told;
        self.points.append(&mut pending);
        let candidates = self.points.iter().map(|&trial| self.trials[trial].candidate.clone()).collect();
        self.process = Some(Process::new(candidates, &scores, &self.describer));
        pool.iter_mut().for_each(|(_, view)| *view = View::default());
    }

    /// The scores of the points, where they were told.
    fn known_scores(&self, scalarization: &Scalarization) -> Vec<Option<f64>> {
        let is_told = |trial: &usize| self.trials[*trial].outcome.is_some();
        let told: Vec<usize> = self.points.iter().copied().filter(is_told).collect();
        let mut scores = self.told_scores(&told, scalarization).into_iter();
        self.points.iter().map(|trial| if is_told(trial) { scores.next() } else { None }).collect()
    }

    fn told_scores(&self, trials: &[usize], scalarization: &Scalarization) -> Vec<f64> {
        let outcomes = trials.iter().map(|&trial| self.trials[trial].outcome.as_ref().and_then(Option::as_ref));
        scalarization.scores(&outcomes.collect::<Vec<_>>())
    }

    /// Who of the pool promises the most improvement, with the score that is expected of it.
    fn choose(&mut self, pool: &mut [(Rc<Candidate>, View)]) -> Option<(usize, f64)> {
        if self.process.as_ref().is_none_or(|process| process.len() >= MOST) {
            self.begin(pool);
        }
        let scalarization = Scalarization::draw(self.objectives, &mut self.random);
        let known = self.known_scores(&scalarization);
        if self.told >= self.refit && known.len() <= KEPT + PENDING {
            self.refit = ((self.told as f64 * PATIENCE) as usize).max(self.told + 1);
            self.process.as_mut()?.fit(&known);
        }
        let best = known.iter().copied().flatten().fold(f64::NEG_INFINITY, f64::max);
        let expected = self.points.iter().map(|&trial| self.trials[trial].expected);
        let scores: Vec<f64> = known.iter().zip(expected).map(|(known, expected)| known.unwrap_or(expected)).collect();
        let process = self.process.as_mut()?;
        process.aim(&scores);
        let mut chosen: Option<(usize, (f64, f64), f64)> = None;
        let (first, mut distances) = (self.turn, 0);
        for step in 0..pool.len() {
            let place = (first + step) % pool.len();
            let (candidate, view) = &mut pool[place];
            distances += process.news(view);
            if distances > DISTANCES && step > 0 {
                self.turn = place;
                break;
            }
            let belief = process.believe(candidate, view, &self.describer);
            // Where no improvement can be told from none, who comes nearest.
            let merit = (
                expected_improvement(belief.mean, belief.deviation, best),
                (belief.mean - best) / belief.deviation.max(1e-12),
            );
            if chosen.is_none_or(|(_, highest, _)| merit > highest) {
                chosen = Some((place, merit, belief.mean));
            }
        }
        chosen.map(|(place, _, expected)| (place, expected))
    }
}

impl Strategy for Bayesian {
    type Options = Options;

    const ABOUT: About = About {
        name: "bayesian",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Evaluates who promises the most improvement by a Gaussian process over paths and decisions (Jones et al. 1998).",
        needs: &[Need::Train],
    };

    fn start(context: Context, options: Options, engine: &dyn Engine) -> Result<Self, String> {
        let describer = Describer::new(&context);
        let mut seen = BTreeSet::new();
        let decisions = context.decisions.len().max(1);
        let limit = LISTED.min(NUMBERS / decisions) as u32;
        let listed = engine.members(limit).map(|all| describer.candidates(all, engine, |one| seen.insert(one)));
        let small = listed.filter(|candidates| candidates.len() <= SMALL);
        Ok(Self {
            options: Options { candidates: options.candidates.min((LOOKED / decisions).max(2) as u32), ..options },
            objectives: context.objectives.len(),
            fidelity: context.highest_fidelity()?,
            random: Random::stream(context.seed, "bayesian"),
            describer,
            ledger: Ledger::new(),
            trials: Vec::new(),
            told: 0,
            asked: BTreeSet::new(),
            small: small.map(|all| all.into_iter().map(|candidate| (candidate, View::default())).collect()),
            process: None,
            points: Vec::new(),
            refit: 0,
            turn: 0,
        })
    }

    fn ask(&mut self, room: u32, engine: &dyn Engine) -> Result<Answer, String> {
        let listed = self.small.is_some();
        let mut pool = self.pool(engine);
        let mut requests = Vec::new();
        while requests.len() < room as usize && !pool.is_empty() {
            let chosen = if self.is_blind() { None } else { self.choose(&mut pool) };
            let (place, expected) = chosen.unwrap_or_else(|| (self.random.index(pool.len()), 0.0));
            let (candidate, _) = pool.swap_remove(place);
            let trial = self.trials.len();
            if let Some(process) = self.process.as_mut().filter(|process| process.len() < MOST) {
                process.add(candidate.clone(), &self.describer);
                self.points.push(trial);
            }
            self.asked.insert(candidate.identity);
            let request = self.ledger.train(candidate.genotype.clone(), self.fidelity, Vec::new(), trial);
            self.trials.push(Trial { candidate, outcome: None, expected });
            requests.push(request);
        }
        if listed {
            self.small = Some(pool);
        }
        match (requests.is_empty(), self.trials.is_empty()) {
            (false, _) => Ok(Answer::Requests(requests)),
            (true, true) => Err("the space gives no network that keeps to its requirements".to_owned()),
            (true, false) => Ok(Answer::Finished),
        }
    }

    fn tell(&mut self, outcomes: Vec<Outcome>, _: &dyn Engine) -> Result<(), String> {
        for outcome in outcomes {
            let trial = self.ledger.settle(outcome.id)?;
            self.trials[trial].outcome = Some(Score::of(outcome));
            self.told += 1;
        }
        Ok(())
    }
}

export_strategy!(Bayesian);

#[cfg(test)]
mod tests;
