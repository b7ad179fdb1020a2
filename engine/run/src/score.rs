//! Objectives and requirements as numbers: losses and violations.

use pleach_spec::{Objective, Requirement};

/// What a run optimizes and what candidates must keep to.
#[derive(Debug, Clone)]
pub struct Scorer {
    objectives: Vec<(String, Objective)>,
    requirements: Vec<(String, Requirement)>,
}

impl Scorer {
    /// From an experiment's sections.
    pub fn new(objectives: &[Objective], requirements: &[Requirement]) -> Self {
        Self {
            objectives: objectives.iter().map(|o| (o.metric().to_string(), o.clone())).collect(),
            requirements: requirements.iter().map(|r| (r.metric.to_string(), r.clone())).collect(),
        }
    }

    /// The names of the objectives' metrics.
    pub fn objectives(&self) -> Vec<String> {
        self.objectives.iter().map(|(name, _)| name.clone()).collect()
    }

    /// The names of all metrics that objectives and requirements use, each once.
    pub fn metrics(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let used = self.objectives.iter().map(|(name, _)| name).chain(self.requirements.iter().map(|(name, _)| name));
        for name in used {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// The requirements as written.
    pub fn constraints(&self) -> Vec<String> {
        self.requirements.iter().map(|(_, requirement)| requirement.to_string()).collect()
    }

    /// The requirement at a place.
    pub fn requirement(&self, place: usize) -> &Requirement {
        &self.requirements[place].1
    }

    /// One loss an objective; NaN where the metric is not known.
    pub fn losses(&self, metric: impl Fn(&str) -> Option<f64>) -> Vec<f64> {
        self.objectives.iter().map(|(name, objective)| metric(name).map_or(f64::NAN, |v| objective.loss(v))).collect()
    }

    /// How far each requirement is broken; 0 or less where it holds, infinite where the metric is not known.
    pub fn violations(&self, metric: impl Fn(&str) -> Option<f64>) -> Vec<f64> {
        let violation =
            |(name, requirement): &(String, Requirement)| requirement.violation(metric(name).unwrap_or(f64::NAN));
        self.requirements.iter().map(violation).collect()
    }

    /// Losses, then violations, where the metric is known; NaN elsewhere.
    pub fn known(&self, metric: impl Fn(&str) -> Option<f64>) -> Vec<f64> {
        let mut known = self.losses(&metric);
        known.extend(
            self.requirements.iter().map(|(name, r)| metric(name).map_or(f64::NAN, |value| r.violation(value))),
        );
        known
    }

    /// Whether the metrics of objectives or requirements include this one.
    pub fn uses(&self, name: &str) -> bool {
        self.objectives.iter().any(|(known, _)| known == name)
            || self.requirements.iter().any(|(known, _)| known == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_no_number_and_breaks_requirements() {
        let scorer = Scorer::new(
            &[Objective::Maximize("accuracy".parse().unwrap()), Objective::Minimize("parameters".parse().unwrap())],
            &["parameters <= 100".parse().unwrap(), "latency <= 2".parse().unwrap()],
        );
        let metric = |name: &str| (name == "parameters").then_some(150.0);
        let losses = scorer.losses(metric);
        assert!(losses[0].is_nan() && losses[1] == 150.0);
        assert_eq!(scorer.violations(metric), [0.5, f64::INFINITY]);
        let known = scorer.known(metric);
        assert!(known[3].is_nan() && known[2] == 0.5);
        assert!(scorer.uses("latency") && !scorer.uses("flops"));
    }
}
