//! Progress on standard error: one line a stage, its time, a summary. Standard output belongs to the programs that are run.

use std::time::{Duration, Instant};

use crate::failure::Outcome;

/// Reports stages as they pass and remembers how long each took.
#[derive(Default)]
pub struct Console {
    done: Vec<(String, Duration)>,
}

impl Console {
    /// Runs a stage that announces what it does; its time goes to the summary, also when it fails.
    pub fn stage<T>(&mut self, name: &str, what: &str, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        say(name, what);
        self.timed(name, work)
    }

    /// Runs a stage that speaks for itself, for instance because it may find nothing to do.
    pub fn timed<T>(&mut self, name: &str, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        let start = Instant::now();
        let result = work();
        self.done.push((name.into(), start.elapsed()));
        result
    }

    /// Prints the time of every stage and of all together.
    pub fn summary(&self, verdict: &str) {
        eprintln!();
        for (name, time) in &self.done {
            eprintln!("{name:>12}  {:>9}", seconds(*time));
        }
        let total: Duration = self.done.iter().map(|(_, time)| *time).sum();
        eprintln!("{:>12}  {:>9}  {verdict}", "total", seconds(total));
    }
}

/// One line about a stage.
pub fn say(name: &str, text: &str) {
    eprintln!("{name:>12}  {text}");
}

/// A duration as people read it: tenths of a second below a minute, minutes and seconds above.
pub fn seconds(time: Duration) -> String {
    let tenths = (time.as_secs_f64() * 10.0).round() as u64;
    if tenths < 600 {
        format!("{}.{} s", tenths / 10, tenths % 10)
    } else {
        format!("{} min {:02} s", tenths / 600, tenths % 600 / 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(seconds(Duration::from_millis(40)), "0.0 s");
        assert_eq!(seconds(Duration::from_millis(59_940)), "59.9 s");
        assert_eq!(seconds(Duration::from_millis(59_960)), "1 min 00 s");
        assert_eq!(seconds(Duration::from_secs(185)), "3 min 05 s");
    }
}
