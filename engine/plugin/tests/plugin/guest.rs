//! The guests written by hand, and a host to load them.

pub use pleach_hostile_plugins::Guest;
use pleach_plugin::{Host, HostOptions, PluginError};

/// A host without a cache, which takes its time: so does a compiler that was built without optimization.
pub fn host() -> Host {
    Host::new(HostOptions { compile_limit: None, ..HostOptions::default() }).unwrap()
}

/// Loads a component without code, given as text, with a manifest that would do.
pub fn bare_component(text: &str) -> Result<pleach_plugin::Plugin, PluginError> {
    host().load(&pleach_hostile_plugins::bare_component(text), "bare.wasm")
}
