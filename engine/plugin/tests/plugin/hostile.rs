//! Guests that misbehave are stopped, and the error says who, where and by which limit.

use pleach_plugin::{Fault, Limits, PluginError, Strategy};
use pleach_sdk::testing::ToySpace;

use crate::guest::{Guest, bare_component, host};
use crate::toy::{Toy, context};

/// Small enough that an endless loop ends in a millisecond.
fn limits() -> Limits {
    Limits { call_fuel: 5_000_000, item_fuel: 1000, end_fuel: 5_000_000, memory_bytes: 32 << 20, ..Limits::default() }
}

fn start(guest: &Guest, limits: Limits) -> Result<Strategy, PluginError> {
    let plugin = host().load(&guest.wasm(), "guest.wasm")?;
    plugin.start(Toy::boxed(&ToySpace::choices(&[2, 2])), &context(&[2, 2], 1, "{}"), limits)
}

fn ask(guest: &Guest) -> PluginError {
    start(guest, limits()).unwrap().ask(3).unwrap_err()
}

#[test]
fn a_guest_that_behaves_is_served() {
    let mut strategy = start(&Guest::default(), limits()).unwrap();
    assert_eq!(strategy.ask(3).unwrap(), pleach_plugin::contract::Answer::Finished);
    assert!(strategy.recommend().unwrap().is_empty() && strategy.save().unwrap().is_empty());
    assert_eq!(strategy.peak_memory(), 65536);
    assert!(strategy.last_usage().fuel > 0 && strategy.total_fuel() > strategy.last_usage().fuel);
}

#[test]
fn an_endless_loop_runs_out_of_fuel() {
    let guest = Guest { ask: "(loop (br 0)) (unreachable)", ..Guest::default() };
    let error = ask(&guest);
    assert!(matches!(error.fault(), Some(Fault::Fuel { limit: 5_003_000, .. })), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("plugin `guest`, ask 1 (room 3): used up its 5003000 units of fuel (in ask"), "{text}");
    // The same instruction on every machine, so the same text again.
    assert_eq!(text, ask(&guest).to_string());
}

#[test]
fn a_strategy_that_failed_is_not_called_again() {
    let guest = Guest { tell: "(unreachable)", ask: "(unreachable)", ..Guest::default() };
    let mut strategy = start(&guest, limits()).unwrap();
    assert!(matches!(strategy.ask(1).unwrap_err().fault(), Some(Fault::Trapped { .. })));
    assert_eq!(strategy.recommend().unwrap_err().fault(), Some(&Fault::AfterFailure));
}

#[test]
fn an_endless_start_is_named() {
    let guest = Guest { start: "(loop (br 0)) (unreachable)", ..Guest::default() };
    let error = start(&guest, Limits { start_fuel: 1_000_000, ..limits() }).unwrap_err();
    assert!(error.to_string().starts_with("plugin `guest`, start: used up its 1000000 units of fuel"), "{error}");
}

#[test]
fn memory_is_bounded() {
    // A page more at a time, whatever the answer.
    let guest = Guest { ask: "(loop (drop (memory.grow (i32.const 16))) (br 0)) (unreachable)", ..Guest::default() };
    let mut strategy = start(&guest, limits()).unwrap();
    let error = strategy.ask(1).unwrap_err();
    assert!(matches!(error.fault(), Some(Fault::Memory { limit: 33_554_432, .. })), "{error}");
    assert!(strategy.peak_memory() <= 32 << 20);

    let large = Guest { pages: 1024, ..Guest::default() };
    let error = start(&large, limits()).unwrap_err();
    assert!(matches!(error.fault(), Some(Fault::Memory { wanted: 67_108_864, .. })), "{error}");
}

#[test]
fn tables_are_bounded() {
    let guest = Guest {
        head: "(table $t 1 funcref)",
        ask: "(drop (table.grow $t (ref.null func) (i32.const 2000000))) (unreachable)",
        ..Guest::default()
    };
    assert!(matches!(ask(&guest).fault(), Some(Fault::Table { wanted: 2_000_001..2_000_100, .. })));
}

#[test]
fn the_stack_is_bounded() {
    let guest = Guest { ask: "(i32.add (call $ask (local.get 0)) (i32.const 1))", ..Guest::default() };
    let error = start(&guest, Limits::default()).unwrap().ask(1).unwrap_err();
    assert!(matches!(error.fault(), Some(Fault::Stack { limit: 1_048_576, .. })), "{error}");
}

#[test]
fn a_panic_arrives_with_its_message() {
    let guest = Guest {
        head: r#"(data (i32.const 1024) "boom: asked for 3src/lib.rs:20:28")"#,
        ask: "(call $panicked (i32.const 1024) (i32.const 17) (i32.const 1041) (i32.const 16)) (unreachable)",
        ..Guest::default()
    };
    let text = ask(&guest).to_string();
    assert!(
        text.starts_with("plugin `guest`, ask 1 (room 3): panicked: boom: asked for 3, at src/lib.rs:20:28 (in ask"),
        "{text}"
    );
}

#[test]
fn what_a_call_returns_is_bounded() {
    // `save` gives 2 MiB from address 0: pointer and length stand at 1024.
    let guest = Guest {
        head: r#"(data (i32.const 1024) "\00\00\00\00\00\00\20\00")"#,
        pages: 40,
        save: "(i32.const 1024)",
        ..Guest::default()
    };
    let bounded = Limits { payload_bytes: 1 << 20, ..limits() };
    let error = start(&guest, bounded).unwrap().save().unwrap_err();
    assert_eq!(error.fault(), Some(&Fault::Payload { limit: 1 << 20 }), "{error}");
    assert_eq!(start(&guest, limits()).unwrap().save().unwrap().len(), 2 << 20);
}

#[test]
fn one_region_given_many_times_counts_every_time() {
    // 1,000 genotypes that all are the same megabyte: a gigabyte for the host.
    let guest = Guest {
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
    };
    let error = start(&guest, limits()).unwrap().recommend().unwrap_err();
    assert_eq!(error.fault(), Some(&Fault::Payload { limit: 16 << 20 }), "{error}");
}

#[test]
fn log_text_is_bounded() {
    let guest = Guest {
        ask: "(loop (call $log (i32.const 1) (i32.const 0) (i32.const 5)) (br 0)) (unreachable)",
        ..Guest::default()
    };
    assert_eq!(ask(&guest).fault(), Some(&Fault::Log { limit: 65536 }));
}

#[test]
fn work_asked_of_the_engine_is_bounded() {
    let greedy =
        Guest { ask: "(call $sample (i32.const -1) (i64.const 1) (i32.const 1024)) (unreachable)", ..Guest::default() };
    assert_eq!(ask(&greedy).fault(), Some(&Fault::EngineWork { limit: 400_000, function: "sample" }));
    let tireless = Guest {
        ask: "(loop (call $sample (i32.const 0) (i64.const 1) (i32.const 1024)) (br 0)) (unreachable)",
        ..Guest::default()
    };
    let few = Limits { engine_genotypes: 1000, ..limits() };
    let error = start(&tireless, few).unwrap().ask(1).unwrap_err();
    assert_eq!(error.fault(), Some(&Fault::EngineWork { limit: 1000, function: "sample" }));
}

#[test]
fn what_the_engine_is_given_is_checked() {
    // One genotype of one value (0) where there are two decisions.
    let guest = Guest {
        head: r#"(data (i32.const 1024) "\00\08\00\00\01\00\00\00")"#,
        ask: "(call $mutate (i32.const 1024) (i32.const 1) (i64.const 1) (i32.const 1032)) (unreachable)",
        ..Guest::default()
    };
    let text = ask(&guest).to_string();
    assert!(text.ends_with("engine call `mutate`: a genotype of 1 values where there are 2 decisions"), "{text}");
}

#[test]
fn describing_may_not_depend_on_the_engine() {
    let guest = Guest {
        describe: "(call $sample (i32.const 1) (i64.const 1) (i32.const 1024)) (i32.const 64)",
        ..Guest::default()
    };
    let error = pleach_plugin::build::component_of(&host(), &guest.module(), "guest").unwrap_err();
    assert!(error.to_string().ends_with("calls `sample` of the engine before it is started"), "{error}");
}

#[test]
fn pointers_out_of_bounds_are_traps() {
    let guest = Guest { ask: "(i32.const 65532)", ..Guest::default() };
    assert!(matches!(ask(&guest).fault(), Some(Fault::Trapped { .. })), "{}", ask(&guest));
}

#[test]
fn rules_of_answers_hold() {
    let waits = Guest { ask: "(i32.const 192)", ..Guest::default() };
    assert_eq!(ask(&waits).fault(), Some(&Fault::WaitsForNothing));
    let nothing = Guest { ask: "(i32.const 128)", ..Guest::default() };
    assert_eq!(ask(&nothing).fault(), Some(&Fault::NoRequests));
    let refuses = Guest {
        head: r#"(data (i32.const 1024) "\01\00\00\00\00\04\00\00\00\00\00\00" "\01\00\00\00\00\00\00\00\03\00\00\00")"#,
        start: "(i32.const 1036)",
        ..Guest::default()
    };
    let error = start(&refuses, limits()).unwrap_err();
    assert_eq!(error.fault(), Some(&Fault::Refused { message: "gue".to_owned() }));
}

#[test]
fn a_file_that_lies_about_its_component_is_refused() {
    let mut wasm = Guest::default().wasm();
    let place = wasm.windows(14).rposition(|bytes| bytes == br#""name":"guest""#).unwrap();
    wasm[place + 8..place + 13].copy_from_slice(b"quest");
    let plugin = host().load(&wasm, "quest.wasm").unwrap();
    assert_eq!(plugin.manifest().name, "quest");
    let started = plugin.start(Toy::boxed(&ToySpace::choices(&[2])), &context(&[2], 1, "{}"), limits());
    assert!(
        matches!(&started, Err(PluginError::ManifestDiffers { field: "name", embedded, described, .. })
            if embedded == "quest" && described == "guest"),
        "{started:?}"
    );
}

#[test]
fn wasi_is_refused_by_name() {
    let error = bare_component(r#"(component (import "wasi:random/random@0.2.0" (instance)))"#).unwrap_err();
    assert!(
        matches!(&error, PluginError::ForbiddenImport { import, .. } if import == "wasi:random/random@0.2.0"),
        "{error}"
    );
    assert!(error.to_string().contains("--stub-wasi"), "{error}");
    let other = bare_component(r#"(component (import "acme:tools/print" (func)))"#).unwrap_err();
    assert!(other.to_string().contains("imports `acme:tools/print`"), "{other}");
}

#[test]
fn another_version_of_the_contract_is_told() {
    for text in [
        r#"(component (import "pleach:strategy/engine@0.3.0" (instance)))"#,
        r#"(component (instance $i) (export "pleach:strategy/strategy@0.3.0" (instance $i)))"#,
    ] {
        let error = bare_component(text).unwrap_err();
        assert!(matches!(&error, PluginError::ContractVersion { built_for, .. } if built_for == "0.3.0"), "{error}");
        assert!(error.to_string().contains("was built for version 0.3.0"), "{error}");
    }
}

#[test]
fn components_that_are_no_strategies_are_told() {
    assert!(matches!(bare_component("(component)"), Err(PluginError::NotStrategy { .. })));
    let untyped = r#"(component (instance $i) (export "pleach:strategy/strategy@0.1.0" (instance $i)))"#;
    assert!(matches!(bare_component(untyped), Err(PluginError::NotStrategy { .. })));
    let host = host();
    assert!(matches!(host.load(b"\0asm\x01\0\0\0", "x"), Err(PluginError::NotComponent { .. })));
    assert!(matches!(host.load(b"", "x"), Err(PluginError::NotComponent { .. })));
}
