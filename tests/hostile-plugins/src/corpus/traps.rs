//! Instructions that trap, and answers that cannot be read.

use super::{Attack, fails};
use crate::Guest;

/// A guest whose first `ask` does this.
fn ask(ask: &str) -> Vec<u8> {
    Guest { ask, ..Guest::default() }.wasm()
}

pub(super) const ATTACKS: &[Attack] = &[
    fails(
        "unreachable",
        "executes `unreachable`",
        "Trapped",
        "ask 1 (room 2): trapped: wasm trap: wasm `unreachable`",
        || ask("(unreachable)"),
    ),
    fails("division-by-zero", "divides by zero", "Trapped", "trapped: wasm trap: integer divide by zero", || {
        ask("(i32.div_u (i32.const 1) (i32.and (local.get 0) (i32.const 0)))")
    }),
    fails(
        "out-of-bounds",
        "reads far outside of its memory",
        "Trapped",
        "trapped: wasm trap: out of bounds memory access",
        || ask("(i32.load (i32.const -16))"),
    ),
    fails(
        "not-a-number",
        "makes NaN an integer",
        "Trapped",
        "trapped: wasm trap: invalid conversion to integer",
        || ask("(i32.trunc_f64_s (f64.div (f64.const 0) (f64.const 0)))"),
    ),
    fails("null-call", "calls an empty place of a table", "Trapped", "trapped: wasm trap: ", || {
        let head = "(table $t 4 funcref) (type $f (func (result i32)))";
        Guest { head, ask: "(call_indirect $t (type $f) (i32.const 3))", ..Guest::default() }.wasm()
    }),
    fails(
        "wrong-type-call",
        "calls a function as one of another type",
        "Trapped",
        "indirect call type mismatch",
        || {
            let head = "(table $t funcref (elem $ask)) (type $f (func (result i32)))";
            Guest { head, ask: "(call_indirect $t (type $f) (i32.const 0))", ..Guest::default() }.wasm()
        },
    ),
    fails("panic", "panics", "Panicked", "ask 1 (room 2): panicked: boom: asked for 3, at src/lib.rs:20:28", || {
        Guest {
            head: r#"(data (i32.const 1024) "boom: asked for 3src/lib.rs:20:28")"#,
            ask: "(call $panicked (i32.const 1024) (i32.const 17) (i32.const 1041) (i32.const 16)) (unreachable)",
            ..Guest::default()
        }
        .wasm()
    }),
    fails(
        "panics-without-end",
        "sends the message of a panic for ever, 8 megabytes each",
        "Panicked",
        "ask 1 (room 2): panicked: ",
        || {
            let ask = "(loop (call $panicked (i32.const 131072) (i32.const 8000000) (i32.const 0) (i32.const 5)) (br 0)) (unreachable)";
            Guest { pages: 200, ask, ..Guest::default() }.wasm()
        },
    ),
    fails("answer-out-of-bounds", "gives an answer beyond its memory", "Trapped", "ask 1 (room 2): trapped: ", || {
        ask("(i32.const 65532)")
    }),
    fails(
        "answer-misaligned",
        "gives an answer at an odd place",
        "Trapped",
        "ask 1 (room 2): trapped: return pointer not aligned",
        || ask("(i32.const 1025)"),
    ),
    fails("answer-unknown", "gives the ninth of three kinds of answer", "Trapped", "ask 1 (room 2): trapped: ", || {
        Guest {
            head: r#"(data (i32.const 1024) "\00\00\00\00\09\00\00\00")"#,
            ask: "(i32.const 1024)",
            ..Guest::default()
        }
        .wasm()
    }),
    fails("not-utf-8", "refuses in bytes that are no UTF-8", "Trapped", "ask 1 (room 2): trapped: ", || {
        let head = r#"(data (i32.const 1024) "\01\00\00\00\10\04\00\00\04\00\00\00" "\00\00\00\00" "\ff\fe\80\c0")"#;
        Guest { head, ask: "(i32.const 1024)", ..Guest::default() }.wasm()
    }),
    fails(
        "save-of-a-gigabyte",
        "saves a gigabyte that it does not have",
        "Trapped",
        "plugin `guest`, save: trapped: ",
        || {
            let head = r#"(data (i32.const 1024) "\00\00\00\00\00\00\00\40")"#;
            Guest { head, save: "(i32.const 1024)", ..Guest::default() }.wasm()
        },
    ),
    fails(
        "save-of-200-megabytes",
        "saves all of its memory",
        "Payload",
        "save: hands more than 16777216 bytes",
        || {
            let head = r#"(data (i32.const 1024) "\00\00\00\00\00\00\00\0c")"#;
            Guest { head, pages: 4000, save: "(i32.const 1024)", ..Guest::default() }.wasm()
        },
    ),
    fails(
        "one-region-many-times",
        "recommends one megabyte a thousand times",
        "Payload",
        "recommend: hands more than 16777216",
        || {
            Guest {
                head: r#"(data (i32.const 1024) "\00\10\00\00\e8\03\00\00")"#,
                pages: 40,
                recommend: "(local $i i32)
                (loop
                  (i32.store (i32.add (i32.const 4096) (i32.mul (local.get $i) (i32.const 8))) (i32.const 65536))
                  (i32.store (i32.add (i32.const 4100) (i32.mul (local.get $i) (i32.const 8))) (i32.const 131072))
                  (local.set $i (i32.add (local.get $i) (i32.const 1)))
                  (br_if 0 (i32.lt_u (local.get $i) (i32.const 1000))))
                (i32.const 1024)",
                ..Guest::default()
            }
            .wasm()
        },
    ),
];
