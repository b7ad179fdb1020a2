//! A run as lines of text, for a terminal of a given size.

use super::short;
use super::state::{Phase, State, Step};

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Plain,
    Bold,
    Dim,
    Good,
    Bad,
}

/// A line of text in pieces.
pub type Line = Vec<(String, Style)>;

/// The widest bar, in columns.
const BAR: usize = 30;

/// The run as at most `height` lines of at most `width` columns: first the steps, then the workers as far as there is room. Nothing moves
/// while numbers change.
pub fn lines(state: &State, now: f64, width: usize, height: usize) -> Vec<Line> {
    let mut lines = vec![title(state, now)];
    let names = state.steps.keys().map(|name| name.chars().count()).max().unwrap_or(0).min(24);
    let room = height.saturating_sub(1).max(1);
    // Where there are more steps than lines: those around the one that runs.
    let present = state.steps.values().rposition(|step| step.phase != Phase::Waiting).unwrap_or(0);
    let first = (present + 1).saturating_sub(room);
    for (name, step) in state.steps.iter().skip(first).take(room) {
        lines.push(step_line(state, name, step, names, now, width));
    }
    let room = height.saturating_sub(lines.len());
    let idle = |trial: Option<u64>| trial.is_none();
    let shown = if state.workers.len() <= room { room } else { room.saturating_sub(1) };
    for worker in state.workers.iter().take(shown) {
        let mut line = vec![(format!("  worker {:<3}", worker.worker), Style::Dim)];
        match worker.trial {
            None => line.push(("idle".to_owned(), Style::Dim)),
            Some(trial) => {
                line.push((format!("{} {trial}", state.working_for), Style::Plain));
                if let Some(epochs) = worker.epochs {
                    line.push((format!("  epoch {} of {epochs}", (worker.epoch + 1).min(epochs)), Style::Dim));
                }
            }
        }
        lines.push(line);
    }
    if state.workers.len() > shown && room > 0 {
        let rest = &state.workers[shown..];
        let busy = rest.iter().filter(|worker| !idle(worker.trial)).count();
        lines.push(vec![(format!("  and {} more workers, {busy} of them busy", rest.len()), Style::Dim)]);
    }
    lines.into_iter().map(|line| cut(line, width)).collect()
}

fn title(state: &State, now: f64) -> Line {
    vec![(state.run.clone(), Style::Bold), (format!("  {}", clock(state.passed(now))), Style::Dim)]
}

fn step_line(state: &State, name: &str, step: &Step, names: usize, now: f64, width: usize) -> Line {
    let (sign, style) = match step.phase {
        Phase::Waiting => ("·", Style::Dim),
        Phase::Running => ("▸", Style::Bold),
        Phase::Done | Phase::UpToDate => ("✓", Style::Good),
        Phase::Failed => ("✗", Style::Bad),
    };
    let name_style = if step.phase == Phase::Waiting { Style::Dim } else { Style::Plain };
    let mut line = vec![(format!("{sign} "), style), (format!("{name:<names$}"), name_style)];
    let mut parts: Vec<(String, Style)> = Vec::new();
    match step.phase {
        Phase::Waiting => parts.push(("waiting".to_owned(), Style::Dim)),
        Phase::UpToDate => parts.push(("up to date".to_owned(), Style::Dim)),
        Phase::Running | Phase::Done | Phase::Failed => {
            match step.trials.filter(|_| step.phase != Phase::Done) {
                Some(trials) => {
                    // The digits of a count that rises do not push what follows.
                    let digits = trials.to_string().len();
                    if width >= 50 {
                        line.push(("  ".to_owned(), Style::Plain));
                        line.extend(bar(step.done, trials, (width / 5).min(BAR)));
                    }
                    parts.push((format!("{:>digits$}/{trials}", step.done), Style::Plain));
                }
                None if step.done > 0 || step.phase == Phase::Running && step.kind != "export" => {
                    parts.push((
                        if step.done == 1 { "1 trial".into() } else { format!("{} trials", step.done) },
                        Style::Plain,
                    ));
                }
                None => {}
            }
            if let (Some(best), Some(objective)) = (step.best, state.objectives.first()) {
                parts.push((format!("best {} {}", objective.metric(), short(objective.loss(best))), Style::Plain));
            }
            match step.phase {
                Phase::Running => {
                    if let Some(left) = step.left(now).filter(|left| *left > 0.0) {
                        parts.push((format!("about {} left", clock(left)), Style::Dim));
                    }
                }
                _ => parts.push((clock(step.seconds), Style::Dim)),
            }
            if let Some(front) = step.front() {
                parts.push((format!("front {front}"), Style::Plain));
            }
            if step.failed > 0 {
                parts.push((format!("{} failed", step.failed), Style::Bad));
            }
            if step.cached > 0 {
                parts.push((format!("{} from the cache", step.cached), Style::Dim));
            }
        }
    }
    // What does not fit is left out whole, from the least important on.
    let mut used: usize = line.iter().map(|(text, _)| text.chars().count()).sum();
    for (text, style) in parts {
        used += 2 + text.chars().count();
        if used > width {
            break;
        }
        line.push(("  ".to_owned(), Style::Plain));
        line.push((text, style));
    }
    line
}

/// A time that counts up without a change of its form at every step.
fn clock(seconds: f64) -> String {
    match seconds.max(0.0) as u64 {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

fn bar(done: u64, all: u64, width: usize) -> Line {
    let share = if all == 0 { 1.0 } else { (done as f64 / all as f64).min(1.0) };
    let full = (share * width as f64).floor() as usize;
    vec![("█".repeat(full), Style::Good), ("░".repeat(width - full), Style::Dim)]
}

/// A line that is too long, cut with an ellipsis.
fn cut(line: Line, width: usize) -> Line {
    let length: usize = line.iter().map(|(text, _)| text.chars().count()).sum();
    if length <= width {
        return line;
    }
    let mut left = width.saturating_sub(1);
    let mut short: Line = Vec::new();
    for (text, style) in line {
        let kept: String = text.chars().take(left).collect();
        left -= kept.chars().count();
        short.push((kept, style));
    }
    short.push(("…".to_owned(), Style::Plain));
    short
}

/// Lines as text, with the escape sequences of their looks if wanted.
pub fn text(lines: &[Line], colour: bool) -> String {
    let piece = |(text, style): &(String, Style)| {
        let code = match style {
            _ if !colour => None,
            Style::Plain => None,
            Style::Bold => Some("1"),
            Style::Dim => Some("2"),
            Style::Good => Some("32"),
            Style::Bad => Some("31"),
        };
        match code {
            Some(code) => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            None => text.clone(),
        }
    };
    let lines = lines.iter().map(|line| line.iter().map(piece).collect::<String>());
    lines.map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
