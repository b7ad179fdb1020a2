//! Guests written by hand: a core module with the contract's exports, some of whose functions misbehave.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::file::{manifest, with_manifest};

/// The parts of a guest that tests replace; all others do nothing, and answer with what is smallest.
///
/// Answers are records in memory: 64 zero bytes at 128 are an `ok` and an empty list; at 192 stands the answer `wait`, at 208
/// `finished`. What a test adds begins at 1024; what the engine hands over begins at 4096.
#[derive(Debug, Clone, Copy)]
pub struct Guest<'a> {
    /// Declarations in front: imports, globals, functions, data.
    pub head: &'a str,
    /// Pages of memory of 64 KiB.
    pub pages: u64,
    /// What the manifest says it uses, two words at most.
    pub needs: &'a [&'a str],
    /// What `cabi_realloc` does before it gives memory to the engine's data.
    pub allocate: &'a str,
    pub describe: &'a str,
    pub start: &'a str,
    pub ask: &'a str,
    pub tell: &'a str,
    pub recommend: &'a str,
    pub save: &'a str,
}

impl Default for Guest<'_> {
    fn default() -> Self {
        Self {
            head: "",
            pages: 1,
            needs: &["train"],
            allocate: "",
            describe: "(i32.const 64)",
            start: "(i32.const 128)",
            ask: "(i32.const 208)",
            tell: "(i32.const 128)",
            recommend: "(i32.const 128)",
            save: "(i32.const 128)",
        }
    }
}

impl Guest<'_> {
    /// The core module, with the contract's types embedded.
    pub fn module(&self) -> Vec<u8> {
        let Self { head, pages, needs, allocate, describe, start, ask, tell, recommend, save } = self;
        let words = needs.concat();
        let mut at = 20;
        let mut list = String::new();
        for need in *needs {
            list += &bytes(&[at, need.len() as u32]);
            at += need.len() as u32;
        }
        let needs = bytes(&[112, needs.len() as u32]);
        let text = format!(
            r#"(module
  (import "pleach:strategy/engine@0.1.0" "panicked" (func $panicked (param i32 i32 i32 i32)))
  (import "pleach:strategy/engine@0.1.0" "log" (func $log (param i32 i32 i32)))
  (import "pleach:strategy/engine@0.1.0" "sample" (func $sample (param i32 i64 i32)))
  (import "pleach:strategy/engine@0.1.0" "mutate" (func $mutate (param i32 i32 i64 i32)))
  (import "pleach:strategy/engine@0.1.0" "graph" (func $graph (param i32 i32 i32)))
  (import "pleach:strategy/engine@0.1.0" "quality" (func $quality (param i32 i32)))
  (memory (export "memory") {pages})
  (global $free (mut i32) (i32.const 4096))
  {head}
  (data (i32.const 0) "guest0.1.0A guest.{{}}{words}")
  ;; the manifest: name, version, summary, options-schema, needs
  (data (i32.const 64) "\00\00\00\00\05\00\00\00" "\05\00\00\00\05\00\00\00" "\0a\00\00\00\08\00\00\00"
    "\12\00\00\00\02\00\00\00" "{needs}")
  (data (i32.const 112) "{list}")
  ;; the answers `wait` and `finished`: ok, then the case
  (data (i32.const 192) "\00\00\00\00\01\00\00\00")
  (data (i32.const 208) "\00\00\00\00\02\00\00\00")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
    {allocate}
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  (func (export "pleach:strategy/strategy@0.1.0#describe") (result i32) {describe})
  (func $start (export "pleach:strategy/strategy@0.1.0#start") (param i32) (result i32) {start})
  (func $ask (export "pleach:strategy/strategy@0.1.0#ask") (param i32) (result i32) {ask})
  (func (export "pleach:strategy/strategy@0.1.0#tell") (param i32 i32) (result i32) {tell})
  (func (export "pleach:strategy/strategy@0.1.0#recommend") (result i32) {recommend})
  (func (export "pleach:strategy/strategy@0.1.0#save") (result i32) {save}))"#
        );
        let mut module = wat::parse_str(text).expect("the guest's text is WebAssembly");
        let mut resolve = Resolve::default();
        let wit = concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins/wit");
        let (package, _) = resolve.push_path(wit).expect("the contract can be read");
        let world = resolve.select_world(&[package], Some("strategy-plugin")).expect("the contract has this world");
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("the contract's types fit");
        module
    }

    /// The component, without a manifest.
    pub fn component(&self) -> Vec<u8> {
        let encoder = ComponentEncoder::default().validate(true).module(&self.module());
        encoder.and_then(|mut encoder| encoder.encode()).expect("the guest has the contract's exports")
    }

    /// The plugin's file, with a manifest that says the same as `describe` does unless told otherwise.
    pub fn wasm(&self) -> Vec<u8> {
        with_manifest(self.component(), &manifest("guest", "{}", self.needs))
    }
}

/// Numbers of 32 bits as the contents of a data segment.
pub(crate) fn bytes(numbers: &[u32]) -> String {
    numbers.iter().flat_map(|number| number.to_le_bytes()).map(|byte| format!("\\{byte:02x}")).collect()
}
