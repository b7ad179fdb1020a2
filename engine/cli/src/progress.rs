//! What is seen of a run while it goes on: a live frame on a terminal, plain lines elsewhere, JSON lines for programs.

pub mod screen;
pub mod state;
pub mod terminal;

use crate::output;
use pleach_run::Event;
use pleach_spec::Objective;
use state::{Phase, State, Step};
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use terminal::Live;

/// Consumes the events of a run.
#[derive(Debug)]
pub struct Progress {
    look: Look,
    start: Instant,
}

/// The looks of progress.
#[derive(Debug)]
enum Look {
    /// A frame that is drawn over in place.
    Live(Live),
    /// Lines, at most about ten a step.
    Lines(Lines),
    /// Every event as a line of JSON on standard output.
    Json,
}

/// Whether standard error is a terminal that can be drawn on.
pub fn can_draw() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|kind| kind != "dumb")
}

impl Progress {
    /// Progress for people on standard error, or JSON lines on standard output.
    pub fn new(json: bool, objectives: Vec<Objective>) -> Progress {
        let start = Instant::now();
        let state = State { objectives, ..State::default() };
        let look = match json {
            true => Look::Json,
            false if can_draw() => Look::Live(Live::start(Arc::new(Mutex::new(state)), start)),
            false => Look::Lines(Lines { state }),
        };
        Progress { look, start }
    }

    /// Takes in an event.
    pub fn on(&mut self, event: &Event<'_>) {
        let now = self.start.elapsed().as_secs_f64();
        match &mut self.look {
            Look::Json => {
                // A reader that has gone away does not stop a run.
                if let Ok(line) = serde_json::to_string(event) {
                    let mut stdout = io::stdout().lock();
                    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
                }
            }
            Look::Live(live) => {
                live.state().on(event, now);
                if let Event::RunLeft { .. } | Event::RunStarted { .. } | Event::Log { .. } = event {
                    output::say_some(said(event));
                }
            }
            Look::Lines(lines) => {
                lines.state.on(event, now);
                output::say_some(said(event).or_else(|| lines.said(event)));
            }
        }
    }

    /// Clears what is shown only while something runs; where the run did not come to its end, says how far it came.
    pub fn end(&mut self, whole: bool) {
        if let Look::Live(live) = &mut self.look {
            live.end();
            let state = live.state().clone();
            if !whole && !state.run.is_empty() {
                output::say(snapshot(&state, self.start.elapsed().as_secs_f64()));
            }
        }
    }
}

/// The steps of a run as plain lines.
pub fn snapshot(state: &State, now: f64) -> String {
    let still = State { workers: Vec::new(), ..state.clone() };
    screen::text(&screen::lines(&still, now, 100, usize::MAX), false)
}

/// What is said of an event wherever it is seen.
fn said(event: &Event<'_>) -> Option<String> {
    match *event {
        Event::RunStarted { folder, resumed, .. } => {
            let word = if resumed { "going on in" } else { "running in" };
            Some(format!("{word} {}", folder.display()))
        }
        Event::RunLeft { run, reason } => Some(format!("warning: {run} is left as it is: {reason}")),
        Event::Log { step, level, message } if level != "debug" => Some(format!("{step}: {level}: {message}")),
        _ => None,
    }
}

/// A run in lines, one below the other.
#[derive(Debug)]
struct Lines {
    state: State,
}

impl Lines {
    fn said(&self, event: &Event<'_>) -> Option<String> {
        let step = |name: &str| &self.state.steps[name];
        match *event {
            Event::StepStarted { step, kind, trials } => {
                let count = trials.map_or(String::new(), |trials| format!(", {}", counted(trials)));
                Some(format!("{step} ({kind}){count}"))
            }
            Event::StepUpToDate { step, kind, run } => Some(format!("{step} ({kind}): up to date, done in {run}")),
            Event::TrialDone { step: name, .. } => {
                let step = step(name);
                is_a_tenth(step).then(|| format!("{name}: {}", progress_of(step, &self.state.objectives)))
            }
            Event::StepDone { step: name, kind, seconds } => {
                let step = step(name);
                let trials = match step.done {
                    0 => String::new(),
                    _ => format!("{}, ", progress_of(step, &self.state.objectives)),
                };
                Some(format!("{name} ({kind}): done: {trials}{}", duration(seconds)))
            }
            _ => None,
        }
    }
}

/// Whether a step's count of trials is one of about ten at which something is said.
pub fn is_a_tenth(step: &Step) -> bool {
    let every = (step.trials.unwrap_or(100) / 10).max(1);
    step.phase == Phase::Running && step.done.is_multiple_of(every) && Some(step.done) != step.trials
}

/// Trials done, failures, the best so far.
pub fn progress_of(step: &Step, objectives: &[Objective]) -> String {
    let mut text = match step.trials {
        Some(trials) => format!("{} of {}", step.done, counted(trials)),
        None => counted(step.done),
    };
    for (count, what) in [(step.failed, "failed"), (step.cached, "from the cache")] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    if let (Some(best), Some(objective)) = (step.best, objectives.first()) {
        // A loss is the value, or its negative where more is better; either way the same function leads back.
        text.push_str(&format!(", best {} {}", objective.metric(), short(objective.loss(best))));
    }
    text
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
        let objective = |text: &str| -> Vec<Objective> { vec![serde_json::from_str(text).unwrap()] };
        let accuracy = objective(r#"{"maximize": "accuracy"}"#);
        let step = Step { trials: Some(40), done: 3, failed: 1, best: Some(-0.9375), ..Step::default() };
        assert_eq!(progress_of(&step, &accuracy), "3 of 40 trials, 1 failed, best accuracy 0.9375");
        let step = Step { best: Some(1200.0), ..Step::default() };
        assert_eq!(progress_of(&step, &objective(r#"{"minimize": "parameters"}"#)), "0 trials, best parameters 1200");
    }

    #[test]
    fn times_are_in_words() {
        let times = [0.04, 12.3, 600.0, 9000.0].map(duration);
        assert_eq!(times, ["0.0 s", "12 s", "10 min", "2.5 h"]);
    }
}
