//! Trainings in workers: recipes, costs, trial keys, what the cache knows of them.

use super::*;
use pleach_evaluate::protocol::Progress;

/// What the cache holds of a key.
#[derive(Debug)]
pub(super) enum Known {
    /// All that is wanted.
    Whole(Closed),
    /// All but some measurements, and the weights to make them with.
    Unmeasured { closed: Closed, missing: Measures, weights: PathBuf },
    /// Not what is wanted.
    Nothing,
}

impl Evaluations<'_> {
    pub(super) fn open_training(
        &mut self,
        ticket: u64,
        wanted: Wanted<'_>,
        data: &Data,
        allow: &mut dyn FnMut(f64) -> bool,
    ) -> Result<Option<Opened>, RunError> {
        let space = wanted.space;
        let built = match space.build(wanted.genotype) {
            Ok(built) => built,
            Err(problem) => return Ok(infeasible(problem.message, self.proxy_cost, allow)),
        };
        if let Some(message) = broken(&built, space.requirements()) {
            return Ok(infeasible(message, self.proxy_cost, allow));
        }
        let recipe = match space.training(wanted.genotype) {
            Ok(recipe) => recipe,
            Err(problem) => return Ok(infeasible(problem.message, self.proxy_cost, allow)),
        };
        let meaning = &self.prepared.experiment.fidelity;
        let before = wanted.resumed.map(|resumed| Part::of(meaning, recipe.clone(), resumed.fidelity));
        let part = Part::of(meaning, recipe, wanted.fidelity);
        let cost = self.training_cost(&built, &part, before.as_ref(), wanted.measures);
        if !allow(cost) {
            return Ok(None);
        }
        let document = self.training_document(&built.network, &part, data, wanted.repeat)?;
        let key = pleach_store::key(&document);
        let costs = Some(built.costs);
        if wanted.resumable {
            self.temporary.insert(key.clone());
        }
        let opened = Opened { cost, key: Some(key.clone()), infeasible: None };
        let known = self.cache.get(&key)?;
        match self.cached(&key, known.as_ref(), costs, &wanted)? {
            Known::Whole(closed) => {
                self.open.insert(ticket, Open::Ready(Box::new(closed)));
                return Ok(Some(opened));
            }
            Known::Unmeasured { closed, missing, weights } => {
                self.open.insert(ticket, Open::Waiting { costs });
                let weights = Weights {
                    space,
                    genotype: wanted.genotype,
                    repeat: wanted.repeat,
                    key: &key,
                    file: &weights,
                    measures: wanted.measures,
                };
                let (batch, threads) = (part.recipe.batch.unwrap_or(data.batch), part.recipe.threads);
                self.measure(ticket, &weights, &missing, built.network, batch, threads, Some(Box::new(closed)));
                return Ok(Some(opened));
            }
            Known::Nothing => {}
        }
        self.open.insert(ticket, Open::Waiting { costs });
        let keeps = wanted.last || wanted.resumable;
        if self.join(&key, ticket, wanted.last, keeps, wanted.measures) {
            return Ok(Some(opened));
        }
        // Of this process alone: another run below the same root may train the same key.
        let file = format!("training-{key}-{}.safetensors", self.options.holder.process);
        let checkpoint = keeps.then(|| self.cache.folder().join(file));
        // Without the earlier weights the training begins anew, and comes to the same bits.
        let (mut resume, mut epochs_before) = (None, Vec::new());
        if let Some(resumed) = wanted.resumed
            && let (Some(weights), Some(entry)) = (self.cache.weights(resumed.key)?, self.cache.get(resumed.key)?)
        {
            (resume, epochs_before) = (Some(weights), entry.curves);
        }
        let job = TrainJob {
            id: 0,
            network: built.network,
            batch: part.recipe.batch.unwrap_or(data.batch),
            recipe: part.recipe,
            data: data.clone(),
            data_base: self.prepared.base.clone(),
            data_caches: self.prepared.data_caches.clone(),
            split_seed: self.prepared.split_seed(),
            seed: self.training_seed(wanted.repeat),
            epochs: part.epochs,
            data_share: part.data_share,
            resume,
            checkpoint: checkpoint.clone(),
            progress: Some(Progress {
                file: self.cache.progress_file(&key)?,
                seconds: self.options.checkpoint_every.as_secs_f64(),
            }),
            test: wanted.last,
            measure: wanted.measures.all().to_vec(),
        };
        let expected = known.and_then(|entry| entry.tensors);
        let anew = job.resume.is_some().then(|| Box::new(TrainJob { resume: None, ..job.clone() }));
        let (last, before) = (wanted.last, epochs_before);
        let running = Running {
            key,
            purpose: Purpose::Evaluate { document, checkpoint, last, expected, before, anew },
            measures: wanted.measures.clone(),
            tickets: vec![ticket],
        };
        self.submit(running, Work::Train(Box::new(job)));
        Ok(Some(opened))
    }

    /// The floating-point operations of a training and its measurements; of one that goes on, without those before.
    pub(super) fn training_cost(&self, built: &Built, part: &Part, before: Option<&Part>, measures: &Measures) -> f64 {
        let flops = built.costs.live_flops as f64;
        let examples =
            |part: &Part| (self.material.training_examples as f64 * part.data_share).ceil() * f64::from(part.epochs);
        // Each step of an attack goes forwards and backwards; TRADES then trains on both clean and attacked examples.
        let passes = match &part.recipe.adversarial {
            None => 1.0,
            Some(adversarial @ Adversarial::Pgd(_)) => 1.0 + f64::from(adversarial.steps()),
            Some(adversarial @ Adversarial::Trades(_)) => 2.0 + f64::from(adversarial.steps()),
        };
        let training = flops * PASSES * passes * (examples(part) - before.map_or(0.0, examples));
        training + flops * measures.passes() * self.material.validation_examples as f64
    }

    /// All that a training's result depends on.
    pub(super) fn training_document(
        &mut self,
        network: &Network,
        part: &Part,
        data: &Data,
        repeat: u32,
    ) -> Result<Value, RunError> {
        // Not the paths of layers: the same network of another space is the same.
        let nodes: Vec<Value> = network.nodes.iter().map(|node| json!([node.op, node.inputs, node.shape])).collect();
        let seed = self.prepared.experiment.seed;
        let digest = self.material.data_digest.clone();
        let hello = self.start_hello()?;
        Ok(json!({
            "evaluator": "libtorch",
            "network": {"nodes": nodes, "output": network.output},
            "recipe": part.recipe,
            "batch": part.recipe.batch.unwrap_or(data.batch),
            "epochs": part.epochs,
            "data_share": part.data_share,
            "data": digest,
            "split": data.split,
            "run_seed": seed,
            "repeat": repeat,
            "origin": "fresh",
            "threads": part.recipe.threads,
            "precision": match part.recipe.precision { Precision::Full => "full", Precision::Mixed => "mixed" },
            "device": hello.device,
            "libtorch": hello.libtorch,
            "training_semantics": hello.training_semantics,
        }))
    }

    /// What the cache holds of a key.
    pub(super) fn cached(
        &self,
        key: &str,
        entry: Option<&CacheEntry>,
        costs: Option<Costs>,
        wanted: &Wanted<'_>,
    ) -> Result<Known, RunError> {
        let Some(entry) = entry else { return Ok(Known::Nothing) };
        let mut metrics = match &entry.outcome {
            Outcome::Measured(metrics) => metrics.clone(),
            Outcome::Failed(failure) => {
                let evaluated = Evaluated { cached: true, ..Evaluated::at_once(Err(failure.clone())) };
                let evaluated = Evaluated { curves: entry.curves.clone(), ..evaluated };
                return Ok(Known::Whole(Closed { evaluated, test: Metrics::new(), weights: None }));
            }
            Outcome::Running => return Ok(Known::Nothing),
        };
        let needed = wanted.last || !wanted.measures.all().is_empty();
        let kept = if needed { self.cache.measurements(key)? } else { IndexMap::new() };
        let (mut test, mut weights) = (Metrics::new(), None);
        if wanted.last {
            weights = self.cache.weights(key)?;
            match kept.get(TEST) {
                Some(measured) if weights.is_some() => test.clone_from(measured),
                _ => return Ok(Known::Nothing),
            }
        }
        let joined = wanted.measures.join(&kept);
        metrics.extend(joined.iter().flatten().map(|(name, value)| (name.clone(), *value)));
        let evaluated = Evaluated {
            curves: entry.curves.clone(),
            cached: true,
            ..Evaluated::at_once(Ok(with_costs(metrics, costs)))
        };
        let closed = Closed { evaluated, test, weights };
        if joined.is_some() {
            return Ok(Known::Whole(closed));
        }
        // The weights tell what was not measured at the end of the training.
        Ok(match self.cache.weights(key)? {
            Some(weights) => Known::Unmeasured { closed, missing: wanted.measures.missing(&kept), weights },
            None => Known::Nothing,
        })
    }

    /// Waits for a job of the same key, where there is one that gives all that is wanted.
    pub(super) fn join(&mut self, key: &str, ticket: u64, last: bool, keeps: bool, measures: &Measures) -> bool {
        let gives = |job: &&mut Running| {
            job.key == key
                && job.measures == *measures
                && matches!(&job.purpose, Purpose::Evaluate { last: is_last, checkpoint, .. }
                    if (!last || *is_last) && (!keeps || checkpoint.is_some()))
        };
        self.running.values_mut().find(gives).map(|job| job.tickets.push(ticket)).is_some()
    }
}
