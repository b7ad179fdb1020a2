//! What recording costs: microseconds a trial with grouped commits, and reading it all back.
//!
//! `cargo run --release -p pleach-store --example record_speed [TRIALS [EPOCHS]]`
#![allow(clippy::print_stdout)]

use pleach_store::{Holder, LockFile, Metrics, Outcome, Request, RunFolder, StepRecord, TrialRecord, digest};
use std::error::Error;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let trials: u64 = arguments.next().map_or(Ok(200_000), |text| text.parse())?;
    let epochs: usize = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let root = tempfile::tempdir()?;
    let folder = RunFolder::create(root.path(), "speed", "version: 1\n", &LockFile::default())?;
    let holder = Holder { process: std::process::id(), since: String::new(), host: String::new() };
    let mut run = folder.record(&holder)?;
    let mut step = StepRecord::pending("explore", "search", serde_json::json!({}));
    step.strategy = Some("random".to_owned());
    run.record_step(&step)?;

    let records: Vec<TrialRecord> = (0..trials).map(|id| trial(id, epochs)).collect();
    let begin = Instant::now();
    let mut last_commit = begin;
    let mut commits = 0;
    for record in &records {
        run.record_trial("explore", record)?;
        if last_commit.elapsed() >= Duration::from_millis(100) {
            run.commit()?;
            last_commit = Instant::now();
            commits += 1;
        }
    }
    run.commit()?;
    let microseconds = |since: Instant| since.elapsed().as_secs_f64() * 1e6 / trials as f64;
    println!("record: {:.2} microseconds a trial, {commits} commits", microseconds(begin));

    let begin = Instant::now();
    let back = run.trials("explore")?;
    println!("read: {:.2} microseconds a trial", microseconds(begin));
    assert!(back == records, "what is read differs from what was recorded");

    let begin = Instant::now();
    let whole = digest(&run, |_| false)?.run;
    println!("digest {}: {:.2} microseconds a trial", &whole[..8], microseconds(begin));

    let bytes = std::fs::metadata(folder.database())?.len();
    println!("{:.0} bytes a trial", bytes as f64 / trials as f64);
    Ok(())
}

fn trial(id: u64, epochs: usize) -> TrialRecord {
    let real = |place: u64| ((id * 31 + place) as f64 * 0.618_033_988_749_895).fract();
    let genotype = (0..6).map(|place| if place < 5 { (real(place) * 5.0).floor() } else { real(place) }).collect();
    let mut request = Request::train(genotype, 1.0, 0);
    request.parents = if id > 16 { vec![id - 16] } else { Vec::new() };
    let mut record = TrialRecord::running(id, request, id as f64 * 1.5, real(7) * 1e9);
    let metrics = |epoch: u64| -> Metrics {
        [("accuracy".to_owned(), real(8 + epoch)), ("loss".to_owned(), real(9 + epoch))].into()
    };
    record.curves = (0..epochs as u64).map(metrics).collect();
    record.outcome = Outcome::Measured(metrics(0));
    record
}
