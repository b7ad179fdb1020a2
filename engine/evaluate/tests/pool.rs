//! Pools of training workers, with workers written for the shell.
#![cfg(unix)]

use pleach_evaluate::protocol::{FailureReason, TrainJob, WorkerRequest};
use pleach_evaluate::*;
use serde_json::json;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// The functions of a worker: `hello`, `epoch N`, `trained`, `failed REASON`; `$id` is the request's. Words after it are run at
/// the start, and `work` for each request.
const WORKER: &str = r#"
hello() {
    printf '{"hello":{"protocol":%s,"libtorch":"2","device":"cpu","device_name":"x","training_semantics":1}}\n' "${1:-3}"
}
epoch() { printf '{"epoch":{"id":%s,"epoch":%s,"metrics":{"loss":0.%s}}}\n' "$id" "$1" "$1"; }
trained() {
    printf '{"trained":{"id":%s,"metrics":{"loss":0.5},"weights_digest":"ab","parameters":10,"seconds":0.1}}\n' "$id"
}
failed() { printf '{"failed":{"id":%s,"reason":"%s","message":"why","detail":"where"}}\n' "$id" "$1"; }
serve() {
    while read -r line; do
        rest=${line#*\"id\":}
        id=${rest%%,*}
        work
    done
}
"#;

fn worker(script: &str, folder: &Path) -> Program {
    let mut program = Program::worker("/bin/sh");
    program.arguments = vec!["-c".into(), format!("{WORKER}\n{script}")];
    program.folder = Some(folder.to_owned());
    program
}

fn train() -> TrainJob {
    serde_json::from_value(json!({
        "id": 0, "network": {"nodes": [], "output": 0}, "recipe": {}, "batch": 8, "data": {"dataset": "digits"},
        "data_base": "", "data_caches": [], "split_seed": 1, "seed": 2, "epochs": 2, "data_share": 1.0,
        "resume": null, "checkpoint": null, "test": false
    }))
    .unwrap()
}

fn job(id: u64) -> Job {
    Job { id, work: Work::Train(Box::new(train())), limit: None, retries: 1 }
}

/// Runs jobs 0, 1, … to their ends; all events in order.
fn run(script: &str, workers: usize, jobs: u64) -> Vec<PoolEvent> {
    let folder = tempfile::tempdir().unwrap();
    let (pool, events) = start(worker(script, folder.path()), workers);
    (0..jobs).for_each(|id| pool.submit(job(id)));
    let told = until_done(&events, jobs);
    assert_eq!(pool.open(), 0);
    drop(pool);
    assert_eq!(events.iter().count(), 0, "nothing is told after the end");
    told
}

fn start(program: Program, workers: usize) -> (Pool, Receiver<PoolEvent>) {
    let (sender, events) = channel();
    (Pool::start(PoolOptions { workers, program, environments: Vec::new() }, sender), events)
}

fn until_done(events: &Receiver<PoolEvent>, jobs: u64) -> Vec<PoolEvent> {
    let mut told = Vec::new();
    while done(&told).len() < jobs as usize {
        let event = events.recv_timeout(Duration::from_secs(60)).expect("an event within a minute");
        let end = matches!(event, PoolEvent::CannotStart(_));
        told.push(event);
        if end {
            break;
        }
    }
    told
}

fn done(told: &[PoolEvent]) -> Vec<&Done> {
    told.iter().filter_map(|event| if let PoolEvent::Done(done) = event { Some(done) } else { None }).collect()
}

fn lost(told: &[PoolEvent]) -> Vec<(u64, String)> {
    let lost = |event: &PoolEvent| match event {
        PoolEvent::WorkerLost { id, error, .. } => Some((*id, error.to_string())),
        _ => None,
    };
    told.iter().filter_map(lost).collect()
}

fn started(told: &[PoolEvent]) -> usize {
    told.iter().filter(|event| matches!(event, PoolEvent::WorkerStarted { .. })).count()
}

fn cannot_start(script: &str) -> String {
    let told = run(script, 1, 1);
    match told.last() {
        Some(PoolEvent::CannotStart(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_process_serves_all_jobs_in_order() {
    let told = run("work() { epoch 1; epoch 2; trained; }\nhello; serve", 1, 3);
    assert_eq!((started(&told), lost(&told)), (1, vec![]));
    let done = done(&told);
    assert_eq!(done.iter().map(|done| done.id).collect::<Vec<_>>(), [0, 1, 2]);
    for done in done {
        let evaluation = done.result.as_ref().unwrap();
        assert_eq!(evaluation.metrics["loss"], 0.5);
        assert_eq!(evaluation.curves.iter().map(|epoch| epoch["loss"]).collect::<Vec<_>>(), [0.1, 0.2]);
        assert_eq!((evaluation.first_epoch, evaluation.parameters), (1, Some(10)));
        assert_eq!(evaluation.weights_digest.as_deref(), Some("ab"));
    }
    let epochs = told.iter().filter(|event| matches!(event, PoolEvent::Epoch { id: 2, .. })).count();
    assert_eq!(epochs, 2);
}

#[test]
fn workers_run_side_by_side_and_no_more_start_than_there_are_jobs() {
    // Each job ends only when another one runs beside it.
    let script = "work() { : > $id; while [ $(ls | wc -l) -lt 2 ]; do sleep 0.01; done; trained; }\nhello; serve";
    let told = run(script, 8, 2);
    assert_eq!(done(&told).len(), 2);
    assert_eq!(started(&told), 2);
}

#[test]
fn a_worker_that_dies_loses_its_process_only() {
    let script = "work() { if [ $id = 1 ] && [ ! -e mark ]; then : > mark; echo ouch >&2; epoch 1; kill -9 $$; fi; trained; }\n\
                  hello; serve";
    let told = run(script, 2, 6);
    let done = done(&told);
    assert_eq!(done.len(), 6);
    assert!(done.iter().all(|done| done.result.is_ok()), "{told:?}");
    let lost = lost(&told);
    assert_eq!(lost, [(1, "the worker ended in the middle of its work (signal 9):\nouch".to_owned())]);
}

#[test]
fn a_job_whose_worker_always_dies_fails_alone() {
    let told = run("work() { [ $id = 1 ] && exit 4; trained; }\nhello; serve", 2, 4);
    for done in done(&told) {
        match &done.result {
            Ok(_) => assert_ne!(done.id, 1),
            Err(failure) => {
                assert_eq!((done.id, failure.reason), (1, FailureReason::Lost));
                assert_eq!(failure.message, "the worker ended in the middle of its work, also when tried again alone");
                assert!(failure.detail.contains("exit code 4"), "{}", failure.detail);
            }
        }
    }
    assert_eq!(lost(&told).len(), 2);
}

#[test]
fn what_is_no_answer_ends_the_worker() {
    for (work, problem) in [
        ("echo 'loading data'", "no message"),
        ("id=99; trained", "answered request 99 when asked 0"),
        ("hello", "`hello`, which does not answer"),
        (
            "printf '{\"torch_script_written\":{\"id\":0,\"largest_difference\":0}}\\n'",
            "`torch_script_written`, which does not answer",
        ),
    ] {
        let told = run(&format!("work() {{ {work}; }}\nhello; serve"), 1, 1);
        let lost = lost(&told);
        assert_eq!(lost.len(), 2, "tried twice");
        assert!(lost[0].1.contains(problem), "{lost:?}");
        assert_eq!(done(&told)[0].result.as_ref().unwrap_err().reason, FailureReason::Lost);
    }
}

#[test]
fn failures_of_a_training_are_passed_on() {
    let told = run("work() { failed diverged; }\nhello; serve", 1, 1);
    let failure = done(&told)[0].result.as_ref().unwrap_err().clone();
    let expected = Failure { reason: FailureReason::Diverged, message: "why".into(), detail: "where".into() };
    assert_eq!((failure, started(&told)), (expected, 1), "the worker goes on");
}

#[test]
fn out_of_memory_is_tried_again_alone_in_a_fresh_process() {
    // Each job notes its start and its end; the second try of job 0 must find no other job between the two.
    let script = r#"
        work() {
            if [ $id = 0 ] && [ -e tried ]; then ls | grep -q running && touch beside; trained
            elif [ $id = 0 ]; then : > tried; failed out_of_memory
            else : > running$id; sleep 0.05; rm running$id; [ -e beside ] && exit 1; trained; fi
        }
        hello; serve"#;
    let told = run(script, 3, 7);
    assert_eq!(lost(&told), []);
    assert!(done(&told).iter().all(|done| done.result.is_ok()), "{told:?}");
    assert!(started(&told) > 3, "idle processes were ended to free their memory");

    let told = run("work() { failed out_of_memory; }\nhello; serve", 1, 1);
    let failure = done(&told)[0].result.as_ref().unwrap_err();
    assert_eq!((failure.reason, started(&told)), (FailureReason::OutOfMemory, 2));
}

#[test]
fn a_job_is_tried_as_often_as_it_says() {
    let script = "work() { n=$(cat tries 2>/dev/null || echo 0); echo $((n + 1)) > tries; \
                  [ $n -lt 3 ] && kill -9 $$; trained; }\nhello; serve";
    for (retries, message) in [
        (0, Some("the worker ended in the middle of its work")),
        (2, Some("the worker ended in the middle of its work, also when tried again alone 2 times")),
        (3, None),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (pool, events) = start(worker(script, folder.path()), 2);
        pool.submit(Job { retries, ..job(0) });
        let told = until_done(&events, 1);
        let failure = done(&told)[0].result.as_ref().err().map(|failure| failure.message.as_str());
        assert_eq!(failure, message);
        let again = told.iter().filter(|event| matches!(event, PoolEvent::WorkerLost { again: true, .. })).count();
        assert_eq!(
            (again, lost(&told).len()),
            (retries as usize, if message.is_some() { retries as usize + 1 } else { 3 })
        );
    }
}

#[test]
fn an_answer_too_many_costs_its_worker_and_no_result() {
    let told = run("work() { trained; trained; }\nhello; serve", 1, 4);
    assert!(done(&told).iter().all(|done| done.result.is_ok()), "{told:?}");
    let flood = "work() { trained; yes '{\"epoch\":{\"id\":0,\"epoch\":1,\"metrics\":{}}}'; }\nhello; serve";
    let told = run(flood, 1, 3);
    assert!(done(&told).iter().all(|done| done.result.is_ok()), "{told:?}");
}

#[test]
fn a_training_over_its_limit_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (pool, events) = start(worker("work() { sleep 1000; }\nhello; serve", folder.path()), 1);
    pool.submit(Job { limit: Some(Duration::from_millis(50)), ..job(0) });
    let told = until_done(&events, 1);
    let failure = done(&told)[0].result.as_ref().unwrap_err();
    assert_eq!(
        (failure.reason, failure.message.as_str()),
        (FailureReason::TimedOut, "took longer than 0.05 s, also when tried again alone")
    );
}

#[test]
fn a_program_that_cannot_start_says_why() {
    let missing = cannot_start("echo 'libtorch.so: cannot open shared object file' >&2; exit 127");
    assert_eq!(
        missing,
        "`/bin/sh` ended before it was ready (exit code 127):\nlibtorch.so: cannot open shared object file"
    );
    let other = cannot_start("hello 1; serve");
    assert!(other.contains("speaks version 1 of the workers' protocol, this engine version 3"), "{other}");
    let newer = cannot_start("echo '{\"hello\":{\"protocol\":4,\"new\":true}}'; serve");
    assert!(newer.contains("version 4"), "{newer}");
    let none = cannot_start("echo usage: sh; serve");
    assert!(none.contains("no message"), "{none}");
    let (pool, events) = start(Program::worker("/no/such/pleach-torch"), 1);
    pool.submit(job(0));
    let told = until_done(&events, 1);
    assert!(
        matches!(&told[..], [PoolEvent::CannotStart(error)] if error.to_string().contains("/no/such/pleach-torch")),
        "{told:?}"
    );
}

#[test]
fn each_worker_has_its_own_environment_and_a_group_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let script = "work() { : > $id; while [ $(ls | grep -c '^[01]$') -lt 2 ]; do sleep 0.01; done; \
                  echo \"$DEVICE $OMP_NUM_THREADS $MKL_NUM_THREADS $(ps -o pgid= -p $$) $$\" > saw$id; trained; }\nhello; serve";
    let program = worker(script, folder.path());
    let (sender, events) = channel();
    let environments = ["a", "b"].map(|device| vec![("DEVICE".to_owned(), device.to_owned())]).to_vec();
    let pool = Pool::start(PoolOptions { workers: 2, program, environments }, sender);
    pool.submit(job(0));
    pool.submit(job(1));
    until_done(&events, 2);
    let saw = |id: u64| std::fs::read_to_string(folder.path().join(format!("saw{id}"))).unwrap();
    let mut devices = Vec::new();
    for text in [saw(0), saw(1)] {
        let words: Vec<&str> = text.split_whitespace().collect();
        devices.push(words[0].to_owned());
        assert_eq!(words[1..3], ["1", "1"]);
        if let [.., group, own] = words[..]
            && words.len() == 5
        {
            assert_eq!(group, own, "the worker leads its group");
        }
    }
    devices.sort();
    assert_eq!(devices, ["a", "b"]);
}

#[test]
fn dropping_the_pool_ends_its_processes() {
    let folder = tempfile::tempdir().unwrap();
    let (pool, events) =
        start(worker("work() { echo $$ > pid; epoch 1; sleep 1000; }\nhello; serve", folder.path()), 1);
    (0..3).for_each(|id| pool.submit(job(id)));
    while !matches!(events.recv_timeout(Duration::from_secs(60)).unwrap(), PoolEvent::Epoch { .. }) {}
    let pid = std::fs::read_to_string(folder.path().join("pid")).unwrap();
    drop(pool);
    assert_eq!(done(&events.iter().collect::<Vec<_>>()).len(), 0);
    let alive = std::process::Command::new("sh").args(["-c", &format!("kill -0 {}", pid.trim())]).output().unwrap();
    assert!(!alive.status.success(), "the process is gone");
}

#[test]
fn a_worker_can_be_asked_without_a_pool() {
    let folder = tempfile::tempdir().unwrap();
    let mut worker = Worker::start(&worker("work() { epoch 1; trained; }\nhello; serve", folder.path())).unwrap();
    assert_eq!(worker.hello().device, "cpu");
    let mut epochs = Vec::new();
    for id in [5, 6] {
        let request = WorkerRequest::Train(Box::new(TrainJob { id, ..train() }));
        let answer = worker.call(&request, None, &mut |epoch, _| epochs.push(epoch)).unwrap();
        assert!(matches!(answer, protocol::WorkerAnswer::Trained { id: answered, .. } if answered == id));
    }
    assert_eq!(epochs, [1, 1]);
}
