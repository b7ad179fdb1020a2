//! The host of search strategies: WebAssembly components that see decisions and numbers, and nothing else.
//!
//! A [`Host`] loads a component and checks by its names that it imports nothing but the contract
//! (`plugins/wit/strategy.wit`); a [`Plugin`] starts any number of searches; a [`Strategy`] is one of them: asked for
//! requests, told their outcomes, with fuel, memory, stack, payload and engine work bounded at every call, and every
//! answer checked against the rules of the contract. A plugin is a pure function of its context and of what it is told:
//! it has no clock, entropy, files or threads, and floating-point results are canonical.
//!
//! Searches have no wall-clock limit: fuel ends every loop of a guest at the same instruction on every machine, and the
//! engine's work within a call is bounded by [`Limits::engine_genotypes`], so a timer could only add a result that
//! depends on the machine. Only compiling has one ([`HostOptions::compile_limit`]): no count of a module's parts bounds what
//! a compiler of native code needs for it.

mod answer;
pub mod build;
mod cache;
mod compile;
pub mod contract;
mod error;
mod extent;
mod fuel;
mod host;
mod imports;
mod limits;
mod manifest;
pub mod new;
mod rules;
mod schema;
mod section;
mod services;
mod strategy;

pub use cache::CacheUse;
pub use error::{Call, Fault, PluginError};
pub use host::{COMPONENT_BYTES, Host, HostOptions, Plugin};
pub use limits::Limits;
pub use manifest::{Manifest, Need, read_manifest, with_defaults};
pub use services::EngineServices;
pub use strategy::{Strategy, Usage};
