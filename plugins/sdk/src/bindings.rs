//! The contract in Rust, generated from `plugins/wit/strategy.wit`.
#![allow(missing_docs, clippy::missing_safety_doc)]

wit_bindgen::generate!({
    path: "../wit",
    world: "strategy-plugin",
    pub_export_macro: true,
    default_bindings_module: "pleach_sdk::bindings",
    additional_derives: [PartialEq],
    generate_unused_types: true,
});
