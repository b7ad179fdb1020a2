//! Work that is asked of the engine.

use super::{Attack, fails};
use crate::Guest;

/// A guest whose first `ask` does this.
fn ask(ask: &str) -> Vec<u8> {
    Guest { ask, ..Guest::default() }.wasm()
}

pub(super) const ATTACKS: &[Attack] = &[
    fails(
        "samples-too-many",
        "four billion samples",
        "EngineWork",
        "asks the engine for work on more than 400000 genotypes",
        || ask("(call $sample (i32.const -1) (i64.const 1) (i32.const 1024)) (unreachable)"),
    ),
    fails(
        "samples-many",
        "300,000 samples, for which it grows its memory far too often",
        "Memory",
        "ask 1 (room 2): ",
        || {
            // Every piece of what comes gets a megabyte of its own.
            let allocate = "(drop (memory.grow (i32.const 16)))";
            Guest {
                allocate,
                ask: "(call $sample (i32.const 300000) (i64.const 1) (i32.const 1024)) (unreachable)",
                ..Guest::default()
            }
            .wasm()
        },
    ),
    fails(
        "samples-again-and-again",
        "calls of the engine without an end",
        "EngineWork",
        "within one call (in `sample`)",
        || {
            // All that comes is written to the same place.
            Guest {
                allocate: "(global.set $free (i32.const 4096))",
                ask: "(loop (call $sample (i32.const 1) (i64.const 1) (i32.const 1024)) (br 0)) (unreachable)",
                ..Guest::default()
            }
            .wasm()
        },
    ),
    fails(
        "quality-again-and-again",
        "fits the predictor without an end",
        "EngineWork",
        "within one call (in `quality`)",
        || ask("(loop (call $quality (i32.const 0) (i32.const 1024)) (br 0)) (unreachable)"),
    ),
    fails(
        "graphs-of-one-network",
        "the graph of one network, 90,000 times over",
        "EngineAnswer",
        "an answer of more than 16777216 bytes (of `graph`)",
        || {
            // 90,000 lists that all are the genotype at 1024.
            let ask = "(local $i i32)
            (loop
              (i32.store (i32.add (i32.const 65536) (i32.mul (local.get $i) (i32.const 8))) (i32.const 1024))
              (i32.store (i32.add (i32.const 65540) (i32.mul (local.get $i) (i32.const 8))) (i32.const 3))
              (local.set $i (i32.add (local.get $i) (i32.const 1)))
              (br_if 0 (i32.lt_u (local.get $i) (i32.const 90000))))
            (call $graph (i32.const 65536) (i32.const 90000) (i32.const 1100)) (unreachable)";
            let head = r#"(data (i32.const 1024) "\00\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00" "\9a\99\99\99\99\99\a9\3f")"#;
            Guest { head, pages: 40, ask, ..Guest::default() }.wasm()
        },
    ),
    fails(
        "mutates-nonsense",
        "mutates a genotype of one value",
        "Engine",
        "engine call `mutate`: a genotype of 1 values where there are 3",
        || {
            let head = r#"(data (i32.const 1024) "\00\08\00\00\01\00\00\00")"#;
            let ask = "(call $mutate (i32.const 1024) (i32.const 1) (i64.const 1) (i32.const 1032)) (unreachable)";
            Guest { head, ask, ..Guest::default() }.wasm()
        },
    ),
    fails("log-flood", "log lines without an end", "Log", "logs more than 65536 bytes in one call", || {
        ask("(loop (call $log (i32.const 1) (i32.const 0) (i32.const 5)) (br 0)) (unreachable)")
    }),
    fails("log-line", "one log line of 60 megabytes", "Payload", "hands more than 16777216 bytes", || {
        let ask = "(call $log (i32.const 1) (i32.const 0) (i32.const 60000000)) (unreachable)";
        Guest { pages: 1000, ask, ..Guest::default() }.wasm()
    }),
    fails(
        "engine-too-early",
        "asks the engine while it describes itself",
        "EngineTooEarly",
        "calls `sample` of the engine before",
        || {
            Guest {
                describe: "(call $sample (i32.const 1) (i64.const 1) (i32.const 1024)) (i32.const 64)",
                ..Guest::default()
            }
            .wasm()
        },
    ),
];
