//! The run: steps in order, what is done already left alone, what was begun gone on with.

use crate::error::RunError;
use crate::evaluation::Evaluations;
use crate::events::Event;
use crate::export::{self, Trained, best_repeat};
use crate::files;
use crate::outcome::of_machine;
use crate::prepared::{Material, Prepared, RunOptions, Source};
use crate::score::Scorer;
use crate::select::{Candidate, candidates, select};
use crate::session::Session;
use crate::{search_step, train};
use indexmap::IndexMap;
use pleach_evaluate::protocol::Hello;
use pleach_plan::{Digests, key_of, step_documents};
use pleach_space::{Genotype, View};
use pleach_spec::{Reference, Step};
use pleach_store::{LockFile, Outcome, RunFolder, RunReader, RunState, StepRecord, StepState, TrialRecord};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The run's folder.
    pub folder: PathBuf,
    /// The run's digest.
    pub digest: String,
    /// Whether no step had to run.
    pub up_to_date: bool,
}

/// Runs an experiment. What an earlier run of it did from all the same is not done again; an unfinished run of the same
/// experiment goes on, unless `fresh`. `now` gives real seconds from any fixed point; `interrupt` says when to stop.
///
/// # Errors
/// Why the run ended early; what was told until then is recorded, and the same call goes on with it.
pub fn execute(
    prepared: &Prepared,
    options: &RunOptions,
    report: &mut dyn FnMut(&Event<'_>),
    now: &dyn Fn() -> f64,
    interrupt: &AtomicBool,
) -> Result<Finished, RunError> {
    let start = now();
    let material = prepared.material()?;
    let documents = documents(prepared, &material);
    let earlier = if options.fresh { Vec::new() } else { earlier_runs(prepared, options)? };
    if let Some((folder, reader)) =
        earlier.iter().find(|(folder, reader)| is_done(folder, reader, &documents).unwrap_or(false))
    {
        let run = folder.id();
        let digest = pleach_store::digest(reader, |_| false)?.run;
        report(&Event::RunStarted {
            name: &prepared.experiment.name,
            folder: folder.path(),
            steps: &prepared.order,
            resumed: false,
        });
        for step in &prepared.order {
            report(&Event::StepUpToDate { step, kind: prepared.experiment.steps[step].kind(), run: &run });
        }
        let seconds = now() - start;
        report(&Event::RunDone { folder: folder.path(), digest: &digest, up_to_date: true, seconds });
        return Ok(Finished { folder: folder.path().to_owned(), digest, up_to_date: true });
    }
    let unfinished = earlier.iter().find(|(_, reader)| is_compatible(reader, &documents).unwrap_or(false));
    let (folder, resumed) = match unfinished {
        Some((folder, _)) => (folder.clone(), true),
        None => {
            let lock = lock(prepared, &material);
            (RunFolder::create(&options.root, &prepared.experiment.name, &prepared.text, &lock)?, false)
        }
    };
    let mut writer = folder.record(&options.holder)?;
    if !resumed {
        writer.record_lock(&lock(prepared, &material))?;
        for (name, document) in &documents {
            let kind = prepared.experiment.steps[name].kind();
            writer.record_step(&StepRecord::pending(name, kind, document.clone()))?;
        }
    }
    writer.record_state(RunState::Unfinished)?;
    writer.commit()?;
    let mut session = Session::new(Some(writer), report, now, interrupt);
    session.emit(&Event::RunStarted {
        name: &prepared.experiment.name,
        folder: folder.path(),
        steps: &prepared.order,
        resumed,
    })?;
    let scorer = Scorer::new(&prepared.experiment.objectives, prepared.space.requirements());
    let mut evaluations = Evaluations::new(prepared, &material, options, &scorer)?;
    let mut run =
        Run { prepared, options, material: &material, scorer: &scorer, folder: &folder, documents: &documents };
    for name in &prepared.order {
        let result = run.step(name, &earlier, &mut evaluations, &mut session);
        // Whatever happened: what was recorded is kept, and people find it.
        let kept = session.commit().and_then(|()| files::write(prepared, &folder, &scorer, session.writer()));
        if let Err(error) = result.and(kept) {
            if !matches!(error, RunError::Interrupted) {
                // The first error is the one to tell.
                let _ = session.writer().record_state(RunState::Failed);
                let _ = session.commit();
            }
            return Err(error);
        }
    }
    let mut lock = lock(prepared, &material);
    if let Some(hello) = hello_of(session.writer())? {
        lock.device.clone_from(&hello.device);
        lock.versions.insert("libtorch".into(), hello.libtorch.clone());
        lock.versions.insert("training_semantics".into(), hello.training_semantics.to_string());
    }
    for name in &prepared.order {
        if session.writer().trials(name)?.iter().any(failed_by_machine) {
            lock.digest_holds = pleach_store::DigestHolds::ThisMachine;
        }
    }
    session.writer().record_lock(&lock)?;
    session.writer().record_state(RunState::Done)?;
    session.commit()?;
    folder.write_file("lock.yaml", lock.to_yaml().as_bytes())?;
    let digest = pleach_store::digest(session.writer(), |_| false)?.run;
    let seconds = now() - start;
    session.emit(&Event::RunDone { folder: folder.path(), digest: &digest, up_to_date: false, seconds })?;
    session.commit()?;
    if let Some(writer) = session.writer.take() {
        writer.close()?;
    }
    Ok(Finished { folder: folder.path().to_owned(), digest, up_to_date: false })
}

/// Under which name the record keeps what the workers are.
const HELLO: &str = "hello";

/// What the workers of any sitting were.
fn hello_of(reader: &RunReader) -> Result<Option<Hello>, RunError> {
    Ok(reader.meta(HELLO)?.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Whether a trial failed for a reason that another machine, or another try, may not have.
fn failed_by_machine(trial: &TrialRecord) -> bool {
    matches!(&trial.outcome, Outcome::Failed(failure) if of_machine(&failure.reason))
}

/// What each step depends on.
fn documents(prepared: &Prepared, material: &Material) -> IndexMap<String, Value> {
    let evaluator = match &material.source {
        Source::Libtorch(_) => None,
        Source::Command { digest, .. } => Some(digest.clone()),
        Source::Table(table) => Some(table.digest().to_owned()),
    };
    let digests = Digests { data: material.data_digest.clone(), evaluator };
    let strategy = |name: &str| {
        let plugin = prepared.plugins.get(name)?;
        Some((plugin.manifest(), plugin.digest()))
    };
    step_documents(&prepared.experiment, &prepared.document, &prepared.space, &prepared.order, &digests, &strategy)
}

/// Runs of this name, the latest first.
fn earlier_runs(prepared: &Prepared, options: &RunOptions) -> Result<Vec<(RunFolder, RunReader)>, RunError> {
    let mut runs = Vec::new();
    for folder in RunFolder::list(&options.root)? {
        if folder.name() == prepared.experiment.name
            && let Ok(reader) = folder.read()
        {
            runs.push((folder, reader));
        }
    }
    runs.sort_by_key(|(folder, _)| std::cmp::Reverse(folder.number()));
    Ok(runs)
}

fn is_compatible(reader: &RunReader, documents: &IndexMap<String, Value>) -> Result<bool, RunError> {
    let steps = reader.steps()?;
    Ok(reader.state()? != RunState::Done
        && steps.len() == documents.len()
        && steps.iter().all(|step| documents.get(&step.name).is_some_and(|document| key_of(document) == step.key)))
}

fn is_done(folder: &RunFolder, reader: &RunReader, documents: &IndexMap<String, Value>) -> Result<bool, RunError> {
    let steps = reader.steps()?;
    Ok(reader.state()? == RunState::Done
        && steps.len() == documents.len()
        && steps.iter().all(|step| {
            step.state == StepState::Done
                && artifacts_kept(folder, reader, &step.name)
                && documents.get(&step.name).is_some_and(|document| key_of(document) == step.key)
        }))
}

/// Whether all files that a step left are still there.
fn artifacts_kept(folder: &RunFolder, reader: &RunReader, step: &str) -> bool {
    reader.artifacts().is_ok_and(|artifacts| {
        artifacts.iter().filter(|a| a.step == step).all(|a| folder.path().join(&a.path).exists())
    })
}

fn lock(prepared: &Prepared, material: &Material) -> LockFile {
    let experiment = &prepared.experiment;
    let data_name = match &experiment.data {
        Some(data) => match serde_json::to_value(&data.dataset) {
            Ok(Value::String(name)) => name,
            Ok(Value::Object(kind)) => kind.keys().next().cloned().unwrap_or_default(),
            _ => String::new(),
        },
        None => String::new(),
    };
    let mut data: IndexMap<String, String> =
        material.data_digest.iter().map(|d| (data_name.clone(), d.clone())).collect();
    if let Source::Table(table) = &material.source {
        data.insert("table".into(), table.digest().to_owned());
    }
    let mut resolved = serde_json::to_value(experiment).unwrap_or_default();
    if let (Some(section), Some(given)) = (resolved.get_mut("space"), prepared.document.get("space")) {
        section.clone_from(given);
    }
    LockFile {
        versions: [("pleach".to_owned(), env!("CARGO_PKG_VERSION").to_owned())].into_iter().collect(),
        device: "none".into(),
        data,
        plugins: prepared
            .plugins
            .values()
            .map(|plugin| (plugin.manifest().name.clone(), plugin.digest().to_owned()))
            .collect(),
        space: Some(pleach_store::key(prepared.document.get("space").unwrap_or(&Value::Null))),
        digest_holds: pleach_store::DigestHolds::Anywhere,
        experiment: resolved,
    }
}

/// The view of a search step.
pub(crate) fn view_of(prepared: &Prepared, step: &Step) -> View {
    let decide = step.searching().map_or(pleach_spec::Decide::All, |searching| searching.decide);
    View::new(prepared.space.clone(), decide, prepared.space.defaults())
}

/// The candidates of a step that ended, best first, and what its strategy recommends, as full genotypes.
pub(crate) fn results_of(
    prepared: &Prepared,
    name: &str,
    scorer: &Scorer,
    reader: &RunReader,
) -> Result<(Vec<Candidate>, Vec<Genotype>), RunError> {
    let Some(step) = prepared.experiment.steps.get(name) else { return Ok((Vec::new(), Vec::new())) };
    let view = view_of(prepared, step);
    let complete = |genotype: &[f64]| match step {
        Step::Search(_) => view.full(genotype),
        _ => genotype.to_vec(),
    };
    let ranked = candidates(&reader.trials(name)?, scorer, complete);
    let recommendation = reader.step(name)?.and_then(|step| step.recommendation).unwrap_or_default();
    Ok((ranked, recommendation.iter().map(|genotype| view.full(genotype)).collect()))
}

struct Run<'a> {
    prepared: &'a Prepared,
    options: &'a RunOptions,
    material: &'a Material,
    scorer: &'a Scorer,
    folder: &'a RunFolder,
    documents: &'a IndexMap<String, Value>,
}

impl Run<'_> {
    fn step(
        &mut self,
        name: &str,
        earlier: &[(RunFolder, RunReader)],
        evaluations: &mut Evaluations<'_>,
        session: &mut Session<'_>,
    ) -> Result<(), RunError> {
        let step = &self.prepared.experiment.steps[name];
        let kind = step.kind();
        let document = &self.documents[name];
        let key = key_of(document);
        let mut record = match session.writer().step(name)? {
            Some(record) => record,
            None => StepRecord::pending(name, kind, document.clone()),
        };
        if record.state == StepState::Done {
            if artifacts_kept(self.folder, session.writer(), name) {
                session.emit(&Event::StepUpToDate { step: name, kind, run: &self.folder.id() })?;
                return Ok(());
            }
            // A file is gone: done again, trainings from the cache.
            session.writer().clear_step(name)?;
            record = StepRecord::pending(name, kind, document.clone());
        }
        if record.state == StepState::Failed {
            self.forget_failures_of_the_machine(name, step, session)?;
        }
        if record.state == StepState::Pending
            && let Some((folder, reader)) = done_earlier(earlier, name, &key)
        {
            self.copy(name, folder, reader, session)?;
            session.emit(&Event::StepUpToDate { step: name, kind, run: &folder.id() })?;
            return Ok(());
        }
        let candidates = match self.candidates(step, session.writer()) {
            Ok(candidates) => candidates,
            Err(error) => {
                record.state = StepState::Failed;
                session.writer().record_step(&record)?;
                return Err(error);
            }
        };
        let trials = match step {
            Step::Search(search) => match search.budget {
                pleach_spec::Budget::Trials(trials) => Some(trials),
                _ => None,
            },
            Step::Train(train) => Some(candidates.len() as u64 * u64::from(train.repeats)),
            Step::Hpo(_) => None,
            Step::Robustness(_) | Step::Export(_) => Some(candidates.len() as u64),
        };
        let view = view_of(self.prepared, step);
        record.state = StepState::Running;
        record.decisions = view.decisions().iter().map(|decision| decision.path.clone()).collect();
        if let Step::Search(search) = step {
            record.strategy = Some(search.strategy.clone());
        }
        session.writer().record_step(&record)?;
        session.emit(&Event::StepStarted { step: name, kind, trials })?;
        session.commit()?;
        let begun = session.now();
        let outcome = self.work(name, step, &view, &candidates, document, &mut record, evaluations, session);
        record.seconds += session.now() - begun;
        record.state = match &outcome {
            Ok(()) => StepState::Done,
            Err(RunError::Interrupted) => StepState::Running,
            Err(_) => StepState::Failed,
        };
        if let Some(hello) = evaluations.hello() {
            session
                .writer()
                .record_meta(HELLO, &serde_json::to_string(hello).expect("a hello is words and numbers"))?;
        }
        let recorded = session.writer().record_step(&record).map_err(RunError::from).and_then(|()| session.commit());
        outcome.and(recorded)?;
        let seconds = session.now() - begun;
        session.emit(&Event::StepDone { step: name, kind, seconds })
    }

    /// A step that ended as failed is tried again: failures of the machine are forgotten, and of a search all that was asked
    /// after the first of them was told. What is dropped comes from the cache where it was measured.
    fn forget_failures_of_the_machine(
        &self,
        name: &str,
        step: &Step,
        session: &mut Session<'_>,
    ) -> Result<(), RunError> {
        let writer = session.writer();
        let trials = writer.trials(name)?;
        let told = trials.iter().filter(|t| failed_by_machine(t)).map(|t| t.end).fold(f64::INFINITY, f64::min);
        if told == f64::INFINITY {
            return Ok(());
        }
        let artifacts = writer.artifacts()?;
        let search = matches!(step, Step::Search(_));
        writer.clear_step(name)?;
        for trial in trials.iter().filter(|t| !failed_by_machine(t) && (!search || t.start < told)) {
            writer.record_trial(name, trial)?;
        }
        for artifact in artifacts.iter().filter(|artifact| artifact.step == name) {
            writer.record_artifact(artifact)?;
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments)]
    fn work(
        &self,
        name: &str,
        step: &Step,
        view: &View,
        candidates: &[(u64, Genotype)],
        document: &Value,
        record: &mut StepRecord,
        evaluations: &mut Evaluations<'_>,
        session: &mut Session<'_>,
    ) -> Result<(), RunError> {
        let recorded = session.writer().trials(name)?;
        let folder = self.folder.path();
        match step {
            Step::Search(search) => {
                let plugin = self.prepared.plugins.get(&search.strategy).ok_or_else(|| RunError::Invalid {
                    step: name.to_owned(),
                    message: format!("strategy `{}` was not loaded", search.strategy),
                })?;
                // With the defaults of the plugin's schema filled in.
                let given = &document["steps"][name]["search"]["with"];
                let searched = search_step::run(
                    name,
                    search,
                    self.prepared,
                    plugin,
                    view,
                    &self.material.source,
                    evaluations,
                    self.scorer,
                    given.to_string(),
                    recorded,
                    session,
                )?;
                record.recommendation = Some(searched.recommendation);
                Ok(())
            }
            Step::Train(_) if matches!(self.material.source, Source::Table(_)) => Err(RunError::Invalid {
                step: name.to_owned(),
                message: "a table has nothing to train: leave the step out, or use another evaluator".to_owned(),
            }),
            Step::Train(step) => {
                let genotypes: Vec<Genotype> = candidates.iter().map(|(_, genotype)| genotype.clone()).collect();
                train::run(name, &genotypes, step.repeats, folder, evaluations, self.scorer, recorded, session)
            }
            Step::Hpo(_) | Step::Robustness(_) => unreachable!("being written"),
            Step::Export(step) => {
                let source = step.candidates.step();
                let trials = session.writer().trials(source)?;
                for (place, (candidate, _)) in candidates.iter().enumerate() {
                    session.check_interrupt()?;
                    let Some(trial) = best_repeat(&trials, *candidate, self.scorer) else { continue };
                    export::run(
                        name,
                        &Trained { trial, step: source },
                        place,
                        &step.formats,
                        self.prepared,
                        self.material,
                        &self.options.worker,
                        folder,
                        session,
                    )?;
                }
                Ok(())
            }
        }
    }

    /// The candidates that a step takes; those of the space's defaults where it names none.
    fn candidates(&self, step: &Step, reader: &RunReader) -> Result<Vec<(u64, Genotype)>, RunError> {
        let reference: &Reference = match (step, step.candidates()) {
            (Step::Search(_), _) => return Ok(Vec::new()),
            (_, None) => return Ok(vec![(0, self.prepared.space.defaults())]),
            (_, Some(reference)) => reference,
        };
        let (ranked, recommended) = results_of(self.prepared, reference.step(), self.scorer, reader)?;
        select(reference, &ranked, &recommended)
    }

    /// Takes a step over from an earlier run: its record and its files.
    fn copy(
        &self,
        name: &str,
        folder: &RunFolder,
        reader: &RunReader,
        session: &mut Session<'_>,
    ) -> Result<(), RunError> {
        let writer = session.writer();
        writer.clear_step(name)?;
        if let (None, Some(hello)) = (writer.meta(HELLO)?, reader.meta(HELLO)?) {
            writer.record_meta(HELLO, &hello)?;
        }
        if let Some(record) = reader.step(name)? {
            writer.record_step(&record)?;
        }
        for trial in reader.trials(name)? {
            writer.record_trial(name, &trial)?;
        }
        for artifact in reader.artifacts()?.into_iter().filter(|artifact| artifact.step == name) {
            let (from, to) = (folder.path().join(&artifact.path), self.folder.path().join(&artifact.path));
            let failed = |source| RunError::File { path: from.clone(), source };
            std::fs::create_dir_all(to.parent().expect("the file lies in a folder")).map_err(failed)?;
            std::fs::copy(&from, &to).map_err(failed)?;
            writer.record_artifact(&artifact)?;
        }
        session.commit()
    }
}

fn done_earlier<'r>(
    earlier: &'r [(RunFolder, RunReader)],
    name: &str,
    key: &str,
) -> Option<(&'r RunFolder, &'r RunReader)> {
    earlier.iter().map(|(folder, reader)| (folder, reader)).find(|(folder, reader)| {
        let done = |step: StepRecord| step.state == StepState::Done && step.key == key;
        reader.step(name).ok().flatten().is_some_and(done) && artifacts_kept(folder, reader, name)
    })
}
