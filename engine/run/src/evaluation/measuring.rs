//! Measurements of trained weights.

use super::*;

impl Evaluations<'_> {
    /// Begins to measure trained weights, under a number that is free.
    ///
    /// # Errors
    /// Evaluation cannot go on.
    pub fn open_measures(&mut self, ticket: u64, weights: Weights<'_>) -> Result<Opened, RunError> {
        let Source::Libtorch(data) = &self.material.source else {
            unreachable!("only what libtorch trains has weights, and `check` says so")
        };
        let key = Some(weights.key.to_owned());
        let (built, recipe) = match weights.space.build(weights.genotype).and_then(|built| {
            let recipe = weights.space.training(weights.genotype)?;
            Ok((built, recipe))
        }) {
            Ok(made) => made,
            Err(problem) => {
                return Ok(Opened { cost: self.proxy_cost, key, infeasible: Some(problem.message) });
            }
        };
        let examples = weights.measures.examples().unwrap_or(usize::MAX).min(self.material.validation_examples);
        let cost = built.costs.live_flops as f64 * examples as f64 * (1.0 + weights.measures.passes());
        let costs = Some(built.costs);
        let kept = self.cache.measurements(weights.key)?;
        let clean = kept.get(&clean(weights.measures));
        if let (Some(measured), Some(clean)) = (weights.measures.join(&kept), clean) {
            let mut metrics = clean.clone();
            metrics.extend(measured);
            let evaluated = Evaluated { cached: true, ..Evaluated::at_once(Ok(with_costs(metrics, costs))) };
            let closed = Closed { evaluated, test: Metrics::new(), weights: None };
            self.open.insert(ticket, Open::Ready(Box::new(closed)));
        } else {
            self.open.insert(ticket, Open::Waiting { costs });
            let missing = weights.measures.missing(&kept);
            let (batch, threads) = (recipe.batch.unwrap_or(data.batch), recipe.threads);
            self.measure(ticket, &weights, &missing, built.network, batch, threads, None);
        }
        Ok(Opened { cost, key, infeasible: None })
    }

    /// Has a worker measure of weights what is missing.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn measure(
        &mut self,
        ticket: u64,
        weights: &Weights<'_>,
        missing: &Measures,
        network: Network,
        batch: usize,
        threads: u32,
        trained: Option<Box<Closed>>,
    ) {
        let Source::Libtorch(data) = &self.material.source else {
            unreachable!("only what libtorch trains has weights, and `check` says so")
        };
        let job = MeasureJob {
            id: 0,
            network,
            weights: std::path::absolute(weights.file).unwrap_or_else(|_| weights.file.to_owned()),
            data: data.clone(),
            data_base: self.prepared.base.clone(),
            data_caches: self.prepared.data_caches.clone(),
            split_seed: self.prepared.split_seed(),
            // As at the end of the training.
            seed: derive(self.training_seed(weights.repeat), &["measure"]),
            batch,
            examples: weights.measures.examples(),
            threads,
            measure: missing.all().to_vec(),
        };
        let running = Running {
            key: weights.key.to_owned(),
            purpose: Purpose::Measure { trained },
            measures: weights.measures.clone(),
            tickets: vec![ticket],
        };
        self.submit(running, Work::Measure(Box::new(job)));
    }

    pub(super) fn absorb_measured(
        &mut self,
        key: &str,
        result: Result<Evaluation, Failure>,
        measures: &Measures,
        trained: Option<Box<Closed>>,
    ) -> Result<Closed, RunError> {
        let mut closed = match trained {
            Some(trained) => *trained,
            None => Closed {
                evaluated: Evaluated::at_once(Ok(Values::Named(Metrics::new()))),
                test: Metrics::new(),
                weights: None,
            },
        };
        match result {
            Err(failure) => closed.evaluated.result = Err(failure),
            Ok(evaluation) => {
                let mut metrics = evaluation.metrics;
                let taken: IndexMap<String, Metrics> = measures.take(&mut metrics).into_iter().collect();
                for (name, own) in &taken {
                    self.cache.put_measurement(key, name, own)?;
                }
                self.cache.put_measurement(key, &clean(measures), &metrics)?;
                // What the training itself measured is of all examples, and stays.
                let mut all = closed.evaluated.result.map(Values::into_metrics).unwrap_or_default();
                for (name, value) in metrics {
                    all.entry(name).or_insert(value);
                }
                let kept = self.cache.measurements(key)?;
                all.extend(measures.join(&kept).unwrap_or_default());
                closed.evaluated.result = Ok(Values::Named(all));
            }
        }
        Ok(closed)
    }
}

/// The name under which the cache keeps accuracy and loss on the examples that are measured, as they are.
pub(super) fn clean(measures: &Measures) -> String {
    match measures.examples() {
        None => "clean".to_owned(),
        Some(examples) => format!("clean, {examples} examples"),
    }
}
