//! The run: steps in order, what is done already left alone, what was begun gone on with.

use crate::earlier::{Earlier, artifacts_kept, done_earlier, earlier_runs, is_compatible, is_done};
use crate::error::RunError;
use crate::evaluation::Evaluations;
use crate::events::Event;
use crate::export::{self, Trained, best_repeat};
use crate::files;
use crate::gate::Required;
use crate::lock::{HELLO, complete, lock};
use crate::measures::Measures;
use crate::outcome::of_machine;
use crate::parts::{Part, part_of, parts};
use crate::prepared::{Material, Prepared, RunOptions, Source};
use crate::results::trainings;
use crate::score::Scorer;
use crate::session::Session;
use crate::summary::{self, Summary};
use crate::{robustness, search_step, train};
use indexmap::IndexMap;
use pleach_plan::{Digests, key_of, step_documents};
use pleach_space::{Genotype, View};
use pleach_spec::Step;
use pleach_store::{Outcome, RunFolder, RunReader, RunState, RunWriter, StepRecord, StepState, TrialRecord};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// The run's folder.
    pub folder: PathBuf,
    /// The run's digest.
    pub digest: String,
    /// Whether no step had to run.
    pub up_to_date: bool,
    /// The requirements of steps; where one does not hold, the run has failed its purpose.
    pub required: Vec<Required>,
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
    let scorer = Scorer::new(&prepared.experiment.objectives, prepared.space.requirements());
    let found = if options.fresh { Earlier::default() } else { earlier_runs(prepared, options)? };
    for (run, error) in &found.unreadable {
        report(&Event::RunLeft { run, reason: &error.to_string() });
    }
    let earlier = found.runs;
    if let Some((folder, reader)) =
        earlier.iter().find(|(folder, reader)| is_done(prepared, folder, reader, &documents).unwrap_or(false))
    {
        let run = folder.id();
        let Summary { digest, requirements: required, .. } = summary::summary(reader)?;
        if files::are_missing(folder) {
            files::write(prepared, folder, &scorer, reader)?;
        }
        report(&Event::RunStarted {
            name: &prepared.experiment.name,
            folder: folder.path(),
            steps: &prepared.order,
            resumed: false,
        });
        for step in &prepared.order {
            report(&Event::StepUpToDate { step, kind: prepared.experiment.steps[step].kind(), run: &run });
        }
        required.iter().for_each(|required| report(&Event::Required(required)));
        let seconds = now() - start;
        report(&Event::RunDone { folder: folder.path(), digest: &digest, up_to_date: true, seconds });
        return Ok(Finished { folder: folder.path().to_owned(), digest, up_to_date: true, required });
    }
    let unfinished = earlier.iter().find(|(_, reader)| is_compatible(reader, &documents).unwrap_or(false));
    let (mut writer, resumed) = match unfinished {
        Some((folder, _)) => (folder.record(&options.holder)?, true),
        None => (create(prepared, &material, options, &documents)?, false),
    };
    let folder = writer.folder().clone();
    writer.record_state(RunState::Unfinished)?;
    writer.commit()?;
    let mut session = Session::new(Some(writer), report, now, interrupt);
    session.emit(&Event::RunStarted {
        name: &prepared.experiment.name,
        folder: folder.path(),
        steps: &prepared.order,
        resumed,
    })?;
    let mut evaluations = Evaluations::new(prepared, &material, options, &scorer)?;
    let mut run =
        Run { prepared, options, material: &material, scorer: &scorer, folder: &folder, documents: &documents };
    for name in &prepared.order {
        let result = run.step(name, &earlier, &mut evaluations, &mut session);
        // Whatever happened: what was recorded is kept, and people find it.
        let kept = session.commit().and_then(|()| files::write(prepared, &folder, &scorer, session.writer()));
        let kept = kept.and_then(|()| record_lock(prepared, &material, &scorer, session.writer()));
        let kept = kept.and_then(|()| session.commit());
        if let Err(error) = result.and(kept) {
            if !matches!(error, RunError::Interrupted) {
                // The first error is the one to tell.
                let _ = session.writer().record_meta(ERROR, &error.to_string());
                let _ = session.writer().record_state(RunState::Failed);
                let _ = session.commit();
            }
            return Err(error);
        }
    }
    record_lock(prepared, &material, &scorer, session.writer())?;
    session.writer().record_state(RunState::Done)?;
    session.commit()?;
    let summary = summary::keep(session.writer())?;
    let (digest, required) = (summary.digest, summary.requirements);
    for required in &required {
        session.emit(&Event::Required(required))?;
    }
    let seconds = now() - start;
    session.emit(&Event::RunDone { folder: folder.path(), digest: &digest, up_to_date: false, seconds })?;
    session.commit()?;
    if let Some(writer) = session.writer.take() {
        writer.close()?;
    }
    Ok(Finished { folder: folder.path().to_owned(), digest, up_to_date: false, required })
}

/// Makes the folder of a new run with all of its steps to come, and with what it is made from.
pub(crate) fn create(
    prepared: &Prepared,
    material: &Material,
    options: &RunOptions,
    documents: &IndexMap<String, Value>,
) -> Result<RunWriter, RunError> {
    let lock = lock(prepared, material);
    let begin = |folder: &RunFolder| {
        for (name, component) in &prepared.components {
            if let Some(digest) = lock.plugins.get(name) {
                folder.keep_plugin(digest, component)?;
            }
        }
        let mut writer = folder.record(&options.holder)?;
        for (name, document) in documents {
            let kind = prepared.experiment.steps[name].kind();
            writer.record_step(&StepRecord::pending(name, kind, document.clone()))?;
        }
        writer.close()
    };
    // All of it appears at once: what a kill leaves is a run that can be gone on with, or nothing.
    let name = &prepared.experiment.name;
    let folder = RunFolder::create_with(&options.root, name, &prepared.text, &lock, &begin)?;
    Ok(folder.record(&options.holder)?)
}

/// Says what the run was made from, as far as is known by now.
fn record_lock(
    prepared: &Prepared,
    material: &Material,
    scorer: &Scorer,
    writer: &mut RunWriter,
) -> Result<(), RunError> {
    let mut lock = lock(prepared, material);
    complete(&mut lock, writer, material, scorer)?;
    Ok(writer.record_lock(&lock)?)
}

/// Under which name the record keeps why a run failed.
pub(crate) const ERROR: &str = "error";

/// Whether a trial failed for a reason that another machine, or another try, may not have.
pub(crate) fn failed_by_machine(trial: &TrialRecord) -> bool {
    matches!(&trial.outcome, Outcome::Failed(failure) if of_machine(&failure.reason))
}

/// What each step depends on.
pub(crate) fn documents(prepared: &Prepared, material: &Material) -> IndexMap<String, Value> {
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
            self.clear(name, session)?;
            record = StepRecord::pending(name, kind, document.clone());
        }
        if record.state == StepState::Failed {
            let parts = parts(self.prepared, name, step);
            let names = parts.iter().map(|part| part.record.as_str()).chain(parts.is_empty().then_some(name));
            for record in names {
                self.forget_failures_of_the_machine(record, step, session)?;
            }
        }
        if record.state == StepState::Pending
            && let Some((folder, reader)) = done_earlier(earlier, name, &key)
        {
            self.copy(name, folder, reader, session)?;
            session.emit(&Event::StepUpToDate { step: name, kind, run: &folder.id() })?;
            return Ok(());
        }
        let view = self.prepared.results(self.scorer, session.writer()).view(step);
        let candidates = self.candidates(name, step, session.writer());
        let (view, candidates) = match view.and_then(|view| Ok((view, candidates?))) {
            Ok(both) => both,
            Err(error) => {
                record.state = StepState::Failed;
                session.writer().record_step(&record)?;
                return Err(error);
            }
        };
        let trials = match step {
            Step::Search(_) | Step::Hpo(_) => budgeted(step),
            Step::Train(train) => Some(candidates.len() as u64 * u64::from(train.repeats)),
            Step::Robustness(robustness) => {
                Some(trainings(session.writer(), robustness.candidates.step(), &candidates)?.len() as u64)
            }
            Step::Export(_) => Some(candidates.len() as u64),
        };
        record.state = StepState::Running;
        record.decisions = match step.searching() {
            Some(_) => view.decisions().iter().map(|decision| decision.path.clone()).collect(),
            None => self.prepared.space_of(name).decisions().iter().map(|decision| decision.path.clone()).collect(),
        };
        if let Some(searching) = step.searching() {
            record.strategy = Some(searching.strategy.to_owned());
        }
        session.writer().record_step(&record)?;
        session.emit(&Event::StepStarted { step: name, kind, trials })?;
        session.commit()?;
        let begun = session.now();
        let outcome = introduce(step, evaluations, session)
            .and_then(|()| self.work(name, step, &view, &candidates, &mut record, evaluations, session));
        record.seconds += session.now() - begun;
        record.state = match &outcome {
            Ok(()) => StepState::Done,
            Err(RunError::Interrupted) => StepState::Running,
            Err(_) => StepState::Failed,
        };
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
        let search = step.searching().is_some();
        let record = writer.step(name)?;
        writer.clear_step(name)?;
        for trial in trials.iter().filter(|t| !failed_by_machine(t) && (!search || t.start < told)) {
            writer.record_trial(name, trial)?;
        }
        for artifact in artifacts.iter().filter(|artifact| artifact.step == name) {
            writer.record_artifact(artifact)?;
        }
        if let Some(record) = record {
            writer.record_step(&StepRecord { state: StepState::Running, ..record })?;
        }
        Ok(())
    }

    /// Forgets all records of a step.
    fn clear(&self, name: &str, session: &mut Session<'_>) -> Result<(), RunError> {
        let writer = session.writer();
        for record in writer.steps()? {
            if part_of(&record.name).0 == name {
                writer.clear_step(&record.name)?;
            }
        }
        Ok(())
    }

    /// Runs one search of a step, and keeps what it recommends.
    #[allow(clippy::too_many_arguments)]
    fn search(
        &self,
        part: &Part,
        step: &Step,
        view: &View,
        record: &mut StepRecord,
        evaluations: &mut Evaluations<'_>,
        session: &mut Session<'_>,
    ) -> Result<(), RunError> {
        let plugin = self.prepared.plugins.get(&part.strategy).ok_or_else(|| RunError::Invalid {
            step: part.record.clone(),
            message: format!("strategy `{}` was not loaded", part.strategy),
        })?;
        let (prepared, source, scorer) = (self.prepared, &self.material.source, self.scorer);
        let searched = search_step::run(part, step, prepared, plugin, view, source, evaluations, scorer, session)?;
        record.recommendation = Some(searched.recommendation);
        Ok(())
    }

    /// Runs a repeat or a baseline of a search, with a record of its own.
    fn search_beside(
        &self,
        part: &Part,
        step: &Step,
        view: &View,
        main: &StepRecord,
        evaluations: &mut Evaluations<'_>,
        session: &mut Session<'_>,
    ) -> Result<(), RunError> {
        let mut record = match session.writer().step(&part.record)? {
            Some(record) if record.state == StepState::Done => return Ok(()),
            Some(record) => record,
            None => StepRecord::pending(&*part.record, step.kind(), main.document.clone()),
        };
        record.state = StepState::Running;
        record.decisions.clone_from(&main.decisions);
        record.strategy = Some(part.strategy.clone());
        session.writer().record_step(&record)?;
        session.emit(&Event::StepStarted { step: &part.record, kind: step.kind(), trials: budgeted(step) })?;
        let begun = session.now();
        let outcome = self.search(part, step, view, &mut record, evaluations, session);
        record.seconds += session.now() - begun;
        record.state = match &outcome {
            Ok(()) => StepState::Done,
            Err(RunError::Interrupted) => StepState::Running,
            Err(_) => StepState::Failed,
        };
        let recorded = session.writer().record_step(&record).map_err(RunError::from).and_then(|()| session.commit());
        outcome.and(recorded)?;
        let seconds = session.now() - begun;
        session.emit(&Event::StepDone { step: &part.record, kind: step.kind(), seconds })
    }

    #[allow(clippy::too_many_arguments)]
    fn work(
        &self,
        name: &str,
        step: &Step,
        view: &View,
        candidates: &[(u64, Genotype)],
        record: &mut StepRecord,
        evaluations: &mut Evaluations<'_>,
        session: &mut Session<'_>,
    ) -> Result<(), RunError> {
        let folder = self.folder.path();
        let space = self.prepared.space_of(name);
        match step {
            Step::Search(_) | Step::Hpo(_) => {
                for part in parts(self.prepared, name, step) {
                    if part.record == name {
                        self.search(&part, step, view, record, evaluations, session)?;
                    } else {
                        self.search_beside(&part, step, view, record, evaluations, session)?;
                    }
                }
                evaluations.forget_temporary_weights()
            }
            Step::Train(_) | Step::Robustness(_) if matches!(self.material.source, Source::Table(_)) => {
                Err(RunError::Invalid {
                    step: name.to_owned(),
                    message: "a table has nothing to train: leave the step out, or use another evaluator".to_owned(),
                })
            }
            Step::Train(train) => {
                let genotypes: Vec<Genotype> = candidates.iter().map(|(_, genotype)| genotype.clone()).collect();
                let measures = Measures::of(&self.prepared.experiment, step);
                let (repeats, scorer) = (train.repeats, self.scorer);
                train::run(name, space, &genotypes, repeats, &measures, folder, evaluations, scorer, session)
            }
            Step::Robustness(robustness) => {
                let source = robustness.candidates.step();
                let trained = trainings(session.writer(), source, candidates)?;
                let measures = Measures::of(&self.prepared.experiment, step);
                let scorer = self.scorer;
                robustness::run(name, space, source, &trained, &measures, folder, evaluations, scorer, session)
            }
            Step::Export(step) => {
                // What an earlier sitting left unfinished, half of a file perhaps.
                let artifacts = self.folder.artifacts().join(name);
                if artifacts.exists() {
                    std::fs::remove_dir_all(&artifacts)
                        .map_err(|source| RunError::File { path: artifacts.clone(), source })?;
                }
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

    /// The candidates that a step takes.
    fn candidates(&self, name: &str, step: &Step, reader: &RunReader) -> Result<Vec<(u64, Genotype)>, RunError> {
        match self.prepared.own_spaces.get(name) {
            Some(space) => Ok(vec![(0, space.defaults())]),
            None => self.prepared.results(self.scorer, reader).candidates(step),
        }
    }

    /// Takes a step over from an earlier run: its record and its files.
    fn copy(
        &self,
        name: &str,
        folder: &RunFolder,
        reader: &RunReader,
        session: &mut Session<'_>,
    ) -> Result<(), RunError> {
        self.clear(name, session)?;
        let writer = session.writer();
        if let (None, Some(hello)) = (writer.meta(HELLO)?, reader.meta(HELLO)?) {
            writer.record_meta(HELLO, &hello)?;
        }
        for record in reader.steps()? {
            if part_of(&record.name).0 != name {
                continue;
            }
            writer.record_step(&record)?;
            for trial in reader.trials(&record.name)? {
                writer.record_trial(&record.name, &trial)?;
            }
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

/// Notes what the workers are before a step trains, so that the record says it however the sitting ends.
fn introduce(step: &Step, evaluations: &mut Evaluations<'_>, session: &mut Session<'_>) -> Result<(), RunError> {
    if matches!(step, Step::Export(_) | Step::Robustness(_)) {
        return Ok(());
    }
    if let Some(hello) = evaluations.introduced()? {
        let text = serde_json::to_string(hello).expect("a hello is words and numbers");
        session.writer().record_meta(HELLO, &text)?;
        session.commit()?;
    }
    Ok(())
}

/// The trials that a search may ask for, where its budget says so.
fn budgeted(step: &Step) -> Option<u64> {
    match step.searching()?.budget {
        pleach_spec::Budget::Trials(trials) => Some(*trials),
        _ => None,
    }
}
