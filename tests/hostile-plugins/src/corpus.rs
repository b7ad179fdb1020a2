//! The attacks, by what they attack.

mod answers;
mod calls;
mod engine;
mod files;
mod memory;
mod traps;

use crate::{Asked, Guest, answer};

/// One hostile or broken plugin.
#[derive(Debug, Clone, Copy)]
pub struct Attack {
    /// Its name, made of words and hyphens.
    pub name: &'static str,
    /// What it does.
    pub what: &'static str,
    /// Makes its file.
    pub wasm: fn() -> Vec<u8>,
    /// The exit code of `pleach run`: 2 where it is refused before it runs, 3 where it fails, 0 where nothing is wrong.
    pub exit: i32,
    /// The kind of error, by the name of its variant in `pleach_plugin`; empty where there is none.
    pub kind: &'static str,
    /// What the error says, in these words.
    pub error: &'static str,
}

/// The experiment whose strategy the plugin is, `./guest.wasm`: a choice, an ordered option that counts only with the second
/// choice, and a range.
pub const EXPERIMENT: &str = "\
version: 1
name: guest
seed: 1
data: {dataset: digits, batch: 128}
space:
  network:
    - one_of: [identity, {conv: {channels: {one_of: [2, 4]}, kernel: 3}}]
    - global_pool: average
    - linear: classes
  training: {epochs: 2, optimizer: {sgd: {rate: {float: [0.01, 0.1]}}}}
objectives: [{maximize: accuracy}]
concurrency: 2
steps:
  explore: {search: {strategy: ./guest.wasm, budget: {trials: 4}}}
";

/// An attack that ends a call: `pleach run` ends with exit code 3.
const fn fails(
    name: &'static str,
    what: &'static str,
    kind: &'static str,
    error: &'static str,
    wasm: fn() -> Vec<u8>,
) -> Attack {
    Attack { name, what, wasm, exit: 3, kind, error }
}

/// An attack that is refused when the experiment is checked: exit code 2.
const fn refused(
    name: &'static str,
    what: &'static str,
    kind: &'static str,
    error: &'static str,
    wasm: fn() -> Vec<u8>,
) -> Attack {
    Attack { name, what, wasm, exit: 2, kind, error }
}

/// All attacks, in the order of the table.
pub fn attacks() -> Vec<Attack> {
    [calls::ATTACKS, memory::ATTACKS, traps::ATTACKS, answers::ATTACKS, engine::ATTACKS, files::ATTACKS].concat()
}

/// A guest that answers its first `ask` with these requests, and finishes then.
fn asks(needs: &[&str], requests: &[Asked<'_>]) -> Vec<u8> {
    let head = format!("(global $asked (mut i32) (i32.const 0)) {}", answer(requests));
    Guest {
        head: &head,
        needs,
        ask: "(if (global.get $asked) (then (return (i32.const 208)))) (global.set $asked (i32.const 1)) (i32.const 1024)",
        ..Guest::default()
    }
    .wasm()
}

/// The same with one request.
fn asks_one(request: Asked<'_>) -> Vec<u8> {
    asks(&["train"], &[request])
}
