//! The user's own program as evaluator: a candidate as JSON on its standard input, metrics as JSON on its standard output.

use crate::evaluator::{Evaluation, Failure};
use crate::process::{Killer, Program, is_path};
use crate::protocol::{FailureReason, Metrics};
use crate::worker::WorkerError;
use pleach_space::{Decision, Domain};
use serde_json::{Map, Value, json};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// No answer is longer, in bytes.
const LONGEST: u64 = 64 << 20;

/// One run of the user's program.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandJob {
    /// What the program reads, as one JSON object.
    pub candidate: Value,
    /// The metrics that its answer must have; others may be there too.
    pub metrics: Vec<String>,
}

/// What is asked of a candidate.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// The share of the full training budget, above 0 and at most 1.
    pub fidelity: f64,
    /// The seed of the evaluation.
    pub seed: u64,
    /// The repeat, from 0.
    pub repeat: u32,
    /// The metrics wanted.
    pub metrics: Vec<String>,
}

impl CommandJob {
    /// The job for a full genotype, whose space section without decisions is `resolved`.
    ///
    /// The program reads `{"genotype": {PATH: LABEL-OR-NUMBER}, "network", "training", "values", …, "fidelity", "seed",
    /// "repeat", "metrics": [NAME]}`; decisions that are not active are left out of `genotype`.
    pub fn new(decisions: &[Decision], genotype: &[f64], resolved: &Value, ask: Ask) -> CommandJob {
        let mut candidate = Map::new();
        candidate.insert("genotype".into(), genotype_labels(decisions, genotype).into());
        for (key, value) in resolved.as_object().into_iter().flatten() {
            candidate.insert(key.clone(), value.clone());
        }
        candidate.insert("fidelity".into(), json!(ask.fidelity));
        candidate.insert("seed".into(), json!(ask.seed));
        candidate.insert("repeat".into(), json!(ask.repeat));
        candidate.insert("metrics".into(), json!(ask.metrics));
        CommandJob { candidate: candidate.into(), metrics: ask.metrics }
    }
}

/// Whether a decision counts, given its genotype and which of the decisions before it count.
pub(crate) fn is_active(decision: &Decision, genotype: &[f64], before: &[bool]) -> bool {
    match &decision.active_when {
        None => true,
        Some(when) => before[when.decision] && when.values.contains(&genotype[when.decision]),
    }
}

/// A genotype in words: each active decision's path, and its option's label or its number.
pub fn genotype_labels(decisions: &[Decision], genotype: &[f64]) -> Map<String, Value> {
    let mut active = Vec::with_capacity(decisions.len());
    let mut labels = Map::new();
    for (decision, &value) in decisions.iter().zip(genotype) {
        active.push(is_active(decision, genotype, &active));
        if active.last() == Some(&true) {
            labels.insert(decision.path.clone(), label(&decision.domain, value));
        }
    }
    labels
}

fn label(domain: &Domain, value: f64) -> Value {
    match domain {
        Domain::Choice(options) => options.get(value as usize).map_or(Value::Null, |label| label.as_str().into()),
        Domain::Levels(levels) => levels.get(value as usize).map_or(Value::Null, |&level| number(level)),
        Domain::Integer { .. } => (value as i64).into(),
        Domain::Real { .. } => value.into(),
    }
}

/// Whole numbers without a decimal point, as the experiment has them.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 9e15 { (value as i64).into() } else { value.into() }
}

/// Runs the program once. `started` gets a handle to end it from elsewhere.
///
/// The outer error is of the process and may be worth another try ([`WorkerError::Died`] by a signal, such as when memory runs
/// out, and [`WorkerError::TimedOut`]) or not ([`WorkerError::NotStarted`]); the inner one is the program's answer.
pub(crate) fn run(
    program: &Program,
    job: &CommandJob,
    limit: Option<Duration>,
    started: impl FnOnce(Killer),
) -> Result<Result<Evaluation, Failure>, WorkerError> {
    let start = Instant::now();
    let mut process = program.spawn()?;
    started(process.killer());
    let (Some(mut stdin), Some(stdout)) = (process.stdin.take(), process.stdout.take()) else {
        unreachable!("the streams of a new process are still there");
    };
    let candidate = job.candidate.to_string();
    // In threads of their own: a program may write before it has read all, and may never read at all.
    std::thread::spawn(move || {
        // A program that does not read its input ends with an answer or with an error of its own.
        let _ = stdin.write_all(candidate.as_bytes()).and_then(|()| stdin.write_all(b"\n"));
    });
    let (sender, answer) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stdout.take(LONGEST).read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    let answer = match limit {
        None => answer.recv().map_err(|_| RecvTimeoutError::Disconnected),
        Some(limit) => answer.recv_timeout(limit.saturating_sub(start.elapsed())),
    };
    let status = match (answer.as_ref(), limit) {
        (Err(RecvTimeoutError::Timeout), Some(limit)) => return Err(WorkerError::TimedOut { limit }),
        _ => process.wait(limit.map(|limit| limit.saturating_sub(start.elapsed()))),
    };
    let failure = |message: String| Failure { reason: FailureReason::Lost, message, detail: process.last_words() };
    match (status, limit) {
        (None, Some(limit)) => return Err(WorkerError::TimedOut { limit }),
        (None, None) => return Err(died(None, process.last_words())),
        (Some(status), _) if status.code().is_none() => return Err(died(Some(status), process.last_words())),
        (Some(status), _) if !status.success() => {
            let code = status.code().unwrap_or_default();
            return Ok(Err(failure(format!("the command ended with exit code {code}"))));
        }
        _ => {}
    }
    Ok(read_answer(&answer.unwrap_or_default(), &job.metrics).map_err(|mut failed| {
        if failed.reason != FailureReason::Infeasible {
            let words = process.last_words();
            failed.detail = [failed.detail, words].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join("\n");
        }
        failed
    }))
}

fn died(status: Option<ExitStatus>, last_words: String) -> WorkerError {
    WorkerError::Died { status: crate::process::status_text(status), last_words }
}

/// Reads what the program wrote: the whole as JSON, or its last line, so that it may print above.
fn read_answer(bytes: &[u8], wanted: &[String]) -> Result<Evaluation, Failure> {
    let text = String::from_utf8_lossy(bytes);
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let answer = parse(&text).or_else(|| parse(last)).ok_or_else(|| Failure {
        reason: FailureReason::Lost,
        message: "the command's last line is no JSON object".into(),
        detail: format!("it wrote: {}", last.chars().take(500).collect::<String>()),
    })?;
    if let Some(why) = answer.get("infeasible") {
        let message = why.as_str().map_or_else(|| "the command says that it is infeasible".into(), str::to_owned);
        return Err(Failure::new(FailureReason::Infeasible, message));
    }
    let lost = |message: String| Failure::new(FailureReason::Lost, message);
    let Some(Value::Object(given)) = answer.get("metrics") else {
        return Err(lost("the command's answer has neither `metrics` nor `infeasible`".into()));
    };
    let mut metrics = Metrics::new();
    // The wanted ones first and in their order, whatever order the program has.
    for name in wanted {
        let value = match given.get(name) {
            None => return Err(lost(format!("the command's answer lacks the metric `{name}`"))),
            Some(Value::Null) => f64::NAN,
            Some(value) => match value.as_f64() {
                Some(value) => value,
                None => return Err(lost(format!("the command's metric `{name}` is no number"))),
            },
        };
        if !value.is_finite() {
            return Err(Failure::new(FailureReason::Diverged, format!("the metric `{name}` is not finite")));
        }
        metrics.insert(name.clone(), value);
    }
    for (name, value) in numbers(given) {
        metrics.entry(name).or_insert(value);
    }
    let curves = match answer.get("curves") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(epochs)) if epochs.iter().all(Value::is_object) => {
            epochs.iter().filter_map(Value::as_object).map(|epoch| numbers(epoch).collect()).collect()
        }
        Some(_) => return Err(lost("the command's `curves` is no list of objects".into())),
    };
    Ok(Evaluation { metrics, curves, first_epoch: 1, weights_digest: None, parameters: None })
}

fn numbers(map: &Map<String, Value>) -> impl Iterator<Item = (String, f64)> {
    let finite = map.iter().filter_map(|(name, value)| Some((name, value.as_f64().filter(|v| v.is_finite())?)));
    finite.map(|(name, value)| (name.clone(), value))
}

fn parse(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(text).ok().or_else(|| serde_json::from_str(&without_nan(text)?).ok())
}

/// Python writes `NaN` and `Infinity`, which JSON does not have: `null` in their place, outside of texts. None without any.
fn without_nan(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let (mut in_text, mut escaped, mut found) = (false, false, false);
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if !in_text && let Some(word) = ["NaN", "-Infinity", "Infinity"].into_iter().find(|w| rest.starts_with(w)) {
            plain.push_str("null");
            rest = &rest[word.len()..];
            found = true;
            continue;
        }
        match character {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            _ => {}
        }
        plain.push(character);
        rest = &rest[character.len_utf8()..];
    }
    found.then_some(plain)
}

/// A file of a command that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{}`: {source}", file.display())]
pub struct DigestError {
    /// The file.
    pub file: PathBuf,
    /// What the system says.
    pub source: std::io::Error,
}

/// BLAKE3, in hexadecimal digits, of a command's words and of the files that they name (relative to `base`): the program where
/// it is written with a slash, and each argument, or what stands after its `=`, that is a file. Files that these read in turn
/// are not known here.
///
/// # Errors
/// A file that is there and cannot be read.
pub fn command_digest(command: &pleach_spec::Command, base: &Path) -> Result<String, DigestError> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"pleach command 1\n");
    for (index, word) in command.0.iter().enumerate() {
        hasher.update(&(word.len() as u64).to_le_bytes());
        hasher.update(word.as_bytes());
        let value = word.split_once('=').map(|(_, value)| value);
        let named = [Some(word.as_str()), value].into_iter().flatten().filter(|name| index > 0 || is_path(name));
        let file = named.map(|name| base.join(name)).find(|file| file.is_file());
        hasher.update(&[u8::from(file.is_some())]);
        if let Some(file) = file {
            let digest = std::fs::File::open(&file)
                .and_then(|open| Ok(blake3::Hasher::new().update_reader(open)?.finalize()))
                .map_err(|source| DigestError { file, source })?;
            hasher.update(digest.as_bytes());
        }
    }
    Ok(hasher.finalize().to_hex().to_string())
}
