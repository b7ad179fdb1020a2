//! Ends, and beginnings from what there is.

use pleach_plugin::contract::Known;
use pleach_sdk::testing::ToySpace;

use super::{Check, asked_something, skipped, verdict};
use crate::case::Case;
use crate::report::Verdict;
use crate::world::distance;

/// Results of the best and the worst genotype, and of one that failed.
fn history(space: &ToySpace, objectives: usize) -> Vec<Known> {
    let known = |genotype: Vec<f64>, measured: bool| {
        let loss = distance(space, &genotype);
        let losses = if measured { vec![loss; objectives] } else { vec![] };
        Known { genotype, losses, fidelity: 1.0, task: 0 }
    };
    vec![known(vec![3.0; 8], true), known(vec![0.0; 8], true), known(vec![1.0; 8], false)]
}

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "small-space",
        what: "it comes to an end where there are fewer networks than trials",
        run: |bench| bench.ends(&Case { trials: Some(200), ..bench.case(ToySpace::choices(&[2, 2])) }),
    },
    Check {
        name: "ended-early",
        what: "it recommends and saves where the engine ends it with the first outcome",
        run: |bench| bench.ends(&Case { ends_after: 1, ..bench.usual() }),
    },
    Check {
        name: "begins-with-history",
        what: "it begins where results from before are given",
        run: |bench| {
            let case = bench.usual();
            let history = history(&case.space, case.objectives);
            bench.ends(&Case { history, ..case })
        },
    },
    Check {
        name: "begins-with-saved",
        what: "it begins with what an earlier search saved",
        run: |bench| {
            let mut verdict_of_second: Option<Verdict> = None;
            let first = bench.searched(&bench.usual(), |history| {
                verdict_of_second = Some(if history.saved.is_empty() {
                    skipped("it saves nothing")
                } else {
                    let case = Case { saved: Some(history.saved.clone()), ..bench.usual() };
                    verdict(bench.search(&case).and_then(|second| asked_something(&second)))
                });
                Ok(())
            });
            verdict_of_second.unwrap_or(first)
        },
    },
];
