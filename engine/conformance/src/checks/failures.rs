//! Trainings that fail.

use pleach_plugin::contract::Reason;

use super::Check;
use crate::case::{Case, Results};
use crate::report::Verdict;

/// Every third training fails for this reason.
fn failing(bench: &super::Bench<'_>, reason: Reason) -> Verdict {
    bench.ends(&Case { results: Results::Failing(reason), ..bench.usual() })
}

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "failures-infeasible",
        what: "it goes on where a third of the candidates is infeasible",
        run: |bench| failing(bench, Reason::Infeasible),
    },
    Check {
        name: "failures-diverged",
        what: "it goes on where a third of the trainings diverges",
        run: |bench| failing(bench, Reason::Diverged),
    },
    Check {
        name: "failures-lost",
        what: "it goes on where a third of the trainings is lost with its worker",
        run: |bench| failing(bench, Reason::Lost),
    },
    Check {
        name: "failures-only",
        what: "it goes on, or finishes, where every training fails",
        run: |bench| bench.ends(&Case { results: Results::AllFailing, ..bench.usual() }),
    },
];
