//! Spaces of every kind.

use pleach_sdk::testing::ToySpace;
use pleach_sdk::{Condition, Domain, IntegerRange, RealRange, Role};

use super::Check;

fn when(decision: u32, values: &[f64]) -> Option<Condition> {
    Some(Condition { decision, values: values.to_vec() })
}

/// A choice that opens others, which open others.
pub(super) fn conditional() -> ToySpace {
    let levels = || Domain::Levels(vec![8.0, 16.0, 32.0]);
    ToySpace::choices(&[3])
        .with("second", Domain::Choice(vec!["a".to_owned(), "b".to_owned()]), Role::Architecture, when(0, &[1.0, 2.0]))
        .with("third", levels(), Role::Architecture, when(1, &[1.0]))
        .with(
            "fourth",
            Domain::Real(RealRange { low: 0.0, high: 1.0, log: false }),
            Role::Training,
            when(2, &[0.0, 2.0]),
        )
}

fn integers() -> ToySpace {
    let range = |low, high, log| Domain::Integer(IntegerRange { low, high, log });
    ToySpace::choices(&[])
        .with("small", range(-3, 3, false), Role::Architecture, None)
        .with("logarithmic", range(1, 4096, true), Role::Architecture, None)
        .with("wide", range(0, 1 << 52, false), Role::Architecture, None)
        .with("single", range(7, 7, false), Role::Architecture, None)
}

fn reals() -> ToySpace {
    let range = |low, high, log| Domain::Real(RealRange { low, high, log });
    ToySpace::choices(&[])
        .with("rate", range(1e-6, 1.0, true), Role::Training, None)
        .with("momentum", range(0.0, 0.99, false), Role::Training, None)
        .with("signed", range(-1e9, 1e9, false), Role::Training, None)
}

pub(super) const CHECKS: &[Check] = &[
    Check { name: "space-choices", what: "it searches among choices", run: |bench| bench.ends(&bench.usual()) },
    Check {
        name: "space-conditional",
        what: "it searches where decisions count only under conditions",
        run: |bench| bench.ends(&bench.case(conditional())),
    },
    Check {
        name: "space-of-one-decision",
        what: "it searches where there is one decision with three options",
        run: |bench| bench.ends(&bench.case(ToySpace::choices(&[3]))),
    },
    Check {
        name: "space-of-one-network",
        what: "it ends where every decision has one option",
        run: |bench| bench.ends(&bench.case(ToySpace::choices(&[1, 1]))),
    },
    Check {
        name: "space-huge",
        what: "it searches among 300 decisions of ten options",
        run: |bench| bench.ends(&bench.case(ToySpace::choices(&[10; 300]))),
    },
    Check {
        name: "space-integers",
        what: "it searches in ranges of integers, logarithmic and very wide ones too",
        run: |bench| bench.ends(&bench.case(integers())),
    },
    Check {
        name: "space-reals",
        what: "it searches in ranges of real numbers, logarithmic ones too",
        run: |bench| bench.ends(&bench.case(reals())),
    },
    Check {
        name: "space-levels",
        what: "it searches among ordered options",
        run: |bench| {
            let levels = |count: u32| Domain::Levels((1..=count).map(f64::from).collect());
            let space = ToySpace::choices(&[]).with("first", levels(5), Role::Architecture, None).with(
                "second",
                levels(2),
                Role::Architecture,
                None,
            );
            bench.ends(&bench.case(space))
        },
    },
];
