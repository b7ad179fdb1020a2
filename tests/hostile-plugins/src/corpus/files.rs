//! Files that are no plugins, and manifests that lie.

use super::{Attack, fails, refused};
use crate::{Guest, bare_component, custom_section, manifest, with_manifest};

/// A sound component with this manifest.
fn says(manifest: &str) -> Vec<u8> {
    with_manifest(Guest::default().component(), manifest)
}

/// The same with this schema of its options.
fn schema(schema: &str) -> Vec<u8> {
    says(&manifest("guest", schema, &["train"]))
}

pub(super) const ATTACKS: &[Attack] = &[
    refused(
        "empty-file",
        "a file without content",
        "NotComponent",
        "is not a WebAssembly component: it does not begin as one",
        Vec::new,
    ),
    refused("text-file", "a text", "NotComponent", "is not a WebAssembly component", || {
        b"#!/bin/sh\nrm -rf ~\n".to_vec()
    }),
    refused("native-library", "a file of native code", "NotComponent", "is not a WebAssembly component", || {
        b"\x7fELF\x02\x01\x01\0\0\0".to_vec()
    }),
    refused(
        "core-module",
        "a core module",
        "NotComponent",
        "it is a core module, which `pleach plugin build` makes a component",
        || Guest::default().module(),
    ),
    refused("truncated-file", "the first half of a plugin", "NotComponent", "bytes ends after", || {
        let wasm = Guest::default().wasm();
        wasm[..wasm.len() / 2].to_vec()
    }),
    fails(
        "damaged-code",
        "a plugin with a byte of its code changed",
        "NotComponent",
        "is not a WebAssembly component: ",
        || {
            let mut wasm = Guest { ask: "(i32.const 123456789)", ..Guest::default() }.wasm();
            // The constant's instruction becomes one that does not exist.
            let constant = [0x41, 0x95, 0x9a, 0xef, 0x3a];
            let at = wasm.windows(5).position(|bytes| bytes == constant).expect("the constant is in the code");
            wasm[at] = 0xff;
            wasm
        },
    ),
    refused(
        "enormous-file",
        "a file of 65 megabytes",
        "TooLarge",
        "it has more than the 67108864 bytes that are allowed",
        || {
            let mut wasm = Guest::default().component();
            wasm.extend(custom_section("padding", &vec![0; 65 << 20]));
            wasm
        },
    ),
    refused(
        "no-manifest",
        "a component without a manifest",
        "NoManifest",
        "holds no manifest: build it with `pleach plugin build`",
        || Guest::default().component(),
    ),
    refused(
        "two-manifests",
        "a component with two manifests",
        "InvalidManifest",
        "has an invalid manifest: there are 2 of them",
        || with_manifest(Guest::default().wasm(), &manifest("other", "{}", &[])),
    ),
    refused("manifest-no-json", "a manifest that is no JSON", "InvalidManifest", "has an invalid manifest: ", || {
        says("name: guest")
    }),
    refused(
        "manifest-deep",
        "a manifest nested ten thousand levels deep",
        "InvalidManifest",
        "recursion limit",
        || schema(&"[".repeat(10_000)),
    ),
    refused(
        "manifest-path-as-name",
        "a name that is a path",
        "InvalidManifest",
        "is not made of lower-case words joined by hyphens",
        || says(&manifest("../../escape", "{}", &["train"])),
    ),
    refused(
        "manifest-unknown-need",
        "a need that nobody knows",
        "InvalidManifest",
        "unknown variant `network`",
        || says(&manifest("guest", "{}", &["network"])),
    ),
    refused(
        "schema-no-object",
        "a number as the options' schema",
        "InvalidManifest",
        "the options' schema is not an object",
        || schema("3"),
    ),
    refused(
        "schema-no-schema",
        "a schema of no type that there is",
        "",
        "has an invalid schema of its options",
        || schema(r#"{"type": "strange"}"#),
    ),
    refused(
        "schema-in-itself",
        "a schema that refers to itself",
        "InvalidManifest",
        "the options' schema uses `$ref`",
        || schema(r##"{"allOf": [{"$ref": "#"}]}"##),
    ),
    refused(
        "schema-from-outside",
        "a schema that is to be fetched",
        "InvalidManifest",
        "the options' schema uses `$ref`",
        || schema(r#"{"$ref": "https://example.org/schema.json"}"#),
    ),
    refused(
        "schema-pattern",
        "a pattern that takes exponential time",
        "InvalidManifest",
        "the options' schema uses `pattern`",
        || {
            schema(
                r#"{"properties": {"a": {"pattern": "^(a+)+$", "default": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"}}}"#,
            )
        },
    ),
    fails(
        "lies-about-its-name",
        "another name in the file than `describe` gives",
        "ManifestDiffers",
        "describes itself otherwise than its file: name is guest, in the file quest",
        || says(&manifest("quest", "{}", &["train"])),
    ),
    fails(
        "lies-about-its-needs",
        "needs less in the file than `describe` says",
        "ManifestDiffers",
        "describes itself otherwise than its file: needs",
        || {
            with_manifest(
                Guest { needs: &["train", "resume"], ..Guest::default() }.component(),
                &manifest("guest", "{}", &["train"]),
            )
        },
    ),
    fails(
        "wants-entropy",
        "imports WASI's random numbers",
        "ForbiddenImport",
        "imports `wasi:random/random@0.2.0`, and strategies get nothing but",
        || bare_component(r#"(component (import "wasi:random/random@0.2.0" (instance)))"#),
    ),
    fails("wants-files", "imports WASI's files", "ForbiddenImport", "imports `wasi:filesystem/types@0.2.0`", || {
        bare_component(r#"(component (import "wasi:filesystem/types@0.2.0" (instance)))"#)
    }),
    fails(
        "wants-a-function",
        "imports a function that nobody knows",
        "ForbiddenImport",
        "imports `acme:tools/print`",
        || bare_component(r#"(component (import "acme:tools/print" (func)))"#),
    ),
    fails(
        "newer-contract",
        "built for a contract that does not exist yet",
        "ContractVersion",
        "was built for version 0.3.0 of the strategy contract",
        || bare_component(r#"(component (import "pleach:strategy/engine@0.3.0" (instance)))"#),
    ),
    fails(
        "no-exports",
        "a component without exports",
        "NotStrategy",
        "is a component but not a strategy: it exports no",
        || bare_component("(component)"),
    ),
    fails(
        "untyped-export",
        "exports the contract's name and nothing in it",
        "NotStrategy",
        "is a component but not a strategy",
        || bare_component(r#"(component (instance $i) (export "pleach:strategy/strategy@0.1.0" (instance $i)))"#),
    ),
    fails(
        "unknown-engine-function",
        "imports a function that the engine does not have",
        "NotStrategy",
        "is a component but not a strategy",
        || bare_component(r#"(component (import "pleach:strategy/engine@0.1.0" (instance (export "shell" (func)))))"#),
    ),
];
