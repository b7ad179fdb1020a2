//! Calls that do not end, or end the search.

use super::{Attack, asks, asks_one, fails};
use crate::{Asked, Guest, answer};

const FOREVER: &str = "(loop (br 0)) (unreachable)";

pub(super) const ATTACKS: &[Attack] = &[
    fails(
        "loop-describe",
        "endless loop in `describe`",
        "Fuel",
        "plugin `guest`, describe: used up its 500000000 units",
        || Guest { describe: FOREVER, ..Guest::default() }.wasm(),
    ),
    fails(
        "loop-start",
        "endless loop in `start`",
        "Fuel",
        "plugin `guest`, start: used up its 2000000000 units",
        || Guest { start: FOREVER, ..Guest::default() }.wasm(),
    ),
    fails(
        "loop-ask",
        "endless loop in `ask`",
        "Fuel",
        "plugin `guest`, ask 1 (room 2): used up its 1020000000 units",
        || Guest { ask: FOREVER, ..Guest::default() }.wasm(),
    ),
    fails("loop-tell", "endless loop in `tell`", "Fuel", "plugin `guest`, tell 1 (1 outcomes): used up its", || {
        let head = format!("(global $asked (mut i32) (i32.const 0)) {}", answer(&[Asked::default()]));
        Guest { head: &head, ask: ASK_ONCE, tell: FOREVER, ..Guest::default() }.wasm()
    }),
    fails(
        "loop-recommend",
        "endless loop in `recommend`",
        "Fuel",
        "plugin `guest`, recommend: used up its 2000000000",
        || Guest { recommend: FOREVER, ..Guest::default() }.wasm(),
    ),
    fails("loop-save", "endless loop in `save`", "Fuel", "plugin `guest`, save: used up its 2000000000 units", || {
        Guest { save: FOREVER, ..Guest::default() }.wasm()
    }),
    fails(
        "loop-instantiation",
        "endless loop in the module's start function",
        "Fuel",
        "describe: used up its 500000000",
        || Guest { head: "(func $forever (loop (br 0))) (start $forever)", ..Guest::default() }.wasm(),
    ),
    fails(
        "loop-allocation",
        "endless loop when the engine hands over the context",
        "Fuel",
        "start: used up its",
        || Guest { allocate: "(loop (br 0))", ..Guest::default() }.wasm(),
    ),
    fails("grows-by-nothing", "asks for no memory, without an end", "Fuel", "ask 1 (room 2): used up its", || {
        Guest { ask: "(loop (drop (memory.grow (i32.const 0))) (br 0)) (unreachable)", ..Guest::default() }.wasm()
    }),
    fails("fills-memory", "fills 60 megabytes without an end", "Fuel", "ask 1 (room 2): used up its", || {
        let ask = "(loop (memory.fill (i32.const 4096) (i32.const 1) (i32.const 60000000)) (br 0)) (unreachable)";
        Guest { pages: 1000, ask, ..Guest::default() }.wasm()
    }),
    fails("copies-nothing", "copies no bytes, without an end", "Fuel", "ask 1 (room 2): used up its", || {
        let ask = "(loop (memory.copy (i32.const 0) (i32.const 8) (local.get 0)) (local.set 0 (i32.const 0)) (br 0)) (unreachable)";
        Guest { ask, ..Guest::default() }.wasm()
    }),
    fails("divides", "divides without an end", "Fuel", "ask 1 (room 2): used up its", || {
        let ask = "(local i64) (local.set 1 (i64.const -1))
            (loop (local.set 1 (i64.or (i64.rem_u (local.get 1) (i64.const 0x7fffffffffffffe7)) (i64.const -8))) (br 0))
            (unreachable)";
        Guest { ask, ..Guest::default() }.wasm()
    }),
    fails("refuses-start", "refuses the experiment", "Refused", "plugin `guest`, start: gue", || {
        Guest { head: REFUSAL, start: "(i32.const 1024)", ..Guest::default() }.wasm()
    }),
    fails("refuses-ask", "gives up in `ask`", "Refused", "plugin `guest`, ask 1 (room 2): gue", || {
        Guest { head: REFUSAL, ask: "(i32.const 1036)", ..Guest::default() }.wasm()
    }),
    fails("refuses-tell", "gives up in `tell`", "Refused", "plugin `guest`, tell 1 (1 outcomes): guest", || {
        let head = format!(
            "(global $asked (mut i32) (i32.const 0)) {} (data (i32.const 900) \"\\01\\00\\00\\00\\00\\00\\00\\00\\05\\00\\00\\00\")",
            answer(&[Asked::default()])
        );
        Guest { head: &head, ask: ASK_ONCE, tell: "(i32.const 900)", ..Guest::default() }.wasm()
    }),
    fails(
        "waits-at-once",
        "waits with nothing in flight",
        "WaitsForNothing",
        "waits although nothing is in flight",
        || Guest { ask: "(i32.const 192)", ..Guest::default() }.wasm(),
    ),
    fails(
        "waits-for-ever",
        "waits after all was told",
        "WaitsForNothing",
        "ask 3 (room 2): waits although nothing",
        || {
            let head = format!("(global $asked (mut i32) (i32.const 0)) {}", answer(&[Asked::default()]));
            let ask = "(if (global.get $asked) (then (return (i32.const 192)))) (global.set $asked (i32.const 1)) (i32.const 1024)";
            Guest { head: &head, ask, ..Guest::default() }.wasm()
        },
    ),
    Attack {
        name: "asks-for-ever",
        what: "never finishes, whatever the budget",
        exit: 0,
        kind: "",
        error: "",
        wasm: || {
            // The next id into the same request at every call.
            let head = format!("(global $next (mut i64) (i64.const 0)) {}", answer(&[Asked::default()]));
            let ask = "(i64.store (i32.const 1040) (global.get $next))
                (global.set $next (i64.add (global.get $next) (i64.const 1))) (i32.const 1024)";
            Guest { head: &head, ask, ..Guest::default() }.wasm()
        },
    },
    fails("repeats-id", "gives two requests one number", "RequestId", "numbers a request 0 where 1 comes next", || {
        asks(&["train"], &[Asked::default(), Asked::default()])
    }),
    fails("skips-id", "begins to count at 7", "RequestId", "numbers a request 7 where 0 comes next", || {
        asks_one(Asked { id: 7, ..Asked::default() })
    }),
];

const ASK_ONCE: &str =
    "(if (global.get $asked) (then (return (i32.const 208)))) (global.set $asked (i32.const 1)) (i32.const 1024)";

/// At 1024 and at 1036 errors with three letters of `guest`.
const REFUSAL: &str =
    r#"(data (i32.const 1024) "\01\00\00\00\00\00\00\00\03\00\00\00" "\01\00\00\00\00\00\00\00\03\00\00\00")"#;
