//! The digest of a run: equal wherever the same was asked and the same came out.

use crate::error::{Error, Result};
use crate::key::canonical;
use crate::reader::RunReader;
use crate::record::{Metrics, Outcome, StepRecord, TrialRecord};
use blake3::Hasher;
use indexmap::IndexMap;
use std::fs::File;
use std::path::Path;

/// The digest of a run and of each of its steps, in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDigest {
    /// Over all steps.
    pub run: String,
    /// By step, sorted by name: where two runs differ.
    pub steps: IndexMap<String, String>,
}

/// The digest of what a run recorded.
///
/// Over steps by name, then requests by id: the request with its genotype, the metrics at every epoch and at the end, the
/// failure, and the step's recommendation. A step without a strategy has its trainings ordered by candidate, then repeat,
/// whatever their ids are. Not in it: requests that have not ended, what came from the cache, real seconds, who evaluated,
/// details of a machine, and metrics that `is_speed` names, since they are measured with a clock.
///
/// # Errors
/// The record cannot be read.
pub fn digest(run: &RunReader, is_speed: impl Fn(&str) -> bool) -> Result<RunDigest> {
    let mut records = run.steps()?;
    records.sort_by(|one, other| one.name.cmp(&other.name));
    let mut steps = IndexMap::with_capacity(records.len());
    let mut whole = Encoder::new("pleach run 1");
    for step in &records {
        let digest = step_digest(step, run, &is_speed)?;
        whole.text("step", &step.name);
        whole.text("digest", &digest);
        steps.insert(step.name.clone(), digest);
    }
    Ok(RunDigest { run: whole.finish(), steps })
}

fn step_digest(step: &StepRecord, run: &RunReader, is_speed: &impl Fn(&str) -> bool) -> Result<String> {
    let mut encoder = Encoder::new("pleach step 1");
    if step.strategy.is_some() {
        encoder.number("trials", run.ended_trials(&step.name)?);
        for trial in run.each_trial(&step.name) {
            let trial = trial?;
            if trial.outcome != Outcome::Running {
                encode_trial(&mut encoder, trial.id, &trial, is_speed);
            }
        }
    } else {
        let mut trials = run.trials(&step.name)?;
        trials.retain(|trial| trial.outcome != Outcome::Running);
        trials.sort_by_key(|trial| (trial.request.candidate, trial.request.repeat, trial.id));
        encoder.number("trials", trials.len() as u64);
        for (place, trial) in trials.iter().enumerate() {
            encode_trial(&mut encoder, place as u64, trial, is_speed);
        }
    }
    match &step.recommendation {
        None => encoder.label("no recommendation"),
        Some(genotypes) => {
            encoder.number("recommendation", genotypes.len() as u64);
            for genotype in genotypes {
                encoder.reals("genotype", genotype);
            }
        }
    }
    Ok(encoder.finish())
}

fn encode_trial(encoder: &mut Encoder, number: u64, trial: &TrialRecord, is_speed: &impl Fn(&str) -> bool) {
    let request = &trial.request;
    encoder.number("trial", number);
    encoder.reals("genotype", &request.genotype);
    encoder.text("job", &request.job);
    encoder.real("fidelity", request.fidelity);
    encoder.number("repeat", u64::from(request.repeat));
    if let Some(candidate) = request.candidate {
        encoder.number("candidate", u64::from(candidate));
    }
    encoder.number("parents", request.parents.len() as u64);
    for parent in &request.parents {
        encoder.number("parent", *parent);
    }
    if let Some(detail) = &request.detail {
        encoder.text("detail", &canonical(detail));
    }
    match &trial.outcome {
        Outcome::Running => encoder.label("running"),
        // How far a failed training came can depend on the machine; its reason and message may not.
        Outcome::Failed(failure) => {
            encoder.text("failed", &failure.reason);
            encoder.text("message", &failure.message);
        }
        Outcome::Measured(metrics) => {
            encoder.number("epochs", trial.curves.len() as u64);
            for epoch in &trial.curves {
                encoder.metrics(epoch, is_speed);
            }
            encoder.label("measured");
            encoder.metrics(metrics, is_speed);
        }
    }
}

/// A run of labelled values that cannot be read in two ways: a text carries its length, a list its count, a number its eight
/// bytes with the lowest first.
struct Encoder {
    hasher: Hasher,
    /// Collects one value's small parts: the hash function takes few large pieces faster than many small ones.
    buffer: Vec<u8>,
}

impl Encoder {
    fn new(what: &str) -> Self {
        let mut encoder = Self { hasher: Hasher::new(), buffer: Vec::with_capacity(8192) };
        encoder.label(what);
        encoder
    }

    fn label(&mut self, label: &str) {
        if self.buffer.len() > 4096 {
            self.hasher.update(&self.buffer);
            self.buffer.clear();
        }
        self.bytes(label);
    }

    fn bytes(&mut self, text: &str) {
        self.buffer.extend_from_slice(&(text.len() as u64).to_le_bytes());
        self.buffer.extend_from_slice(text.as_bytes());
    }

    fn text(&mut self, label: &str, text: &str) {
        self.label(label);
        self.bytes(text);
    }

    fn number(&mut self, label: &str, number: u64) {
        self.label(label);
        self.buffer.extend_from_slice(&number.to_le_bytes());
    }

    fn bits(&mut self, real: f64) {
        // The record keeps no payloads of NaN, so all of them are one here too.
        let bits = if real.is_nan() { f64::NAN.to_bits() } else { real.to_bits() };
        self.buffer.extend_from_slice(&bits.to_le_bytes());
    }

    fn real(&mut self, label: &str, real: f64) {
        self.label(label);
        self.bits(real);
    }

    fn reals(&mut self, label: &str, reals: &[f64]) {
        self.number(label, reals.len() as u64);
        for real in reals {
            self.bits(*real);
        }
    }

    fn metrics(&mut self, metrics: &Metrics, is_speed: &impl Fn(&str) -> bool) {
        let mut sorted: Vec<(&String, &f64)> = metrics.iter().filter(|(name, _)| !is_speed(name)).collect();
        sorted.sort_unstable_by_key(|(name, _)| *name);
        self.number("metrics", sorted.len() as u64);
        for (name, value) in sorted {
            self.real(name, *value);
        }
    }

    fn finish(mut self) -> String {
        self.hasher.update(&self.buffer);
        self.hasher.finalize().to_hex().to_string()
    }
}

/// BLAKE3 of a file's content in hexadecimal digits.
///
/// # Errors
/// The file cannot be read.
pub fn file_digest(path: &Path) -> Result<String> {
    let mut hasher = Hasher::new();
    File::open(path)
        .and_then(|file| hasher.update_reader(file).map(drop))
        .map_err(|source| Error::file(path, source))?;
    Ok(hasher.finalize().to_hex().to_string())
}
