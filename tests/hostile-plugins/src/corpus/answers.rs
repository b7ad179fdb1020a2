//! Requests against the contract.

use super::{Attack, asks, asks_one, fails};
use crate::{Asked, Guest, answer};

/// A request for this genotype.
fn genotype(genotype: &[f64]) -> Vec<u8> {
    asks_one(Asked { genotype, ..Asked::default() })
}

/// A request at this fidelity.
fn fidelity(fidelity: f64) -> Vec<u8> {
    asks_one(Asked { fidelity, ..Asked::default() })
}

pub(super) const ATTACKS: &[Attack] = &[
    fails(
        "genotype-too-short",
        "a genotype of two values",
        "Genotype",
        "request 0 has an invalid genotype: a genotype of 2 values",
        || genotype(&[0.0, 0.0]),
    ),
    fails(
        "genotype-too-long",
        "a genotype of four values",
        "Genotype",
        "request 0 has an invalid genotype: a genotype of 4 values",
        || genotype(&[0.0, 0.0, 0.05, 0.0]),
    ),
    fails(
        "genotype-out-of-range",
        "a number outside of its range",
        "Genotype",
        "request 0 has an invalid genotype: ",
        || genotype(&[0.0, 0.0, 5.0]),
    ),
    fails(
        "genotype-unknown-option",
        "the third of two options",
        "Genotype",
        "request 0 has an invalid genotype: ",
        || genotype(&[2.0, 0.0, 0.05]),
    ),
    fails("genotype-negative", "option -1", "Genotype", "request 0 has an invalid genotype: ", || {
        genotype(&[-1.0, 0.0, 0.05])
    }),
    fails("genotype-fraction", "half an option", "Genotype", "request 0 has an invalid genotype: ", || {
        genotype(&[0.5, 0.0, 0.05])
    }),
    fails("genotype-nan", "a value that is no number", "Genotype", "invalid genotype: decision 2 holds NaN", || {
        genotype(&[0.0, 0.0, f64::NAN])
    }),
    fails("genotype-infinite", "an infinite value", "Genotype", "invalid genotype: decision 2 holds inf", || {
        genotype(&[0.0, 0.0, f64::INFINITY])
    }),
    fails(
        "genotype-inactive",
        "a value where nothing is decided",
        "Genotype",
        "request 0 has an invalid genotype: ",
        || genotype(&[0.0, 1.0, 0.05]),
    ),
    fails(
        "more-than-room",
        "three requests where two fit",
        "TooManyRequests",
        "makes 3 requests where there is room for 2",
        || {
            asks(
                &["train"],
                &[Asked::default(), Asked { id: 1, ..Asked::default() }, Asked { id: 2, ..Asked::default() }],
            )
        },
    ),
    fails("no-requests", "an answer of no requests", "NoRequests", "answers with no requests", || {
        asks(&["train"], &[])
    }),
    fails(
        "fidelity-between",
        "a fidelity that cannot be asked for",
        "Request",
        "its fidelity 0.3 is none of [0.5, 1.0]",
        || fidelity(0.3),
    ),
    fails("fidelity-zero", "no training at all", "Request", "its fidelity 0 is none of", || fidelity(0.0)),
    fails("fidelity-negative", "training that gives time back", "Request", "its fidelity -1 is none of", || {
        fidelity(-1.0)
    }),
    fails("fidelity-nan", "a fidelity that is no number", "Request", "its fidelity NaN is none of", || {
        fidelity(f64::NAN)
    }),
    fails("fidelity-large", "a million trainings as one", "Request", "its fidelity 1000000 is none of", || {
        fidelity(1e6)
    }),
    fails(
        "undeclared-proxies",
        "scores that the manifest does not announce",
        "Undeclared",
        "request 0 uses `proxies`, which",
        || asks_one(Asked { proxies: true, ..Asked::default() }),
    ),
    fails(
        "undeclared-resume",
        "resuming that the manifest does not announce",
        "Undeclared",
        "request 0 uses `resume`, which",
        || asks_one(Asked { origin: (1, 0), ..Asked::default() }),
    ),
    fails(
        "undeclared-inherit",
        "weights of other networks, not announced",
        "Undeclared",
        "request 0 uses `inherit`, which",
        || asks_one(Asked { origin: (2, 0), ..Asked::default() }),
    ),
    fails(
        "undeclared-shared",
        "shared weights that nobody trained",
        "Undeclared",
        "request 0 uses `share`, which",
        || asks_one(Asked { origin: (3, 1), ..Asked::default() }),
    ),
    fails(
        "resume-unknown",
        "resumes a request that was never made",
        "Request",
        "wants to resume request 99, which was not told yet",
        || asks(&["train", "resume"], &[Asked { origin: (1, 99), ..Asked::default() }]),
    ),
    fails(
        "resume-itself",
        "resumes itself",
        "Request",
        "request 0: wants to resume request 0, which was not told yet",
        || asks(&["train", "resume"], &[Asked { origin: (1, 0), ..Asked::default() }]),
    ),
    fails(
        "resume-another",
        "resumes the training of another genotype",
        "Request",
        "request 1: resumes request 0, which has another genotype",
        || {
            // The first at half the training; then, once that is told, the second in its place.
            let first = Asked { fidelity: 0.5, ..Asked::default() };
            let second = Asked { id: 1, genotype: &[1.0, 1.0, 0.05], origin: (1, 0), ..Asked::default() };
            let head = format!("(global $calls (mut i32) (i32.const 0)) {} ", answer(&[first, second]));
            // One request each time; the third call comes after the tell, for the second waits.
            let ask = "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
            (i32.store (i32.const 1036) (i32.const 1))
            (if (i32.eq (global.get $calls) (i32.const 2)) (then (return (i32.const 192))))
            (if (i32.eq (global.get $calls) (i32.const 3)) (then (i32.store (i32.const 1032) (i32.const 1112))))
            (i32.const 1024)";
            Guest { head: &head, needs: &["train", "resume"], ask, ..Guest::default() }.wasm()
        },
    ),
    fails(
        "parent-of-itself",
        "a request that descends from itself",
        "Request",
        "request 0: its parent 0 was not asked before it",
        || asks_one(Asked { parents: &[0], ..Asked::default() }),
    ),
    fails(
        "recommends-nonsense",
        "recommends half an option",
        "Genotype",
        "plugin `guest`, recommend: the recommendation has an invalid genotype",
        || {
            // A list of one genotype of three values: 0.5, 0, 0.05.
            let head = r#"(data (i32.const 1024) "\08\04\00\00\01\00\00\00" "\10\04\00\00\03\00\00\00" "\00\00\00\00\00\00\e0\3f")"#;
            Guest { head, recommend: "(i32.const 1024)", ..Guest::default() }.wasm()
        },
    ),
];
