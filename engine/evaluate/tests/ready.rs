//! The experiments in the repository that need no training.

use pleach_evaluate::*;
use pleach_space::{Space, View};
use pleach_spec::{Decide, Document, Evaluator, Experiment};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

/// A checked experiment, its space and its folder.
fn experiment(file: &str) -> (Experiment, Arc<Space>, PathBuf) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
    let document = Document::open(path.to_str().unwrap(), &|path| std::fs::read(path), &[]);
    assert_eq!(document.check(), [], "{file}");
    let section = document.root().unwrap().get("space").unwrap().to_json();
    let (space, problems) = Space::compile(&section, "/space", None);
    assert_eq!(problems, [], "{file}");
    (document.experiment().unwrap(), Arc::new(space.unwrap()), path.parent().unwrap().to_owned())
}

#[test]
fn the_table_of_nas_bench_201_has_all_that_its_space_samples() {
    let (experiment, space, base) = experiment("specs/nas-bench-201-table.yaml");
    let Evaluator::Table(spec) = &experiment.evaluator else { panic!("{:?}", experiment.evaluator) };
    let locations = pleach_data::Locations { base, caches: Vec::new() };
    let errors = Table::inspect(spec, &locations, Some(&space));
    assert!(errors.is_empty(), "{errors:?}");
    let table = Table::load(spec, &locations, &space).unwrap();
    assert_eq!(Some(table.len() as f64), space.genotypes());
    let view = View::new(space.clone(), Decide::All, space.defaults());
    for genotype in view.sample(200, 1) {
        let row = table.evaluate(&view.full(&genotype)).unwrap();
        let accuracy = row.metrics()["accuracy"];
        assert!((0.09..0.917).contains(&accuracy), "{genotype:?} {accuracy}");
        assert!(row.cost_seconds() > 600.0, "{genotype:?} {}", row.cost_seconds());
    }
}

#[test]
fn the_example_in_python_answers_and_repeats_itself() {
    let (experiment, space, base) = experiment("examples/command/experiment.yaml");
    let Evaluator::Command(command) = &experiment.evaluator else { panic!("{:?}", experiment.evaluator) };
    let (sender, events) = channel();
    let options = PoolOptions { workers: 2, program: Program::of_command(command, &base), environments: Vec::new() };
    let pool = Pool::start(options, sender);
    let wanted: Vec<String> = experiment.objectives.iter().map(|objective| objective.metric().to_string()).collect();
    // rbf, degree 3; the same again; a polynomial of degree 1.
    let genotypes = [[1.0, 3.0, 0.01], [1.0, 3.0, 0.01], [2.0, 1.0, 0.5]];
    for (id, genotype) in genotypes.iter().enumerate() {
        let ask = Ask { fidelity: 0.5, seed: u64::MAX, repeat: 0, metrics: wanted.clone() };
        let job = CommandJob::new(space.decisions(), genotype, &space.resolved(genotype), ask);
        pool.submit(Job { id: id as u64, work: Work::Command(Box::new(job)), limit: None, retries: 1 });
    }
    let mut results = vec![None; genotypes.len()];
    while results.iter().any(Option::is_none) {
        match events.recv_timeout(Duration::from_secs(60)).unwrap() {
            PoolEvent::Done(done) => results[done.id as usize] = Some(done.result),
            other => panic!("{other:?}"),
        }
    }
    let [Some(Ok(first)), Some(Ok(second)), Some(Err(third))] = &results[..] else { panic!("{results:?}") };
    assert_eq!(first, second);
    assert_eq!(first.metrics.keys().collect::<Vec<_>>(), ["loss", "effort"]);
    assert_eq!((first.curves.len(), first.metrics["effort"]), (5, 15.0));
    assert!((0.2..0.3).contains(&first.metrics["loss"]), "{first:?}");
    assert_eq!(third.message, "a polynomial of degree 1 is linear");
}
