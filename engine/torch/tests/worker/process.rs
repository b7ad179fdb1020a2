//! The worker as a program.

use crate::networks::{digits_network, job, recipe, sgd, train};
use pleach_evaluate::protocol::{Hello, PROTOCOL_VERSION, WorkerAnswer, WorkerRequest};
use std::io::Write;
use std::process::{Command, Output, Stdio};

fn run(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pleach-torch"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn answers(output: &Output) -> Vec<WorkerAnswer> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn requests_are_answered_until_the_input_ends() {
    let mut job = job(digits_network(), recipe(2, sgd(0.1)));
    job.data.split.limit = Some(128);
    let mut other = job.clone();
    (other.id, other.recipe.optimizer) = (6, sgd(1e30));
    let line = |job| serde_json::to_string(&WorkerRequest::Train(Box::new(job))).unwrap();
    let input = format!("{}\n\n{}\n{}\n", line(job.clone()), line(other), line(job.clone()));
    let output = run(&["--device", "cpu"], &input);
    assert!(output.status.success(), "{output:?}");
    let answers = answers(&output);
    let digest = train(&job).digest;
    let [hello, first @ ..] = &answers[..] else { panic!("{answers:?}") };
    let WorkerAnswer::Hello(Hello { protocol: PROTOCOL_VERSION, libtorch, device, .. }) = hello else {
        panic!("{hello:?}")
    };
    assert!(libtorch.starts_with("2.11") && device == "cpu");
    match first {
        [
            WorkerAnswer::Epoch { id: 5, epoch: 1, .. },
            WorkerAnswer::Epoch { id: 5, epoch: 2, .. },
            WorkerAnswer::Trained { id: 5, weights_digest: one, .. },
            WorkerAnswer::Failed { id: 6, .. },
            WorkerAnswer::Epoch { id: 5, .. },
            WorkerAnswer::Epoch { id: 5, .. },
            WorkerAnswer::Trained { id: 5, weights_digest: two, .. },
        ] => assert_eq!([one, two], [&digest; 2], "the process has the bits of this one"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_request_ends_the_worker() {
    let output = run(&[], "{\"train\": 1}\n");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(answers(&output).len(), 1, "only the hello");
    assert!(String::from_utf8_lossy(&output.stderr).contains("a line is no request"));
}

#[test]
fn arguments_are_checked() {
    for (arguments, message) in [
        (&["--device", "gpu"][..], "`gpu` is no device"),
        (&["--threads", "0"], "`0` is no number of threads"),
        (&["--threads"], "`--threads` needs a value"),
        (&["--what"], "`--what` is no option"),
        (&["--device", "cuda:4096"], "there is no device cuda:4096"),
        (&["verify-torchscript", "a"], "FILE and SAMPLES are needed"),
    ] {
        let output = run(arguments, "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty());
        assert!(String::from_utf8_lossy(&output.stderr).contains(message), "{arguments:?}: {output:?}");
    }
    assert!(String::from_utf8_lossy(&run(&["--help"], "").stdout).contains("--device"));
}
