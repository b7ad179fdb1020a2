//! What becomes of a result: kept in the cache, handed to all that wait for it.

use super::*;

/// What is to become of a training's result.
#[derive(Debug)]
struct Kept {
    document: Value,
    checkpoint: Option<PathBuf>,
    last: bool,
    before: Vec<Metrics>,
    seconds: f64,
}

/// The reason of a failure by which earlier weights cannot be used.
const LOST: &str = "lost";

impl Evaluations<'_> {
    /// Keeps a result and hands it to all that wait for it.
    pub(super) fn absorb(&mut self, step: &str, done: Done, session: &mut Session<'_>) -> Result<(), RunError> {
        let Some(Running { key, purpose, measures, tickets }) = self.running.remove(&done.id) else { return Ok(()) };
        let result = match done.result {
            Ok(evaluation) => Ok(evaluation),
            Err(failure) => {
                let reason = serde_json::to_value(failure.reason).ok();
                let reason = reason.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default();
                Err(Failure { reason, message: failure.message, detail: failure.detail })
            }
        };
        let closed = match purpose {
            Purpose::Measure { trained } => self.absorb_measured(&key, result, &measures, trained)?,
            Purpose::Evaluate { document, checkpoint, last, expected, anew: Some(job), .. }
                if result.as_ref().is_err_and(|failure| failure.reason == LOST) =>
            {
                // Another run on the same cache may have removed them, or they are of data that lay elsewhere.
                let message = "a training could not go on from its earlier weights, and begins anew to the same bits";
                session.emit(&Event::Log { step, level: "info", message })?;
                let purpose =
                    Purpose::Evaluate { document, checkpoint, last, expected, before: Vec::new(), anew: None };
                self.submit(Running { key, purpose, measures, tickets }, Work::Train(job));
                return Ok(());
            }
            Purpose::Evaluate { document, checkpoint, last, expected, before, .. } => {
                if let (Some(expected), Ok(Evaluation { weights_digest: Some(found), .. })) = (&expected, &result)
                    && expected != found
                {
                    self.not_reproduced(step, &key, expected, found, session)?;
                }
                let kept = Kept { document, checkpoint, last, before, seconds: done.seconds };
                self.absorb_evaluated(&key, result, &measures, kept)?
            }
        };
        for (place, ticket) in tickets.iter().enumerate() {
            let costs = match self.open.get(ticket) {
                Some(Open::Waiting { costs }) => *costs,
                _ => continue,
            };
            let mut own = closed.clone();
            own.evaluated.result = own.evaluated.result.map(|values| with_costs(values.into_metrics(), costs));
            own.evaluated.cached = place > 0 || closed.evaluated.cached;
            own.evaluated.seconds = if place == 0 { done.seconds } else { 0.0 };
            own.evaluated.worker = (place == 0).then(|| format!("worker {}", done.worker));
            self.open.insert(*ticket, Open::Ready(Box::new(own)));
        }
        Ok(())
    }

    /// A training that came to other bits than an earlier one of the same key.
    fn not_reproduced(
        &self,
        step: &str,
        key: &str,
        expected: &str,
        found: &str,
        session: &mut Session<'_>,
    ) -> Result<(), RunError> {
        let detail = format!("its weights have the digest {found}, an earlier training of the same key had {expected}");
        let what = format!("a training of step `{step}` (key {})", &key[..12]);
        if self.hello.as_ref().is_none_or(|hello| hello.device == "cpu") {
            return Err(RunError::NotReproduced { what, detail });
        }
        let message = format!("{what} did not reproduce: {detail}");
        session.emit(&Event::Log { step, level: "warn", message: &message })
    }

    fn absorb_evaluated(
        &mut self,
        key: &str,
        result: Result<Evaluation, Failure>,
        measures: &Measures,
        kept: Kept,
    ) -> Result<Closed, RunError> {
        let (outcome, curves, tensors, mut test) = match result {
            Ok(evaluation) => {
                let (mut metrics, mut test) = (Metrics::new(), Metrics::new());
                for (name, value) in evaluation.metrics {
                    match name.strip_prefix("test_") {
                        Some(measured) if kept.last => drop(test.insert(measured.to_owned(), value)),
                        _ => drop(metrics.insert(name, value)),
                    }
                }
                let mut curves = kept.before;
                curves.truncate(evaluation.first_epoch.saturating_sub(1) as usize);
                curves.extend(evaluation.curves);
                (Outcome::Measured(metrics), curves, evaluation.weights_digest, test)
            }
            Err(failure) => (Outcome::Failed(failure), Vec::new(), None, Metrics::new()),
        };
        let (mut outcome, mut measured) = (outcome, Metrics::new());
        if let Outcome::Measured(metrics) = &mut outcome {
            let taken: IndexMap<String, Metrics> = measures.take(metrics).into_iter().collect();
            measured = measures.join(&taken).unwrap_or_default();
            for (name, metrics) in &taken {
                self.cache.put_measurement(key, name, metrics)?;
            }
        }
        let cacheable = match &outcome {
            Outcome::Measured(_) => true,
            Outcome::Failed(failure) => !of_machine(&failure.reason),
            Outcome::Running => false,
        };
        let mut weights = None;
        if let Some(checkpoint) = &kept.checkpoint
            && matches!(outcome, Outcome::Measured(_))
        {
            if kept.last {
                self.cache.put_measurement(key, TEST, &test)?;
            }
            self.cache.put_weights(key, checkpoint)?;
            weights = self.cache.weights(key)?;
            std::fs::remove_file(checkpoint).map_err(|source| RunError::File { path: checkpoint.clone(), source })?;
        }
        // The result comes last: where it is known, so is all that belongs to it, whenever the process is killed.
        if cacheable {
            let entry = CacheEntry {
                key: key.to_owned(),
                document: kept.document,
                outcome: outcome.clone(),
                curves: curves.clone(),
                tensors,
                seconds: kept.seconds,
            };
            // What is known stays; whether the weights are equal was looked at above.
            let (Put::New | Put::Known(_)) = self.cache.put(&entry)?;
            self.cache.remove_progress(key)?;
        }
        let result = match outcome {
            Outcome::Measured(mut metrics) => {
                metrics.extend(measured);
                Ok(Values::Named(metrics))
            }
            Outcome::Failed(failure) => {
                test.clear();
                Err(failure)
            }
            Outcome::Running => unreachable!("it has ended"),
        };
        Ok(Closed { evaluated: Evaluated { curves, ..Evaluated::at_once(result) }, test, weights })
    }
}
