//! What every part of a run needs from outside: the record, the listener, a clock, and whether to stop.

use crate::activity::{ACTIVITY, Activity, EVERY};
use crate::error::RunError;
use crate::events::Event;
use pleach_store::RunWriter;
use std::sync::atomic::{AtomicBool, Ordering};

/// Results that cost nothing to get again are committed together, so many seconds apart.
pub const COMMIT_EVERY: f64 = 0.1;

/// One sitting of a run.
pub struct Session<'a> {
    /// The record; none where a search is only measured.
    pub writer: Option<RunWriter>,
    report: &'a mut dyn FnMut(&Event<'_>),
    now: &'a dyn Fn() -> f64,
    interrupt: &'a AtomicBool,
    committed: f64,
    /// When the present step began.
    begun: f64,
    /// When activity was told last.
    told: f64,
}

impl std::fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("writer", &self.writer).finish_non_exhaustive()
    }
}

impl<'a> Session<'a> {
    /// A session; `now` gives real seconds from any fixed point, `interrupt` says when to stop.
    pub fn new(
        writer: Option<RunWriter>,
        report: &'a mut dyn FnMut(&Event<'_>),
        now: &'a dyn Fn() -> f64,
        interrupt: &'a AtomicBool,
    ) -> Self {
        let committed = now();
        Self { writer, report, now, interrupt, committed, begun: committed, told: f64::NEG_INFINITY }
    }

    /// Real seconds.
    pub fn now(&self) -> f64 {
        (self.now)()
    }

    /// Tells the listener, and records what the trials' own record does not say.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn emit(&mut self, event: &Event<'_>) -> Result<(), RunError> {
        match *event {
            Event::StepStarted { .. } => self.begun = (self.now)(),
            Event::Activity { step, workers } => self.note(step, workers)?,
            _ => {}
        }
        if !event.is_recorded_elsewhere()
            && let Some(writer) = &mut self.writer
        {
            let value = serde_json::to_value(event).expect("events are strings and numbers");
            writer.record_event(&value)?;
        }
        (self.report)(event);
        Ok(())
    }

    /// Whether it is time to tell what the workers do.
    pub fn wants_activity(&self) -> bool {
        (self.now)() - self.told >= EVERY
    }

    /// Notes what the workers do where another process finds it, and commits what is pending with it.
    fn note(&mut self, step: &str, workers: &[crate::activity::Working]) -> Result<(), RunError> {
        self.told = (self.now)();
        let activity = Activity { step: step.to_owned(), seconds: self.told - self.begun, workers: workers.to_vec() };
        if let Some(writer) = &mut self.writer {
            let text = serde_json::to_string(&activity).expect("an activity is words and numbers");
            writer.record_meta(ACTIVITY, &text)?;
        }
        self.commit()
    }

    /// Whether to stop.
    ///
    /// # Errors
    /// [`RunError::Interrupted`]; what was recorded is committed first.
    pub fn check_interrupt(&mut self) -> Result<(), RunError> {
        if self.interrupt.load(Ordering::Relaxed) {
            self.commit()?;
            return Err(RunError::Interrupted);
        }
        Ok(())
    }

    /// Keeps all that was recorded.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn commit(&mut self) -> Result<(), RunError> {
        if let Some(writer) = &mut self.writer {
            writer.commit()?;
            self.committed = (self.now)();
        }
        Ok(())
    }

    /// As [`Session::commit`], at most every [`COMMIT_EVERY`] seconds.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn commit_grouped(&mut self) -> Result<(), RunError> {
        if self.writer.is_some() && (self.now)() - self.committed >= COMMIT_EVERY {
            self.commit()?;
        }
        Ok(())
    }

    /// The record.
    pub(crate) fn writer(&mut self) -> &mut RunWriter {
        self.writer.as_mut().expect("a run's session has a record")
    }
}
