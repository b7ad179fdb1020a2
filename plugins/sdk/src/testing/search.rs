use std::cmp::Ordering;

use super::ToySpace;
use crate::strategy::manifest;
use crate::{
    Answer, Context, Failure, Genotype, Job, Measurement, Origin, Outcome, Reason, Request, Strategy, Task, Training,
};

/// A search loop as the engine runs it: a virtual clock orders outcomes, each worker takes the next request when its
/// last one ends.
#[derive(Debug, Clone)]
pub struct Search<'a> {
    /// Where the strategy searches.
    pub space: &'a ToySpace,
    /// The strategy's seed.
    pub seed: u64,
    /// How many requests it may make; `u64::MAX` is without limit.
    pub budget: u64,
    /// Full-training equivalents that it may spend.
    pub budget_trainings: Option<f64>,
    /// Virtual cost that it may spend.
    pub budget_cost: Option<f64>,
    /// How many may be in flight.
    pub concurrency: u32,
    /// The names of the objectives, one loss each.
    pub objectives: Vec<String>,
    /// The fidelities on offer, rising.
    pub fidelities: Vec<f64>,
    /// Whether a training can go on from the weights of an earlier one.
    pub resumes: bool,
}

/// A request and how it came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    pub request: Request,
    pub outcome: Outcome,
}

/// All that happened in a search.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// In the order asked.
    pub trials: Vec<Trial>,
    /// The ids in the order told.
    pub told: Vec<u64>,
    /// The request that the budget did not allow, after which nothing more was asked.
    pub refused: Option<Request>,
    /// Full-training equivalents spent.
    pub trainings: f64,
    /// Virtual cost spent.
    pub cost: f64,
    /// What the strategy recommended.
    pub recommended: Vec<Genotype>,
    /// What the strategy saved.
    pub saved: Vec<u8>,
}

impl History {
    /// The smallest first loss of all measured trials; infinite without one.
    pub fn best(&self) -> f64 {
        let measured = self.trials.iter().filter_map(|trial| trial.outcome.measured.as_ref().ok());
        measured.map(|measurement| measurement.losses[0]).fold(f64::INFINITY, f64::min)
    }
}

impl Request {
    /// The training that is asked for.
    ///
    /// # Panics
    /// Where it is another job.
    pub fn training(&self) -> &Training {
        match &self.job {
            Job::Train(training) => training,
            _ => panic!("request {} is no training", self.id),
        }
    }

    /// The genotype that a request trains or scores without training.
    ///
    /// # Panics
    /// Where it is a job on shared weights, which has many.
    pub fn genotype(&self) -> &Genotype {
        match &self.job {
            Job::Train(training) => &training.genotype,
            Job::Proxies(genotype) => genotype,
            Job::Share(_) | Job::Score(_) => panic!("request {} has no genotype of its own", self.id),
        }
    }
}

/// A measurement with these losses and nothing else.
pub fn measured(losses: Vec<f64>) -> Result<Measurement, Failure> {
    Ok(Measurement { losses, violations: vec![], curves: vec![], scores: vec![], gradients: vec![], signals: vec![] })
}

/// A failure of a training that diverged.
pub fn failed() -> Result<Measurement, Failure> {
    Err(Failure { reason: Reason::Diverged, message: "the loss is not finite".to_owned() })
}

impl<'a> Search<'a> {
    /// One objective, 100 requests, 4 at once.
    pub fn new(space: &'a ToySpace, seed: u64) -> Self {
        Self {
            space,
            seed,
            budget: 100,
            budget_trainings: None,
            budget_cost: None,
            concurrency: 4,
            objectives: vec!["loss".to_owned()],
            fidelities: vec![1.0],
            resumes: false,
        }
    }

    /// The context that the strategy sees.
    pub fn context(&self, options: &str) -> Context {
        let mut signals = vec!["virtual_time".to_owned(), "fidelity".to_owned()];
        signals.extend(self.resumes.then(|| "resumed".to_owned()));
        Context {
            decisions: self.space.decisions.clone(),
            objectives: self.objectives.clone(),
            constraints: vec![],
            curves: vec![],
            signals,
            proxies: vec![],
            blocks: vec![],
            node_kinds: self.space.decisions.iter().map(|decision| decision.path.clone()).collect(),
            node_features: 1,
            seed: self.seed,
            options: options.to_owned(),
            budget: (self.budget != u64::MAX).then_some(self.budget),
            budget_trainings: self.budget_trainings,
            budget_cost: self.budget_cost,
            concurrency: self.concurrency,
            fidelities: self.fidelities.clone(),
            tasks: vec![Task { name: "toy".to_owned(), features: vec![] }],
            history: vec![],
            saved: None,
        }
    }

    /// Runs a strategy to its end. `evaluate` gives the result of a request, and the virtual cost that it has on fresh weights: of
    /// what resumes only the difference counts.
    ///
    /// # Errors
    /// The strategy's own message; or what it did against the contract.
    pub fn run<S: Strategy>(
        &self,
        options: &str,
        mut evaluate: impl FnMut(&Request) -> (f64, Result<Measurement, Failure>),
    ) -> Result<History, String> {
        let parsed = serde_json::from_str(options).map_err(|error| format!("the options: {error}"))?;
        let mut strategy = S::start(self.context(options), parsed, self.space)?;
        let mut past = Past::default();
        let mut running: Vec<(f64, u64)> = Vec::new();
        let mut now = 0.0;
        'search: loop {
            while running.len() < self.concurrency as usize && (past.trials.len() as u64) < self.budget {
                if past.refused.is_some() || past.finished {
                    break;
                }
                let left = self.budget - past.trials.len() as u64;
                let room = (u64::from(self.concurrency) - running.len() as u64).min(left);
                let requests = match strategy.ask(room as u32, self.space)? {
                    Answer::Requests(requests) => requests,
                    Answer::Wait if running.is_empty() => return Err("waits with nothing in flight".to_owned()),
                    Answer::Wait => break,
                    Answer::Finished => {
                        past.finished = true;
                        break;
                    }
                };
                if requests.is_empty() || requests.len() as u64 > room {
                    return Err(format!("{} requests for a room of {room}", requests.len()));
                }
                for request in requests {
                    let whole = evaluate(&request);
                    match self.begin(request, whole, now, &mut past)? {
                        Some(end) => running.push(end),
                        None => continue 'search,
                    }
                }
            }
            running.sort_by(|one, two| one.partial_cmp(two).unwrap_or(Ordering::Equal));
            let Some(&(next, _)) = running.first() else { break };
            now = next;
            let ended = running.iter().take_while(|(end, _)| *end == now).count();
            let ids: Vec<u64> = running.drain(..ended).map(|(_, id)| id).collect();
            past.told.extend(&ids);
            let outcomes = ids.iter().map(|&id| past.trials[id as usize].outcome.clone()).collect();
            strategy.tell(outcomes, self.space)?;
        }
        let recommended = strategy.recommend(self.space);
        let Past { trials, told, refused, trainings, cost, .. } = past;
        Ok(History { trials, told, refused, trainings, cost, recommended, saved: strategy.save(self.space) })
    }

    /// Takes a request; gives when it ends, or none where the budget does not allow it.
    fn begin(
        &self,
        request: Request,
        (whole, mut measured): (f64, Result<Measurement, Failure>),
        now: f64,
        past: &mut Past,
    ) -> Result<Option<(f64, u64)>, String> {
        let id = request.id;
        if id != past.trials.len() as u64 {
            return Err(format!("request {id} where {} comes next", past.trials.len()));
        }
        let (mut cost, mut share, mut fidelity, mut resumed) = (whole, 0.0, 0.0, 0.0);
        if let Job::Train(training) = &request.job {
            self.space.check(&training.genotype)?;
            if !self.fidelities.contains(&training.fidelity) {
                return Err(format!("request {id}: fidelity {} is none of {:?}", training.fidelity, self.fidelities));
            }
            if let Origin::Resume(earlier) = training.origin {
                resumed = self.resumed(training, earlier, past).map_err(|error| format!("request {id}: {error}"))?;
                cost -= past.whole_costs[earlier as usize];
            }
            fidelity = training.fidelity;
            share = fidelity - resumed;
        }
        let within = |spent: f64, limit: Option<f64>| limit.is_none_or(|limit| spent <= limit * (1.0 + 1e-9));
        if !within(past.trainings + share, self.budget_trainings) || !within(past.cost + cost, self.budget_cost) {
            past.refused = Some(request);
            return Ok(None);
        }
        past.trainings += share;
        past.cost += cost;
        past.whole_costs.push(whole);
        let end = now + cost;
        if let Ok(measurement) = &mut measured {
            measurement.signals = vec![end, fidelity];
            measurement.signals.extend(self.resumes.then_some(resumed));
        }
        past.trials.push(Trial { request, outcome: Outcome { id, cost, measured } });
        Ok(Some((end, id)))
    }

    /// The fidelity that a training goes on from.
    fn resumed(&self, training: &Training, earlier: u64, past: &Past) -> Result<f64, String> {
        if !self.resumes {
            return Err("here nothing can be resumed".to_owned());
        }
        let trial = past.trials.get(earlier as usize).filter(|_| past.told.contains(&earlier));
        let trial = trial.ok_or_else(|| format!("resumes {earlier}, which was not told"))?;
        let from = match &trial.request.job {
            Job::Train(from) if trial.outcome.measured.is_ok() => from,
            _ => return Err(format!("resumes {earlier}, which was not measured as a training")),
        };
        if from.genotype != training.genotype || from.repeat != training.repeat {
            return Err(format!("resumes {earlier}, which has another genotype or repeat"));
        }
        if from.fidelity >= training.fidelity {
            return Err(format!("resumes {earlier} at a fidelity that is not above {}", from.fidelity));
        }
        Ok(from.fidelity)
    }
}

/// What happened so far.
#[derive(Debug, Default)]
struct Past {
    trials: Vec<Trial>,
    told: Vec<u64>,
    refused: Option<Request>,
    finished: bool,
    trainings: f64,
    cost: f64,
    /// By request: what it would cost on fresh weights.
    whole_costs: Vec<f64>,
}

/// The options' schema, as the manifest holds it.
pub fn options_schema<S: Strategy>() -> serde_json::Value {
    serde_json::from_str(&manifest::<S>().options_schema).expect("the schema is JSON that schemars made")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{About, Engine, Ledger, Need};

    #[derive(serde::Deserialize, schemars::JsonSchema)]
    struct Options {
        /// The fidelities of one candidate's trainings, each resumed from the one before.
        climb: Vec<f64>,
        /// Whether it changes its genotype on the way.
        change: bool,
    }

    /// Trains one candidate further and further.
    struct Climb {
        options: Options,
        ledger: Ledger<()>,
    }

    impl Strategy for Climb {
        type Options = Options;
        const ABOUT: About = About { name: "climb", version: "0", summary: "", needs: &[Need::Train, Need::Resume] };

        fn start(_: Context, options: Options, _: &dyn Engine) -> Result<Self, String> {
            Ok(Self { options, ledger: Ledger::new() })
        }

        fn ask(&mut self, _: u32, _: &dyn Engine) -> Result<Answer, String> {
            let asked = self.ledger.asked();
            let Some(&fidelity) = self.options.climb.get(asked as usize) else { return Ok(Answer::Finished) };
            let genotype = vec![if self.options.change { asked as f64 } else { 0.0 }];
            let request = match asked.checked_sub(1) {
                None => self.ledger.train(genotype, fidelity, vec![], ()),
                Some(earlier) => self.ledger.resume(earlier, genotype, fidelity, ()),
            };
            Ok(Answer::Requests(vec![request]))
        }

        fn tell(&mut self, outcomes: Vec<Outcome>, _: &dyn Engine) -> Result<(), String> {
            outcomes.iter().try_for_each(|outcome| self.ledger.settle(outcome.id))
        }
    }

    fn climb(concurrency: u32, resumes: bool, options: &str) -> Result<History, String> {
        let space = ToySpace::choices(&[3]);
        let search = Search { concurrency, resumes, fidelities: vec![0.25, 0.5, 1.0], ..Search::new(&space, 1) };
        search.run::<Climb>(options, |request| (8.0 * request.training().fidelity, measured(vec![0.0])))
    }

    #[test]
    fn what_resumes_costs_the_difference() {
        let history = climb(1, true, r#"{"climb": [0.25, 1.0], "change": false}"#).unwrap();
        let costs: Vec<f64> = history.trials.iter().map(|trial| trial.outcome.cost).collect();
        assert_eq!((costs, history.cost, history.trainings), (vec![2.0, 6.0], 8.0, 1.0));
        // At 8 in virtual time, at fidelity 1, from 0.25.
        assert_eq!(history.trials[1].outcome.measured.as_ref().unwrap().signals, [8.0, 1.0, 0.25]);
    }

    #[test]
    fn only_the_same_candidate_resumes_and_only_upwards() {
        let fault = |concurrency, resumes, options| climb(concurrency, resumes, options).unwrap_err();
        let up = r#"{"climb": [0.25, 1.0], "change": false}"#;
        assert_eq!(fault(1, false, up), "request 1: here nothing can be resumed");
        assert_eq!(fault(2, true, up), "request 1: resumes 0, which was not told");
        let other = r#"{"climb": [0.25, 1.0], "change": true}"#;
        assert_eq!(fault(1, true, other), "request 1: resumes 0, which has another genotype or repeat");
        let level = r#"{"climb": [0.5, 0.5], "change": false}"#;
        assert_eq!(fault(1, true, level), "request 1: resumes 0 at a fidelity that is not above 0.5");
        let between = r#"{"climb": [0.3], "change": false}"#;
        assert_eq!(fault(1, true, between), "request 0: fidelity 0.3 is none of [0.25, 0.5, 1.0]");
    }

    #[test]
    fn what_the_budget_does_not_allow_is_not_asked() {
        let space = ToySpace::choices(&[3]);
        let search = Search {
            budget_trainings: Some(0.9),
            resumes: true,
            concurrency: 1,
            fidelities: vec![0.25, 0.5, 1.0],
            ..Search::new(&space, 1)
        };
        let options = r#"{"climb": [0.25, 0.5, 1.0], "change": false}"#;
        let history = search.run::<Climb>(options, |_| (1.0, measured(vec![0.0]))).unwrap();
        assert_eq!((history.trials.len(), history.trainings, history.told), (2, 0.5, vec![0, 1]));
        assert_eq!(history.refused.map(|request| request.id), Some(2));
    }
}
