//! What is seen of a run while it goes on: bars on a terminal, plain lines elsewhere, JSON lines for programs.

use crate::output;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pleach_run::Event;
use pleach_spec::Objective;
use std::io::{self, IsTerminal, Write};

/// The looks of progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// A bar a step, on a terminal.
    Bars,
    /// Lines, at most about ten a step.
    Lines,
    /// Every event as a line of JSON on standard output.
    Json,
}

/// Consumes the events of a run.
pub struct Progress {
    look: Look,
    /// The first objective.
    objective: Objective,
    bar: Option<ProgressBar>,
    step: Step,
}

/// How far the present step is.
#[derive(Debug, Default)]
struct Step {
    trials: Option<u64>,
    done: u64,
    failed: u64,
    cached: u64,
    /// The loss of the best feasible trial.
    best: Option<f64>,
}

impl Progress {
    /// Progress for people on standard error, or JSON lines on standard output.
    pub fn new(json: bool, objective: Objective) -> Progress {
        let look = match json {
            true => Look::Json,
            false if io::stderr().is_terminal() => Look::Bars,
            false => Look::Lines,
        };
        Progress { look, objective, bar: None, step: Step::default() }
    }

    /// Takes in an event.
    pub fn on(&mut self, event: &Event<'_>) {
        if self.look == Look::Json {
            // A reader that has gone away does not stop a run.
            if let Ok(line) = serde_json::to_string(event) {
                let mut stdout = io::stdout().lock();
                let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
            }
            return;
        }
        match *event {
            Event::RunStarted { folder, resumed, .. } => {
                let word = if resumed { "going on in" } else { "running in" };
                self.say(&format!("{word} {}", folder.display()));
            }
            Event::StepStarted { step, kind, trials } => self.begin(step, kind, trials),
            Event::StepUpToDate { step, kind, run } => {
                self.say(&format!("{step} ({kind}): up to date, done in {run}"));
            }
            Event::TrialDone { step, losses, feasible, failure, cached, .. } => {
                self.step.done += 1;
                self.step.failed += u64::from(failure.is_some());
                self.step.cached += u64::from(cached);
                let loss = losses.first().copied().filter(|loss| feasible && loss.is_finite());
                self.step.best = match (loss, self.step.best) {
                    (Some(loss), Some(best)) => Some(loss.min(best)),
                    (loss, best) => loss.or(best),
                };
                self.show(step);
            }
            Event::StepDone { step, kind, seconds } => {
                if let Some(bar) = self.bar.take() {
                    bar.finish_and_clear();
                }
                let trials =
                    if self.step.done > 0 { format!("{}, ", self.step.text(&self.objective)) } else { String::new() };
                self.say(&format!("{step} ({kind}): done: {trials}{}", duration(seconds)));
            }
            Event::Log { step, level, message } if level != "debug" => self.say(&format!("{step}: {level}: {message}")),
            _ => {}
        }
    }

    /// Clears what is shown only while something runs.
    pub fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn begin(&mut self, step: &str, kind: &str, trials: Option<u64>) {
        self.step = Step { trials, ..Step::default() };
        if self.look == Look::Lines {
            let count = trials.map_or(String::new(), |trials| format!(", {}", counted(trials)));
            return self.say(&format!("{step} ({kind}){count}"));
        }
        let (bar, template) = match trials {
            Some(trials) => {
                (ProgressBar::new(trials), "{prefix} {bar:30} {pos}/{len}, {msg}{elapsed} passed, {eta} left")
            }
            None => (ProgressBar::no_length(), "{prefix} {spinner} {pos}, {msg}{elapsed} passed"),
        };
        bar.set_draw_target(ProgressDrawTarget::stderr());
        bar.set_style(ProgressStyle::with_template(template).expect("the template is well formed"));
        bar.set_prefix(step.to_owned());
        bar.enable_steady_tick(std::time::Duration::from_millis(500));
        self.bar = Some(bar);
    }

    fn show(&mut self, step: &str) {
        match &self.bar {
            Some(bar) => {
                bar.set_position(self.step.done);
                bar.set_message(self.step.best_text(&self.objective).map_or(String::new(), |best| best + ", "));
            }
            None => {
                let every = (self.step.trials.unwrap_or(100) / 10).max(1);
                if self.step.done.is_multiple_of(every) && Some(self.step.done) != self.step.trials {
                    self.say(&format!("{step}: {}", self.step.text(&self.objective)));
                }
            }
        }
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| output::say(line)),
            None => output::say(line),
        }
    }
}

impl Step {
    /// Trials done, failures, the best so far.
    fn text(&self, objective: &Objective) -> String {
        let mut text = match self.trials {
            Some(trials) => format!("{} of {}", self.done, counted(trials)),
            None => counted(self.done),
        };
        for (count, what) in [(self.failed, "failed"), (self.cached, "from the cache")] {
            if count > 0 {
                text.push_str(&format!(", {count} {what}"));
            }
        }
        if let Some(best) = self.best_text(objective) {
            text.push_str(&format!(", {best}"));
        }
        text
    }

    fn best_text(&self, objective: &Objective) -> Option<String> {
        // A loss is the value, or its negative where more is better; either way the same function leads back.
        let value = objective.loss(self.best?);
        Some(format!("best {} {}", objective.metric(), short(value)))
    }
}

fn counted(trials: u64) -> String {
    if trials == 1 { "1 trial".to_owned() } else { format!("{trials} trials") }
}

/// A number in four digits after the point at most; whole numbers as they are.
pub fn short(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 { format!("{value}") } else { format!("{value:.4}") }
}

/// A time in words.
pub fn duration(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 10.0 => format!("{seconds:.1} s"),
        seconds if seconds < 120.0 => format!("{seconds:.0} s"),
        seconds if seconds < 7200.0 => format!("{:.0} min", seconds / 60.0),
        seconds => format!("{:.1} h", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_shown_as_it_was_measured() {
        let accuracy: Objective = serde_json::from_str(r#"{"maximize": "accuracy"}"#).unwrap();
        let step = Step { trials: Some(40), done: 3, failed: 1, cached: 0, best: Some(-0.9375) };
        assert_eq!(step.text(&accuracy), "3 of 40 trials, 1 failed, best accuracy 0.9375");
        let size: Objective = serde_json::from_str(r#"{"minimize": "parameters"}"#).unwrap();
        let step = Step { best: Some(1200.0), ..Step::default() };
        assert_eq!(step.text(&size), "0 trials, best parameters 1200");
    }

    #[test]
    fn times_are_in_words() {
        let times = [0.04, 12.3, 600.0, 9000.0].map(duration);
        assert_eq!(times, ["0.0 s", "12 s", "10 min", "2.5 h"]);
    }
}
