//! Lines that are kept at the bottom of a terminal and drawn over in place.

use super::screen::{self, Line};
use super::state::State;
use crate::output;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two looks at what changed: at most ten frames a second.
const FRAME: Duration = Duration::from_millis(100);

/// The frame at the bottom of standard error.
#[derive(Debug)]
pub struct Terminal {
    bar: ProgressBar,
    colour: bool,
    shown: String,
}

impl Terminal {
    /// An empty frame. What [`output::say`] says from now on appears above it.
    pub fn new() -> Terminal {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(30));
        bar.set_style(ProgressStyle::with_template("{msg}").expect("the template is well formed"));
        output::keep_below(Some(bar.clone()));
        let colour = output::colour(&io::stderr()) == pleach_spec::Colour::Always;
        Terminal { bar, colour, shown: String::new() }
    }

    /// Draws a run, if it looks other than the last time.
    pub fn draw(&mut self, state: &State, now: f64) {
        let (height, width) = console::Term::stderr().size();
        // A column and a row are left free, so that no terminal wraps or scrolls.
        let (width, height) = (usize::from(width).saturating_sub(1), usize::from(height).saturating_sub(1));
        let lines: Vec<Line> = screen::lines(state, now, width.max(20), height.max(2));
        let text = screen::text(&lines, self.colour);
        if text != self.shown {
            self.bar.set_message(text.clone());
            self.shown = text;
        }
    }

    /// Clears the frame.
    pub fn clear(&mut self) {
        output::keep_below(None);
        self.bar.finish_and_clear();
    }
}

/// A frame that is drawn beside the run, so that clocks go on while nothing happens and a fast search is not held up.
#[derive(Debug)]
pub struct Live {
    state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Live {
    /// Draws the state, which others change, until it is ended; `start` is when the clock of the state's times began.
    pub fn start(state: Arc<Mutex<State>>, start: Instant) -> Live {
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, stopped) = (state.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            let mut terminal = Terminal::new();
            while !stopped.load(Ordering::Relaxed) {
                // Copied, so that drawing never holds up the run.
                let state = lock(&shared).clone();
                terminal.draw(&state, start.elapsed().as_secs_f64());
                std::thread::park_timeout(FRAME);
            }
            terminal.clear();
        });
        Live { state, stop, thread: Some(thread) }
    }

    /// The state, to change it.
    pub fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Clears the frame; the terminal is as if it had never been.
    pub fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.end();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
