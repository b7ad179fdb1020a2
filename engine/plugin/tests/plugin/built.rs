//! The strategies of this repository, as files or built once per run of the tests.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use pleach_plugin::build::{BuildOptions, build_components};
use pleach_plugin::{Host, HostOptions, Plugin};

/// The plugins by name: from the folder that `PLEACH_PLUGINS` names, else built from source.
pub fn plugin(name: &str) -> Plugin {
    host().load(&wasm(name), name).unwrap()
}

/// A host whose cache outlives the run: compiling takes seconds in a build without optimization.
fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    let compiled = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
    HOST.get_or_init(|| {
        Host::new(HostOptions { cache: Some(compiled), compile_limit: None, ..HostOptions::default() }).unwrap()
    })
}

/// The bytes of a plugin's file.
pub fn wasm(name: &str) -> Vec<u8> {
    static BUILT: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
    if let Some(folder) = std::env::var_os("PLEACH_PLUGINS") {
        let path = PathBuf::from(folder).join(format!("{name}.wasm"));
        return std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    let built = BUILT.get_or_init(|| {
        let folders = ["random", "regularized-evolution", "successive-halving"].map(source);
        let folders = folders.each_ref().map(PathBuf::as_path);
        let built = build_components(host(), &folders, &options()).unwrap();
        built.into_iter().map(|built| (built.manifest.name, built.wasm)).collect()
    });
    built.iter().find(|(built, _)| built == name).unwrap().1.clone()
}

/// Where the sources of a plugin of this repository lie.
pub fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins").join(name)
}

/// How this machine builds for WebAssembly: by rustup's target, or with the compiler and sysroot that the set-up names.
pub fn options() -> BuildOptions {
    let path = |variable| std::env::var_os(variable).map(PathBuf::from);
    BuildOptions {
        cargo: path("CARGO").unwrap_or_else(|| "cargo".into()),
        rustc: path("PLEACH_WASM_RUSTC"),
        sysroot: path("PLEACH_WASM_SYSROOT"),
        linker: path("PLEACH_WASM_LINKER"),
        offline: true,
        ..BuildOptions::new(Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins"))
    }
}
