//! The user's own program as evaluator, with programs of the shell.
#![cfg(unix)]

use pleach_evaluate::protocol::FailureReason;
use pleach_evaluate::*;
use pleach_space::{Condition, Decision, Domain, Role};
use serde_json::json;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

fn command(words: &[&str]) -> pleach_spec::Command {
    pleach_spec::Command(words.iter().map(|&word| word.to_owned()).collect())
}

fn shell(script: &str) -> Program {
    Program::of_command(&command(&["sh", "-c", script]), Path::new(""))
}

fn job(id: u64) -> Job {
    let work = CommandJob { candidate: json!({"values": {"x": id}}), metrics: vec!["loss".into()] };
    Job { id, work: Work::Command(Box::new(work)), limit: None, retries: 1 }
}

fn pool(program: Program, workers: usize) -> (Pool, Receiver<PoolEvent>) {
    let (sender, events) = channel();
    (Pool::start(PoolOptions { workers, program, environments: Vec::new() }, sender), events)
}

fn one(script: &str) -> Done {
    let (pool, events) = pool(shell(script), 1);
    pool.submit(job(0));
    loop {
        match events.recv_timeout(Duration::from_secs(60)).unwrap() {
            PoolEvent::Done(done) => return done,
            PoolEvent::WorkerLost { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn metrics_come_from_the_answer() {
    let done = one(
        r#"cat > /dev/null; echo progress; echo '{"metrics": {"more": 2, "loss": 1.5}, "curves": [{"loss": 3}, {"loss": 1.5}]}'"#,
    );
    let evaluation = done.result.unwrap();
    assert_eq!(evaluation.metrics.keys().collect::<Vec<_>>(), ["loss", "more"], "what is wanted comes first");
    assert_eq!(evaluation.metrics["loss"], 1.5);
    assert_eq!(evaluation.curves.iter().map(|epoch| epoch["loss"]).collect::<Vec<_>>(), [3.0, 1.5]);
}

#[test]
fn an_answer_over_many_lines_and_unread_input_are_fine() {
    assert!(one("printf '{\n \"metrics\":\n {\"loss\": 1}\n}\n'").result.is_ok());
}

#[test]
fn the_program_reads_the_candidate() {
    let script =
        r#"read line; case "$line" in '{"values":{"x":7}}') echo '{"metrics": {"loss": 7}}';; *) exit 9;; esac"#;
    let (pool, events) = pool(shell(script), 1);
    pool.submit(job(7));
    let PoolEvent::Done(done) = events.recv_timeout(Duration::from_secs(60)).unwrap() else { panic!() };
    assert_eq!(done.result.unwrap().metrics["loss"], 7.0);
}

#[test]
fn failures_have_messages_without_the_machine() {
    let cases = [
        ("echo oh >&2; exit 3", FailureReason::Lost, "the command ended with exit code 3"),
        ("true", FailureReason::Lost, "the command's last line is no JSON object"),
        ("echo 12", FailureReason::Lost, "the command's last line is no JSON object"),
        ("echo '{}'", FailureReason::Lost, "the command's answer has neither `metrics` nor `infeasible`"),
        ("echo '{\"metrics\": {}}'", FailureReason::Lost, "the command's answer lacks the metric `loss`"),
        ("echo '{\"metrics\": {\"loss\": \"a\"}}'", FailureReason::Lost, "the command's metric `loss` is no number"),
        ("echo '{\"metrics\": {\"loss\": NaN}}'", FailureReason::Diverged, "the metric `loss` is not finite"),
        (
            "echo '{\"metrics\": {\"NaN\": 1, \"loss\": -Infinity}}'",
            FailureReason::Diverged,
            "the metric `loss` is not finite",
        ),
        (
            "echo '{\"metrics\": {\"loss\": 1}, \"curves\": 3}'",
            FailureReason::Lost,
            "the command's `curves` is no list of objects",
        ),
        ("echo '{\"infeasible\": \"too NaN\"}'", FailureReason::Infeasible, "too NaN"),
    ];
    std::thread::scope(|scope| {
        for (script, reason, message) in cases {
            scope.spawn(move || {
                let failure = one(script).result.unwrap_err();
                assert_eq!((failure.reason, failure.message.as_str()), (reason, message), "{script}");
            });
        }
    });
    assert_eq!(one("echo oh >&2; exit 3").result.unwrap_err().detail, "oh");
}

#[test]
fn a_program_killed_by_a_signal_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let script = format!(
        "if [ -e {0} ]; then echo '{{\"metrics\": {{\"loss\": 1}}}}'; else : > {0}; kill -9 $$; fi",
        mark.display()
    );
    let (pool, events) = pool(shell(&script), 1);
    pool.submit(job(0));
    let lost = events.recv_timeout(Duration::from_secs(60)).unwrap();
    assert!(matches!(lost, PoolEvent::WorkerLost { id: 0, .. }), "{lost:?}");
    let PoolEvent::Done(done) = events.recv_timeout(Duration::from_secs(60)).unwrap() else { panic!() };
    assert!(done.result.is_ok());
    let failure = one("kill -9 $$").result.unwrap_err();
    assert_eq!(failure.message, "the worker ended in the middle of its work, also when tried again alone");
    assert!(failure.detail.contains("signal 9"), "{}", failure.detail);
}

#[test]
fn a_limit_ends_the_program_and_all_that_it_started() {
    let (pool, events) = pool(shell("sleep 1000; echo"), 1);
    pool.submit(Job { limit: Some(Duration::from_millis(50)), ..job(0) });
    let start = Instant::now();
    let done = loop {
        if let PoolEvent::Done(done) = events.recv_timeout(Duration::from_secs(60)).unwrap() {
            break done;
        }
    };
    assert_eq!(done.result.unwrap_err().reason, FailureReason::TimedOut);
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn dropping_the_pool_ends_what_runs() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let (pool, _events) = pool(shell(&format!(": > {}; sleep 1000; echo", mark.display())), 2);
    pool.submit(job(0));
    pool.submit(job(1));
    pool.submit(job(2));
    while !mark.exists() {
        std::thread::yield_now();
    }
    let start = Instant::now();
    drop(pool);
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_missing_program_is_told_once_and_blames_no_job() {
    let program = Program::of_command(&command(&["./no-such-program"]), Path::new("."));
    let (pool, events) = pool(program, 2);
    pool.submit(job(0));
    let event = events.recv_timeout(Duration::from_secs(60)).unwrap();
    let PoolEvent::CannotStart(error) = event else { panic!("{event:?}") };
    assert!(error.to_string().contains("no-such-program"), "{error}");
    pool.submit(job(1));
    drop(pool);
    assert!(events.iter().all(|event| matches!(event, PoolEvent::CannotStart(_))));
}

#[test]
fn programs_and_their_files_are_relative_to_the_experiment() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("evaluate.sh"), "cat > /dev/null; echo '{\"metrics\": {\"loss\": 4}}'\n")
        .unwrap();
    let words = command(&["sh", "evaluate.sh", "--config=missing.json"]);
    let (pool, events) = pool(Program::of_command(&words, folder.path()), 1);
    pool.submit(job(0));
    let PoolEvent::Done(done) = events.recv_timeout(Duration::from_secs(60)).unwrap() else { panic!() };
    assert_eq!(done.result.unwrap().metrics["loss"], 4.0);

    let first = command_digest(&words, folder.path()).unwrap();
    assert_eq!(first, command_digest(&words, folder.path()).unwrap());
    std::fs::write(folder.path().join("missing.json"), "{}").unwrap();
    let second = command_digest(&words, folder.path()).unwrap();
    assert_ne!(first, second, "a file after `=` counts");
    std::fs::write(folder.path().join("evaluate.sh"), "exit 1\n").unwrap();
    let third = command_digest(&words, folder.path()).unwrap();
    assert_ne!(second, third, "the script counts");
    assert_ne!(third, command_digest(&command(&["sh", "evaluate.sh"]), folder.path()).unwrap(), "the words count");
}

#[test]
fn a_candidate_has_labels_and_what_its_space_resolves_to() {
    let decision = |path: &str, domain| Decision {
        path: path.into(),
        pointer: String::new(),
        name: None,
        domain,
        role: Role::Architecture,
        active_when: None,
        slot: None,
        default: 0.0,
    };
    let mut decisions = vec![
        decision("space.values.kind", Domain::Choice(vec!["tree".into(), "line".into()])),
        decision("space.values.depth", Domain::Integer { low: 1, high: 9, log: false }),
        decision("space.values.rate", Domain::Real { low: 0.0, high: 1.0, log: false }),
        decision("space.values.width", Domain::Levels(vec![8.0, 0.5])),
        decision("space.values.below", Domain::Choice(vec!["x".into()])),
    ];
    decisions[1].active_when = Some(Condition { decision: 0, values: vec![0.0] });
    decisions[4].active_when = Some(Condition { decision: 1, values: vec![0.0] });
    let resolved = json!({"values": {"kind": "line"}, "training": {"epochs": 3}});
    let ask = || Ask { fidelity: 0.5, seed: u64::MAX, repeat: 1, metrics: vec!["loss".into()] };
    let job = CommandJob::new(&decisions, &[1.0, 0.0, 0.25, 0.0, 0.0], &resolved, ask());
    assert_eq!(
        job.candidate.to_string(),
        "{\"genotype\":{\"space.values.kind\":\"line\",\"space.values.rate\":0.25,\"space.values.width\":8},\
         \"values\":{\"kind\":\"line\"},\"training\":{\"epochs\":3},\
         \"fidelity\":0.5,\"seed\":18446744073709551615,\"repeat\":1,\"metrics\":[\"loss\"]}",
        "what is not active, or below it, is left out"
    );
    let labels = genotype_labels(&decisions, &[0.0, 7.0, 1.0, 1.0, 0.0]);
    assert_eq!((&labels["space.values.depth"], &labels["space.values.width"]), (&json!(7), &json!(0.5)));
}
