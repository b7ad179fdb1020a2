//! The example of a CI workflow does what it says: its commands are run as they stand in it.

use pleach_spec::Document;
use pleach_tests::{pleach, repository};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// The commands of the workflow's steps that run in the example's folder.
fn commands(folder: &Path) -> Vec<String> {
    let file = folder.join("workflow.yaml");
    let document = Document::open(file.to_str().unwrap(), &|path| std::fs::read(path), &[]);
    let workflow = document.root().expect("the workflow is YAML").to_json();
    let steps = workflow["jobs"]["search"]["steps"].as_array().unwrap().clone();
    let own = |step: &Value| step["working-directory"] == "examples/ci";
    steps.iter().filter(|step| own(step)).map(|step| step["run"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_commands_of_the_example_pass_its_gate_and_leave_what_is_uploaded() {
    let example = repository().join("examples/ci");
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    for file in ["workflow.yaml", "experiment.yaml"] {
        std::fs::copy(example.join(file), here.join(file)).unwrap();
    }
    let shell = |command: &str| {
        // With the programs that the tests are about first in the path.
        let program = pleach(here);
        let mut shell = Command::new("bash");
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let beside = Path::new(program.get_program()).parent().unwrap().to_owned();
        let path = std::env::var("PATH").unwrap_or_default();
        shell.env("PATH", format!("{}:{path}", beside.display())).env("GITHUB_STEP_SUMMARY", here.join("page.md"));
        shell.current_dir(here).args(["-e", "-o", "pipefail", "-c", command]).output().unwrap()
    };
    let commands = commands(here);
    assert_eq!(commands.len(), 4, "{commands:?}");
    for command in &commands {
        assert!(command.starts_with("pleach "), "{command}");
        let output = shell(command);
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let text = |file: &str| std::fs::read_to_string(here.join(file)).unwrap();
    let report = text("junit.xml");
    assert!(report.contains(r#"tests="5" "#) && report.contains(r#"failures="0""#), "{report}");
    assert!(text("page.md").starts_with("### ✅ gated: done\n"));
    assert!(here.join("runs/gated-1/report.html").is_file());
    assert!(here.join("trials.parquet").is_file() && here.join("runs/gated-1/artifacts/ship/0").is_dir());

    // A bound that cannot be kept fails the job.
    let search = commands.iter().find(|command| command.contains(" run ")).unwrap();
    let strict = format!("{} --set 'steps.final.train.require=[\"accuracy >= 2\"]'", search.replace("> junit.xml", ""));
    let output = shell(&strict);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains(r#"failures="1""#));
    assert!(text("page.md").contains("1 of 1 requirements not met"));
}
