//! Builds plugins: a crate becomes a core module by cargo, a component by `wit-component`, and gets its manifest.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use serde::Deserialize;
use thiserror::Error;
use wit_component::ComponentEncoder;

use crate::{Host, Manifest, PluginError};

/// The target that has no WASI.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// The profile for plugins, where the workspace defines it: optimized over all crates, with names kept for backtraces.
const PROFILE: &str = "plugin";

/// How plugins are built.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// The cargo to run.
    pub cargo: PathBuf,
    /// Where cargo builds. It should be a folder of its own: another compiler or other flags rebuild all that is there.
    pub target_folder: PathBuf,
    /// A compiler in place of cargo's own.
    pub rustc: Option<PathBuf>,
    /// A folder with a standard library for [`TARGET`], where the compiler has none.
    pub sysroot: Option<PathBuf>,
    /// A linker for [`TARGET`], where the compiler does not find its own.
    pub linker: Option<PathBuf>,
    /// Do without the network.
    pub offline: bool,
}

impl BuildOptions {
    /// The cargo of the search path with its own compiler.
    pub fn new(target_folder: impl Into<PathBuf>) -> Self {
        Self {
            cargo: PathBuf::from("cargo"),
            target_folder: target_folder.into(),
            rustc: None,
            sysroot: None,
            linker: None,
            offline: false,
        }
    }
}

/// A plugin as a file holds it. The file's name should be the manifest's name with `.wasm`.
#[derive(Debug, Clone, PartialEq)]
pub struct Built {
    /// The component with its manifest.
    pub wasm: Vec<u8>,
    /// The same manifest.
    pub manifest: Manifest,
}

/// Why a plugin could not be built.
#[derive(Debug, Error)]
pub enum BuildError {
    /// Cargo could not be started.
    #[error("cannot run `{}`: {source}", program.display())]
    Cargo { program: PathBuf, source: io::Error },
    /// Cargo failed; what it wrote says why.
    #[error("cargo failed{}:\n{stderr}", help(stderr))]
    Failed { stderr: String },
    /// Cargo's answer does not hold what it should.
    #[error("cannot understand cargo's answer: {detail}")]
    Answer { detail: String },
    /// The folder holds no package.
    #[error("{} is no package: it has no Cargo.toml, or that names no package", folder.display())]
    NoPackage { folder: PathBuf },
    /// The package makes no library that could be a plugin.
    #[error("package `{package}` makes no plugin: add `[lib] crate-type = [\"cdylib\", \"rlib\"]` to its Cargo.toml")]
    NoLibrary { package: String },
    /// The built file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// The module's imports and exports are not those of a strategy.
    #[error("package `{package}` is no strategy: {detail} (is `pleach_sdk::export_strategy!` missing?)")]
    NoStrategy { package: String, detail: String },
    /// The component cannot be used, or did something wrong when it described itself.
    #[error(transparent)]
    Plugin(#[from] PluginError),
}

/// The commonest reasons for cargo to fail that have nothing to do with the plugin's code.
fn help(stderr: &str) -> &'static str {
    if stderr.contains("target may not be installed") || stderr.contains("can't find crate for `core`") {
        " (the target is missing: `rustup target add wasm32-unknown-unknown`)"
    } else if stderr.contains("linker `rust-lld` not found") {
        " (the compiler brings no linker for WebAssembly: name one)"
    } else {
        ""
    }
}

/// Builds the plugin of one crate.
///
/// # Errors
/// What cargo said, or why its result is no plugin.
pub fn build_component(host: &Host, folder: &Path, options: &BuildOptions) -> Result<Built, BuildError> {
    let mut built = build_components(host, &[folder], options)?;
    Ok(built.pop().expect("one folder was given, and each gives one plugin or an error"))
}

/// Builds the plugins of several crates of one workspace in one run of cargo, in the order given.
///
/// # Errors
/// What cargo said, or why a result is no plugin.
pub fn build_components(host: &Host, folders: &[&Path], options: &BuildOptions) -> Result<Vec<Built>, BuildError> {
    let Some(first) = folders.first() else { return Ok(Vec::new()) };
    let workspace = metadata(first, options)?;
    let packages = folders.iter().map(|folder| workspace.package_in(folder)).collect::<Result<Vec<_>, _>>()?;
    let artifacts = compile(&workspace, &packages, options)?;
    let build = |package: &&Package| {
        let path =
            artifacts.iter().find(|artifact| artifact.manifest_path == package.manifest_path).and_then(|artifact| {
                artifact.filenames.iter().find(|name| name.extension().is_some_and(|extension| extension == "wasm"))
            });
        let path = path.ok_or_else(|| BuildError::NoLibrary { package: package.name.clone() })?;
        let module = std::fs::read(path).map_err(|source| BuildError::Read { path: path.clone(), source })?;
        component_of(host, &module, &package.name)
    };
    packages.iter().map(build).collect()
}

/// Makes a core module with the contract's imports and exports a plugin: a component with its manifest.
///
/// # Errors
/// Where it is no strategy.
pub fn component_of(host: &Host, module: &[u8], package: &str) -> Result<Built, BuildError> {
    let no_strategy = |detail| BuildError::NoStrategy { package: package.to_owned(), detail };
    let encoded = ComponentEncoder::default().validate(true).module(module).and_then(|mut encoder| encoder.encode());
    let wasm = encoded.map_err(|error| no_strategy(format!("{error:#}")))?;
    with_manifest(host, wasm, package).map_err(|error| match error {
        PluginError::NotStrategy { detail, .. } => no_strategy(detail),
        other => BuildError::Plugin(other),
    })
}

/// Makes a component, of whatever language, a plugin: asks it to describe itself, and adds that as its manifest.
///
/// # Errors
/// Where it is no strategy, or did something wrong when it described itself. `origin` names it.
pub fn with_manifest(host: &Host, mut component: Vec<u8>, origin: &str) -> Result<Built, PluginError> {
    let manifest = host.describe(&component, origin)?;
    manifest.append_to(&mut component);
    Ok(Built { wasm: component, manifest })
}

#[derive(Deserialize)]
struct Workspace {
    packages: Vec<Package>,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    id: String,
    manifest_path: PathBuf,
}

impl Workspace {
    fn package_in(&self, folder: &Path) -> Result<&Package, BuildError> {
        let wanted = folder.join("Cargo.toml").canonicalize().ok();
        let found = self.packages.iter().find(|package| package.manifest_path.canonicalize().ok() == wanted);
        found.filter(|_| wanted.is_some()).ok_or_else(|| BuildError::NoPackage { folder: folder.to_owned() })
    }

    /// Whether the workspace defines the profile for plugins; a crate of its own builds as a release.
    fn has_profile(&self) -> bool {
        let header = format!("[profile.{PROFILE}]");
        std::fs::read_to_string(self.workspace_root.join("Cargo.toml"))
            .is_ok_and(|text| text.lines().any(|line| line.trim() == header))
    }
}

/// One line of cargo's report: a crate that was built.
#[derive(Deserialize)]
struct Artifact {
    manifest_path: PathBuf,
    target: Target,
    filenames: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

fn metadata(folder: &Path, options: &BuildOptions) -> Result<Workspace, BuildError> {
    let manifest = folder.join("Cargo.toml");
    if !manifest.is_file() {
        return Err(BuildError::NoPackage { folder: folder.to_owned() });
    }
    let mut command = cargo(options);
    command.args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"]).arg(manifest);
    let answer = output_of(command, options)?;
    serde_json::from_str(&answer).map_err(|error| BuildError::Answer { detail: error.to_string() })
}

fn compile(workspace: &Workspace, packages: &[&Package], options: &BuildOptions) -> Result<Vec<Artifact>, BuildError> {
    let mut command = cargo(options);
    command.args(["build", "--lib", "--target", TARGET, "--message-format", "json-render-diagnostics"]);
    command.arg("--manifest-path").arg(workspace.workspace_root.join("Cargo.toml"));
    command.arg("--target-dir").arg(&options.target_folder);
    if workspace.has_profile() {
        command.args(["--profile", PROFILE]);
    } else {
        command.arg("--release");
    }
    for package in packages {
        command.args(["--package", &package.id]);
    }
    // Not from the caller's surroundings: flags for its own target would break this one, and are given in a form that
    // keeps spaces in paths.
    for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "RUSTC_WORKSPACE_WRAPPER"] {
        command.env_remove(variable);
    }
    if let Some(rustc) = &options.rustc {
        command.env("RUSTC", rustc);
    }
    if let Some(sysroot) = &options.sysroot {
        command.env("CARGO_ENCODED_RUSTFLAGS", format!("--sysroot\u{1f}{}", sysroot.display()));
    }
    if let Some(linker) = &options.linker {
        command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
    }
    let answer = output_of(command, options)?;
    let artifacts = answer.lines().filter_map(|line| serde_json::from_str::<Artifact>(line).ok());
    Ok(artifacts.filter(|artifact| artifact.target.kind.iter().any(|kind| kind == "cdylib")).collect())
}

fn cargo(options: &BuildOptions) -> Command {
    let mut command = Command::new(&options.cargo);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if options.offline {
        command.arg("--offline");
    }
    command
}

/// Runs cargo to its end and gives its standard output.
fn output_of(mut command: Command, options: &BuildOptions) -> Result<String, BuildError> {
    let failed = |source| BuildError::Cargo { program: options.cargo.clone(), source };
    let mut child = command.spawn().map_err(failed)?;
    let mut stderr = child.stderr.take().expect("the stream was piped above");
    // Both streams are read at once, since a full pipe would stop cargo.
    let errors = thread::spawn(move || {
        let mut text = Vec::new();
        stderr.read_to_end(&mut text).map(|_| String::from_utf8_lossy(&text).into_owned())
    });
    let mut answer = String::new();
    let read = child.stdout.take().expect("the stream was piped above").read_to_string(&mut answer);
    let stderr = errors.join().expect("reading into memory does not panic").map_err(failed)?;
    let status = child.wait().map_err(failed)?;
    read.map_err(failed)?;
    if status.success() { Ok(answer) } else { Err(BuildError::Failed { stderr }) }
}
