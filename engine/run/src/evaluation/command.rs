//! Runs of the user's program.

use super::training::Known;
use super::*;

impl Evaluations<'_> {
    pub(super) fn open_command(
        &mut self,
        ticket: u64,
        wanted: Wanted<'_>,
        digest: &str,
        allow: &mut dyn FnMut(f64) -> bool,
    ) -> Result<Option<Opened>, RunError> {
        let space = wanted.space;
        let costs = match space.has_network().then(|| space.build(wanted.genotype)) {
            None => None,
            Some(Ok(built)) => match broken(&built, space.requirements()) {
                Some(message) => return Ok(infeasible(message, COMMAND_PROXY, allow)),
                None => Some(built.costs),
            },
            Some(Err(problem)) => return Ok(infeasible(problem.message, COMMAND_PROXY, allow)),
        };
        if !allow(wanted.fidelity) {
            return Ok(None);
        }
        let known_without = |name: &String| costs.is_none_or(|costs| costs.metric(name).is_none());
        let metrics: Vec<String> = self.scorer.metrics().into_iter().filter(known_without).collect();
        let seed = self.training_seed(wanted.repeat);
        let ask = Ask { fidelity: wanted.fidelity, seed, repeat: wanted.repeat, metrics };
        let job = CommandJob::new(space.decisions(), wanted.genotype, &space.resolved(wanted.genotype), ask);
        let document = json!({
            "evaluator": {"command": digest},
            "candidate": job.candidate,
            "run_seed": self.prepared.experiment.seed,
            "data": self.material.data_digest,
        });
        let key = pleach_store::key(&document);
        let known = self.cache.get(&key)?;
        let wanted = Wanted { last: false, ..wanted };
        if let Known::Whole(closed) = self.cached(&key, known.as_ref(), costs, &wanted)? {
            self.open.insert(ticket, Open::Ready(Box::new(closed)));
        } else {
            self.open.insert(ticket, Open::Waiting { costs });
            if !self.join(&key, ticket, false, false, wanted.measures) {
                let purpose = Purpose::Evaluate {
                    document,
                    checkpoint: None,
                    last: false,
                    expected: None,
                    before: Vec::new(),
                    anew: None,
                };
                let measures = Measures::default();
                let running = Running { key: key.clone(), purpose, measures, tickets: vec![ticket] };
                self.submit(running, Work::Command(Box::new(job)));
            }
        }
        Ok(Some(Opened { cost: wanted.fidelity, key: Some(key), infeasible: None }))
    }
}
