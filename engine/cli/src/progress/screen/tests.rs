use super::*;
use pleach_run::Working;
use pleach_spec::Objective;
use serde_json::json;

fn state() -> State {
    let objectives: Vec<Objective> = serde_json::from_value(json!([{"maximize": "accuracy"}])).unwrap();
    let mut state = State { run: "quickstart-1".into(), objectives, seconds: 30.0, ..State::default() };
    let explore = Step {
        kind: "search".into(),
        phase: Phase::Done,
        trials: Some(40),
        done: 40,
        best: Some(-0.9533),
        seconds: 30.0,
        ..Step::default()
    };
    let last = Step {
        kind: "train".into(),
        phase: Phase::Running,
        trials: Some(200),
        done: 50,
        failed: 2,
        best: Some(-0.97),
        begun: Some(0.0),
        ..Step::default()
    };
    state.steps.insert("explore".into(), explore);
    state.steps.insert("final".into(), last);
    state.steps.insert("ship".into(), Step::default());
    state.working_for = "final".into();
    state.workers = vec![
        Working { worker: 0, trial: Some(51), epoch: 3, epochs: Some(24) },
        Working { worker: 1, trial: Some(52), epoch: 0, epochs: None },
        Working { worker: 2, trial: None, epoch: 0, epochs: None },
    ];
    state
}

fn shown(width: usize, height: usize) -> Vec<String> {
    text(&lines(&state(), 10.0, width, height), false).lines().map(str::to_owned).collect()
}

#[test]
fn a_frame_says_steps_then_workers() {
    assert_eq!(
        shown(100, 24),
        [
            "quickstart-1  40 s",
            "✓ explore  40 trials  best accuracy 0.9533  30 s",
            "▸ final    █████░░░░░░░░░░░░░░░   50/200  best accuracy 0.9700  about 30 s left  2 failed",
            "· ship     waiting",
            "  worker 0  final 51  epoch 4 of 24",
            "  worker 1  final 52",
            "  worker 2  idle",
        ]
    );
}

#[test]
fn what_does_not_fit_is_left_out_from_the_least_important_on() {
    assert_eq!(shown(60, 24)[2], "▸ final    ███░░░░░░░░░   50/200  best accuracy 0.9700");
    assert_eq!(shown(30, 24)[2], "▸ final     50/200");
    assert_eq!(shown(12, 24)[0], "quickstart-…");
    for width in 5..220 {
        for line in shown(width, 24) {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
    }
}

#[test]
fn few_lines_show_what_runs_and_say_what_is_hidden() {
    assert_eq!(shown(100, 6)[4..], ["  worker 0  final 51  epoch 4 of 24", "  and 2 more workers, 1 of them busy"]);
    let two = shown(100, 2);
    assert_eq!(two.len(), 2);
    assert!(two[1].starts_with("▸ final"), "{two:?}");
}

#[test]
fn nothing_moves_while_a_count_rises() {
    let mut state = state();
    let column = |state: &State| {
        let line = text(&lines(state, 10.0, 100, 24), false).lines().nth(2).unwrap().to_owned();
        line.chars().position(|one| one == '/').unwrap()
    };
    let before = column(&state);
    state.steps["final"].done = 100;
    assert_eq!(column(&state), before);
}

#[test]
fn colours_are_only_where_they_are_wanted() {
    let lines = lines(&state(), 10.0, 100, 24);
    assert!(!text(&lines, false).contains('\u{1b}'));
    assert!(text(&lines, true).contains("\u{1b}[32m✓ \u{1b}[0m"));
}
