//! Memory, tables, stack and instances.

use super::{Attack, fails};
use crate::{Guest, bare_component, manifest, with_manifest};

pub(super) const ATTACKS: &[Attack] = &[
    fails(
        "memory-growth",
        "grows its memory for ever",
        "Memory",
        "bytes of memory where 268435456 are allowed",
        || Guest { ask: "(loop (drop (memory.grow (i32.const 16))) (br 0)) (unreachable)", ..Guest::default() }.wasm(),
    ),
    fails(
        "memory-filled",
        "writes to all memory that it may have, then wants more",
        "Memory",
        "ask 1 (room 2): wants 268500992",
        || {
            let ask = "(memory.fill (i32.const 65536) (i32.const 255) (i32.const 268369920)) (drop (memory.grow (i32.const 1)))
            (unreachable)";
            Guest { pages: 4096, ask, ..Guest::default() }.wasm()
        },
    ),
    fails(
        "memory-at-birth",
        "declares 4 GiB of memory",
        "Memory",
        "describe: wants 4294967296 bytes of memory",
        || Guest { pages: 65536, ..Guest::default() }.wasm(),
    ),
    fails("many-memories", "declares 100 memories", "Trapped", "plugin `guest`, describe: ", || {
        Guest { head: &"(memory 1) ".repeat(99), ..Guest::default() }.wasm()
    }),
    fails("table-growth", "grows a table to two million elements", "Table", "wants tables of 20000", || {
        let ask = "(drop (table.grow $t (ref.null func) (i32.const 2000000))) (unreachable)";
        Guest { head: "(table $t 1 funcref)", ask, ..Guest::default() }.wasm()
    }),
    fails(
        "many-tables",
        "declares 50 tables of a million elements each",
        "Table",
        "elements where 1048576 are allowed",
        || Guest { head: &"(table 1000000 funcref) ".repeat(50), ..Guest::default() }.wasm(),
    ),
    fails(
        "recursion",
        "recursion without an end",
        "Stack",
        "ask 1 (room 2): used up its stack of 1048576 bytes",
        || Guest { ask: "(i32.add (call $ask (local.get 0)) (i32.const 1))", ..Guest::default() }.wasm(),
    ),
    fails("wide-frames", "recursion with thousands of variables a call", "Stack", "used up its stack of", || {
        let locals = "(local i64) ".repeat(2000);
        let set: String =
            (1..2000).map(|index| format!("(local.set {index} (i64.load (i32.const {})))", index * 8)).collect();
        let use_: String = (1..2000).map(|index| format!("(i64.store (i32.const 0) (local.get {index}))")).collect();
        let ask = format!("{locals} {set} (drop (call $ask (local.get 0))) {use_} (i32.const 208)");
        Guest { ask: &ask, ..Guest::default() }.wasm()
    }),
    fails("many-instances", "instantiates a module 600 times", "TooLarge", "it makes 600 instances where 500", || {
        let made = "(core instance (instantiate $m)) ".repeat(600);
        bare_component(&format!("(component (core module $m (memory 100)) {made})"))
    }),
    fails(
        "unfolding",
        "ten components in ten components, nine levels deep: a billion instances",
        "TooLarge",
        "it makes 1000 instances",
        || {
            let inner = format!("(component $c (core module $m) {})", "(core instance (instantiate $m)) ".repeat(10));
            let wrap =
                |inner: String, _| format!("(component $c {inner} {})", "(instance (instantiate $c)) ".repeat(10));
            bare_component(&(0..8).fold(inner, wrap))
        },
    ),
    fails(
        "many-globals",
        "450 instances of a module with 20,000 globals",
        "TooLarge",
        "functions, globals, tables and segments",
        || {
            let globals = "(global i64 (i64.const 0))".repeat(20_000);
            let made = "(core instance (instantiate $m)) ".repeat(450);
            bare_component(&format!("(component (core module $m {globals}) {made})"))
        },
    ),
    fails(
        "slow-to-compile",
        "100 kB of code that take minutes to compile",
        "TooLarge",
        "compiling it takes more than the 8 s",
        || {
            let module = format!("(component (core module {}))", crate::enormous_function());
            with_manifest(
                wat::parse_str(module).expect("the text is WebAssembly"),
                &manifest("guest", "{}", &["train"]),
            )
        },
    ),
];
