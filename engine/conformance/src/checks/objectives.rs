//! What is measured.

use super::{Check, asked_something};
use crate::case::{Case, Results};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "objectives-several",
        what: "it searches with three objectives",
        run: |bench| bench.ends(&Case { objectives: 3, ..bench.usual() }),
    },
    Check {
        name: "constraints",
        what: "it searches where half of the candidates break two constraints",
        run: |bench| bench.ends(&Case { constraints: 2, ..bench.usual() }),
    },
    Check {
        name: "objectives-not-numbers",
        what: "it goes on where losses are no numbers",
        run: |bench| bench.ends(&Case { results: Results::NotNumbers, ..bench.usual() }),
    },
    Check {
        name: "objectives-equal",
        what: "it goes on where all candidates are equally good",
        run: |bench| bench.ends(&Case { results: Results::Equal, ..bench.usual() }),
    },
    Check {
        name: "recommendation",
        what: "what it recommends is valid, and was asked for",
        run: |bench| {
            bench.searched(&bench.usual(), |history| {
                asked_something(history)?;
                let asked = history.genotypes();
                let other = history.recommended.iter().find(|genotype| !asked.contains(genotype));
                other.map_or(Ok(()), |genotype| Err(format!("it recommends {genotype:?}, which it never asked for")))
            })
        },
    },
];
