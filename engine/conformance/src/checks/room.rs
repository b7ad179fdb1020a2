//! Room, budgets and fidelities.

use pleach_plugin::Need;
use pleach_plugin::contract::{Job, Origin};

use super::{Check, asked_something, skipped};
use crate::case::Case;
use crate::report::Verdict;

/// It searches within this budget, which is so large that something must come of it.
fn within(bench: &super::Bench<'_>, case: Case) -> Verdict {
    bench.searched(&case, asked_something)
}

/// The parts of a training in 27 epochs.
fn epochs() -> Vec<f64> {
    (1..=27).map(|epoch| f64::from(epoch) / 27.0).collect()
}

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "concurrency-of-1",
        what: "it searches one at a time",
        run: |bench| within(bench, Case { concurrency: 1, ..bench.usual() }),
    },
    Check {
        name: "concurrency-of-64",
        what: "it searches 64 at a time",
        run: |bench| within(bench, Case { concurrency: 64, trials: Some(200), ..bench.usual() }),
    },
    Check {
        name: "room-of-4096",
        what: "it answers where there is room for 4096 requests",
        run: |bench| within(bench, Case { concurrency: 4096, trials: Some(5000), ends_after: 5000, ..bench.usual() }),
    },
    Check {
        name: "budget-of-one",
        what: "it searches where one trial is all",
        run: |bench| within(bench, Case { trials: Some(1), ..bench.usual() }),
    },
    Check {
        name: "budget-of-trainings",
        what: "it searches within seven and a half trainings",
        run: |bench| within(bench, Case { trials: None, trainings: Some(7.5), fidelities: epochs(), ..bench.usual() }),
    },
    Check {
        name: "budget-of-cost",
        what: "it searches within a virtual cost",
        run: |bench| within(bench, Case { trials: None, cost: Some(30.0), ..bench.usual() }),
    },
    Check {
        name: "budgets-together",
        what: "it searches where trials, trainings and cost are all limited",
        run: |bench| {
            let fidelities = epochs();
            let (trials, trainings, cost) = (Some(30), Some(9.0), Some(20.0));
            within(bench, Case { trials, trainings, cost, fidelities, ..bench.usual() })
        },
    },
    Check {
        name: "without-budget",
        what: "it searches where nothing is limited but the candidates, until the engine ends it",
        run: |bench| within(bench, Case { trials: None, ends_after: 300, ..bench.usual() }),
    },
    Check {
        name: "fidelities",
        what: "it searches where trainings can be parts of 27 epochs that cannot be resumed",
        run: |bench| within(bench, Case { fidelities: epochs(), ..bench.usual() }),
    },
    Check {
        name: "resume",
        what: "where trainings can be resumed, it resumes",
        run: |bench| {
            if !bench.needs(Need::Resume) {
                return skipped("it does not need `resume`");
            }
            let case = Case { fidelities: epochs(), resumes: true, trials: Some(80), ..bench.usual() };
            bench.searched(&case, |history| {
                let resumes =
                    |job: &Job| matches!(job, Job::Train(training) if matches!(training.origin, Origin::Resume(_)));
                let resumed = history.requests.iter().any(|request| resumes(&request.job));
                if resumed { Ok(()) } else { Err("none of 80 trainings goes on with another".to_owned()) }
            })
        },
    },
];
