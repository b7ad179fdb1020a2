//! Trials as event files of TensorBoard: a run a trial, with its curves, its metrics and its line in the HPARAMS tab.

mod message;

use crate::TrialsError;
use crate::trials::{StepTrials, Trial, Trials, Value};
use message::{
    Data, Discrete, DomainOf, Entry, Event, Experiment, HparamInfo, HparamsData, Interval, Kind, MetricInfo,
    MetricName, PluginData, ScalarOrContent, SessionEnd, SessionStart, Summary, SummaryMetadata, SummaryValue, What,
};
use pleach_space::Domain;
use pleach_store::Outcome;
use prost::Message;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// TensorBoard reads every file below its folder whose name has `tfevents` in it.
const FILE: &str = "events.out.tfevents.0.pleach";

/// Data types and states, as TensorBoard's HPARAMS plugin numbers them.
const TEXT: i32 = 1;
const NUMBER: i32 = 3;
const SUCCESS: i32 = 1;
const FAILURE: i32 = 2;
const RUNNING: i32 = 3;

/// Writes the trials as a folder for `tensorboard --logdir`: for each trial a run `STEP/ID` with its learning curves
/// (`curve/METRIC`, a point an epoch), its metrics at the end (`metric/METRIC`, as 32-bit numbers, as TensorBoard has them) and,
/// for the HPARAMS tab, the values of its decisions, the step and the fidelity. `created` is when the run began, in seconds since 1970: the
/// times shown are those plus the times that trials took.
///
/// # Errors
/// A file cannot be written.
pub fn tensorboard(trials: &Trials, created: f64, folder: &Path) -> Result<(), TrialsError> {
    let experiment = vec![hparams(created, "experiment", Data::Experiment(experiment(trials, created)))];
    write(folder, created, experiment)?;
    for (step, trial) in trials.rows() {
        let own = folder.join(&step.name).join(trial.record.id.to_string());
        write(&own, created + trial.begun, events(trials, step, trial, created + trial.begun))?;
    }
    Ok(())
}

/// What the HPARAMS tab has columns for.
fn experiment(trials: &Trials, created: f64) -> Experiment {
    let text = |text: &str| Entry { kind: Some(Kind::Text(text.to_owned())) };
    let number = |number: f64| Entry { kind: Some(Kind::Number(number)) };
    let discrete = |values: Vec<Entry>| Some(DomainOf::Discrete(Discrete { values }));
    let info = |name: &str, kind: i32, domain: Option<DomainOf>| HparamInfo { name: name.to_owned(), kind, domain };
    let steps = trials.steps.iter().map(|step| text(&step.name)).collect();
    let mut columns = vec![info("step", TEXT, discrete(steps)), info("fidelity", NUMBER, None)];
    columns.extend(trials.decisions.iter().map(|decision| {
        let (kind, domain) = match &decision.domain {
            Domain::Choice(options) => (TEXT, discrete(options.iter().map(|option| text(option)).collect())),
            Domain::Levels(levels) => (NUMBER, discrete(levels.iter().map(|level| number(*level)).collect())),
            Domain::Integer { low, high, .. } => {
                (NUMBER, Some(DomainOf::Interval(Interval { low: *low as f64, high: *high as f64 })))
            }
            Domain::Real { low, high, .. } => (NUMBER, Some(DomainOf::Interval(Interval { low: *low, high: *high }))),
        };
        info(&decision.path, kind, domain)
    }));
    // The objectives first: these are what people look for.
    let mut metrics: Vec<String> = trials.objectives.iter().map(|objective| objective.metric().to_string()).collect();
    metrics.retain(|name| trials.metrics.contains(name));
    for name in &trials.metrics {
        if !metrics.contains(name) {
            metrics.push(name.clone());
        }
    }
    let metric = |name: String| MetricInfo {
        name: Some(MetricName { group: String::new(), tag: format!("metric/{name}") }),
        display_name: name,
    };
    Experiment {
        description: format!("the trials of {}", trials.run),
        created,
        columns,
        metrics: metrics.into_iter().map(metric).collect(),
    }
}

fn events(trials: &Trials, step: &StepTrials, trial: &Trial, begun: f64) -> Vec<Event> {
    let record = &trial.record;
    let number = |number: f64| Entry { kind: Some(Kind::Number(number)) };
    let text = |text: &str| Entry { kind: Some(Kind::Text(text.to_owned())) };
    let mut values =
        vec![("step".to_owned(), text(&step.name)), ("fidelity".to_owned(), number(record.request.fidelity))];
    for (place, decision) in trials.decisions.iter().enumerate() {
        let value = match trial.value(&trials.decisions, place) {
            Some(Value::Label(label)) => text(label),
            Some(Value::Integer(whole)) => number(whole as f64),
            Some(Value::Real(real)) => number(real),
            None => continue,
        };
        values.push((decision.path.clone(), value));
    }
    let start = SessionStart {
        values: values.into_iter().collect(),
        group: format!("{}/{}", step.name, record.id),
        start: begun,
    };
    let mut events = vec![hparams(begun, "session_start_info", Data::Start(start))];
    let epochs = record.curves.len();
    for (metrics, epoch) in record.curves.iter().zip(1i64..) {
        let passed = record.seconds * epoch as f64 / epochs as f64;
        let values = metrics.iter().map(|(name, value)| scalar(format!("curve/{name}"), *value)).collect();
        events.push(Event { time: begun + passed, step: epoch, what: Some(What::Summary(Summary { values })) });
    }
    let end = begun + record.seconds;
    if let Some(metrics) = record.metrics() {
        let values = metrics.iter().map(|(name, value)| scalar(format!("metric/{name}"), *value)).collect();
        events.push(Event { time: end, step: epochs as i64, what: Some(What::Summary(Summary { values })) });
    }
    let status = match record.outcome {
        Outcome::Measured(_) => SUCCESS,
        Outcome::Failed(_) => FAILURE,
        Outcome::Running => RUNNING,
    };
    if status != RUNNING {
        events.push(hparams(end, "session_end_info", Data::End(SessionEnd { status, end })));
    }
    events
}

fn scalar(tag: String, value: f64) -> SummaryValue {
    SummaryValue { tag, metadata: None, value: Some(ScalarOrContent::Simple(value as f32)) }
}

/// A message for the HPARAMS plugin.
fn hparams(time: f64, tag: &str, data: Data) -> Event {
    let content = HparamsData { version: 0, data: Some(data) }.encode_to_vec();
    let plugin = PluginData { name: "hparams".to_owned(), content };
    let value = SummaryValue {
        tag: format!("_hparams_/{tag}"),
        metadata: Some(SummaryMetadata { plugin: Some(plugin) }),
        value: None,
    };
    Event { time, step: 0, what: Some(What::Summary(Summary { values: vec![value] })) }
}

fn write(folder: &Path, time: f64, events: Vec<Event>) -> Result<(), TrialsError> {
    let path = folder.join(FILE);
    let failed = |source| TrialsError::Write { path: path.clone(), source };
    fs::create_dir_all(folder).map_err(failed)?;
    let mut out = BufWriter::new(fs::File::create(&path).map_err(failed)?);
    let first = Event { time, step: 0, what: Some(What::Version("brain.Event:2".to_owned())) };
    for event in [first].into_iter().chain(events) {
        write_record(&mut out, &event.encode_to_vec()).map_err(failed)?;
    }
    out.flush().map_err(failed)
}

/// A record of the TFRecord format: the length and its checksum, the bytes and their checksum.
fn write_record(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = (bytes.len() as u64).to_le_bytes();
    out.write_all(&length)?;
    out.write_all(&masked(&length).to_le_bytes())?;
    out.write_all(bytes)?;
    out.write_all(&masked(bytes).to_le_bytes())
}

/// CRC-32C, turned and shifted as TFRecord has it, so that a checksum of what holds checksums is a good one.
fn masked(bytes: &[u8]) -> u32 {
    castagnoli(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (RFC 3720), a byte at a time.
fn castagnoli(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = table();
    !bytes.iter().fold(u32::MAX, |crc, byte| TABLE[usize::from(crc as u8 ^ byte)] ^ (crc >> 8))
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let (mut crc, mut bit) = (index as u32, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests;
