//! Guests written by hand: a core module with the contract's exports, some of whose functions misbehave.

use pleach_plugin::build::component_of;
use pleach_plugin::{Host, HostOptions, PluginError};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The parts of a guest that tests replace; all others do nothing, and answer with what is smallest.
pub struct Guest {
    /// Declarations in front: imports, globals, functions.
    pub head: &'static str,
    /// Pages of memory of 64 KiB.
    pub pages: u32,
    pub describe: &'static str,
    pub start: &'static str,
    pub ask: &'static str,
    pub tell: &'static str,
    pub recommend: &'static str,
    pub save: &'static str,
}

/// Answers are records in memory: 64 zero bytes at 128 are an `ok`, an empty list; at 192 stands the answer `wait`, at 200
/// `finished`.
impl Default for Guest {
    fn default() -> Self {
        Self {
            head: "",
            pages: 1,
            describe: "(i32.const 64)",
            start: "(i32.const 128)",
            ask: "(i32.const 208)",
            tell: "(i32.const 128)",
            recommend: "(i32.const 128)",
            save: "(i32.const 128)",
        }
    }
}

impl Guest {
    /// The core module, with the contract's types embedded.
    pub fn module(&self) -> Vec<u8> {
        let Self { head, pages, describe, start, ask, tell, recommend, save } = self;
        let text = format!(
            r#"(module
  (import "pleach:strategy/engine@0.1.0" "panicked" (func $panicked (param i32 i32 i32 i32)))
  (import "pleach:strategy/engine@0.1.0" "log" (func $log (param i32 i32 i32)))
  (import "pleach:strategy/engine@0.1.0" "sample" (func $sample (param i32 i64 i32)))
  (import "pleach:strategy/engine@0.1.0" "mutate" (func $mutate (param i32 i32 i64 i32)))
  (memory (export "memory") {pages})
  (global $free (mut i32) (i32.const 4096))
  {head}
  (data (i32.const 0) "guest0.1.0A guest.{{}}train")
  ;; the manifest: name, version, summary, options-schema, needs
  (data (i32.const 64) "\00\00\00\00\05\00\00\00" "\05\00\00\00\05\00\00\00" "\0a\00\00\00\08\00\00\00"
    "\12\00\00\00\02\00\00\00" "\70\00\00\00\01\00\00\00")
  (data (i32.const 112) "\14\00\00\00\05\00\00\00")
  ;; the answers `wait` and `finished`: ok, then the case
  (data (i32.const 192) "\00\00\00\00\01\00\00\00")
  (data (i32.const 208) "\00\00\00\00\02\00\00\00")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
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
        let mut module = wat::parse_str(text).unwrap();
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins/wit")).unwrap();
        let world = resolve.select_world(&[package], Some("strategy-plugin")).unwrap();
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        module
    }

    /// The plugin as `pleach plugin build` would write it.
    pub fn wasm(&self) -> Vec<u8> {
        component_of(&host(), &self.module(), "guest").unwrap().wasm
    }
}

/// A host without a cache.
pub fn host() -> Host {
    Host::new(HostOptions::default()).unwrap()
}

/// A component without code, given as text, with a manifest that would do.
pub fn bare_component(text: &str) -> Result<pleach_plugin::Plugin, PluginError> {
    let mut wasm = wat::parse_str(text).unwrap();
    let name = "pleach:manifest";
    let manifest = r#"{"name":"bare","version":"1","summary":"","options_schema":{},"needs":[]}"#;
    wasm.extend([0, (1 + name.len() + manifest.len()) as u8, name.len() as u8]);
    wasm.extend(name.bytes().chain(manifest.bytes()));
    host().load(&wasm, "bare.wasm")
}
