//! What is measured of trained networks beside loss and accuracy: as jobs of workers, as records of the cache, as metrics.

use indexmap::IndexMap;
use pleach_evaluate::{Measure, value_of};
use pleach_spec::{Experiment, Metric, Step};
use pleach_store::Metrics;
use serde_json::json;

/// What one step measures of each of its networks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measures {
    all: Vec<Measure>,
    severities: Vec<u8>,
    /// The first so many examples of the validation part; all of them without it.
    examples: Option<usize>,
}

impl Measures {
    /// What a step measures.
    pub fn of(experiment: &Experiment, step: &Step) -> Self {
        let (severities, examples) = match step {
            Step::Robustness(step) => (step.severities.as_ref().unwrap_or(&experiment.severities), step.examples),
            _ => (&experiment.severities, None),
        };
        Self { all: pleach_plan::measures(experiment, step), severities: severities.clone(), examples }
    }

    /// The single measurements.
    pub fn all(&self) -> &[Measure] {
        &self.all
    }

    /// The examples that are looked at, where not all of them are.
    pub fn examples(&self) -> Option<usize> {
        self.examples
    }

    /// Forward passes through the network a validation example, a backward pass counted as two.
    pub fn passes(&self) -> f64 {
        let passes = |measure: &Measure| match measure {
            Measure::Corrupted { .. } => 1.0,
            Measure::Attacked { attack, .. } => match attack {
                pleach_spec::Attack::Fgsm(_) => 4.0,
                pleach_spec::Attack::Pgd(pgd) => 3.0 * f64::from(pgd.steps) + 1.0,
                pleach_spec::Attack::Square(square) => f64::from(square.queries) + 1.0,
            },
            Measure::Latency { .. } | Measure::PeakMemory { .. } => 0.0,
        };
        self.all.iter().map(passes).sum()
    }

    /// The name under which the cache keeps a measurement: all that its value depends on beside the trained network.
    fn identity(&self, measure: &Measure) -> String {
        // An attack's name is the experiment's own affair.
        let what = match measure {
            Measure::Attacked { attack, .. } => json!({"attacked": attack}),
            other => json!(other),
        };
        match self.examples {
            None => what.to_string(),
            Some(examples) => json!({"measure": what, "examples": examples}).to_string(),
        }
    }

    /// Takes what was measured out of a network's metrics, as the cache keeps it: by measurement, under plain names.
    pub fn take(&self, metrics: &mut Metrics) -> Vec<(String, Metrics)> {
        let mut taken = Vec::with_capacity(self.all.len());
        for measure in &self.all {
            let mut own = Metrics::new();
            for name in measure.metrics() {
                if let Some(value) = metrics.shift_remove(&name) {
                    own.insert(plain(&name), value);
                }
            }
            if !own.is_empty() {
                taken.push((self.identity(measure), own));
            }
        }
        taken
    }

    /// What was measured, under the experiment's names, with the means over severities; none where something is missing.
    pub fn join(&self, kept: &IndexMap<String, Metrics>) -> Option<Metrics> {
        let mut metrics = Metrics::new();
        for measure in &self.all {
            let own = kept.get(&self.identity(measure))?;
            for name in measure.metrics() {
                metrics.insert(name.clone(), *own.get(&plain(&name))?);
            }
        }
        for measure in &self.all {
            let Measure::Corrupted { corruption, .. } = measure else { continue };
            for of in ["accuracy", "loss"] {
                let mean = Metric { name: of.to_owned(), arguments: vec![corruption.name().to_owned()] };
                if let Some(value) = value_of(&mean, &self.severities, |name| metrics.get(name).copied()) {
                    metrics.insert(mean.to_string(), value);
                }
            }
        }
        Some(metrics)
    }

    /// Those that are not kept.
    pub fn missing(&self, kept: &IndexMap<String, Metrics>) -> Self {
        let all = self.all.iter().filter(|measure| !kept.contains_key(&self.identity(measure))).cloned().collect();
        Self { all, ..self.clone() }
    }
}

/// A metric's name without its arguments.
fn plain(name: &str) -> String {
    name.split('(').next().unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pleach_spec::Corruption;

    #[test]
    fn what_is_kept_finds_back_under_other_names() {
        let attack = |name: &str| Measure::Attacked {
            name: name.to_owned(),
            attack: serde_json::from_value(json!({"fgsm": {"epsilon": 0.1}})).unwrap(),
        };
        let corrupted = |severity| Measure::Corrupted { corruption: Corruption::Contrast, severity };
        let measures = |name| Measures {
            all: vec![attack(name), corrupted(1), corrupted(3)],
            severities: vec![1, 3],
            examples: None,
        };
        let mut metrics: Metrics = [
            ("accuracy", 0.9),
            ("accuracy(mine)", 0.5),
            ("loss(mine)", 2.0),
            ("accuracy(contrast, 1)", 0.75),
            ("loss(contrast, 1)", 1.0),
            ("accuracy(contrast, 3)", 0.25),
            ("loss(contrast, 3)", 3.0),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let kept: IndexMap<String, Metrics> = measures("mine").take(&mut metrics).into_iter().collect();
        assert_eq!(metrics.keys().collect::<Vec<_>>(), ["accuracy"]);
        let joined = measures("yours").join(&kept).unwrap();
        assert_eq!(joined["accuracy(yours)"], 0.5);
        assert_eq!((joined["accuracy(contrast)"], joined["loss(contrast)"]), (0.5, 2.0));
        let mut more = measures("mine");
        more.all.push(corrupted(5));
        assert_eq!(more.join(&kept), None);
        assert_eq!(more.missing(&kept).all, [corrupted(5)]);
        more.examples = Some(10);
        assert_eq!(more.missing(&kept).all.len(), 4, "other examples, other values");
    }
}
