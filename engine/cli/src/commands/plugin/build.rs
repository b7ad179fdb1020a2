use super::host_with;
use crate::environment;
use crate::exit::{Exit, Failure, Outcome};
use crate::output;
use pleach_plugin::build::{BuildError, BuildOptions, Built, build_components, with_manifest};
use std::io;
use std::path::{Path, PathBuf};

/// Build strategies from crates to WebAssembly components, each with its manifest inside
///
/// Writes NAME.wasm for each; the name is the one that the strategy gives itself. Needs the Rust target
/// wasm32-unknown-unknown.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  pleach plugin build plugins/random plugins/regularized-evolution --out target/plugins
  cd my-strategy && pleach plugin build . --out .
  pleach plugin build --component climb.component.wasm   # of componentize-py, componentize-js or another tool

Environment:
  PLEACH_WASM_RUSTC     a compiler in place of cargo's own
  PLEACH_WASM_SYSROOT   a sysroot with the standard library for wasm32-unknown-unknown
  PLEACH_WASM_LINKER    a linker for it")]
pub struct Arguments {
    /// Folders of crates, all of one workspace
    #[arg(required_unless_present = "component", value_name = "FOLDER")]
    folders: Vec<PathBuf>,
    /// A component that was built already, from whatever language: only its manifest is added
    #[arg(long, value_name = "FILE.wasm", conflicts_with = "folders")]
    component: Option<PathBuf>,
    /// The folder to write the components to
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    out: PathBuf,
    /// Where cargo builds; a folder of its own, since its flags differ from those of other builds
    #[arg(long, value_name = "FOLDER", default_value = "target/wasm")]
    target: PathBuf,
    /// Do without the network
    #[arg(long)]
    offline: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let built = match &arguments.component {
        Some(component) => vec![completed(component)?],
        None => built(arguments)?,
    };
    let cannot =
        |path: &Path, error: &io::Error| Failure::unusable(format!("cannot write `{}`: {error}", path.display()));
    std::fs::create_dir_all(&arguments.out).map_err(|error| cannot(&arguments.out, &error))?;
    for plugin in built {
        let path = arguments.out.join(format!("{}.wasm", plugin.manifest.name));
        // A strategy that did not change keeps its file, and its time.
        if std::fs::read(&path).ok().as_ref() != Some(&plugin.wasm) {
            replace(&path, &plugin.wasm).map_err(|error| cannot(&path, &error))?;
        }
        let kilobytes = plugin.wasm.len() / 1000;
        output::say(format_args!("{} {} ({kilobytes} kB)", plugin.manifest.name, plugin.manifest.version));
        output::data(format_args!("{}\n", path.display()))?;
    }
    Ok(Exit::Done)
}

/// A component with its manifest.
fn completed(path: &Path) -> Result<Built, Failure> {
    let component =
        std::fs::read(path).map_err(|error| Failure::unusable(format!("cannot read `{}`: {error}", path.display())))?;
    let origin = format!("`{}`", path.display());
    with_manifest(&host_with(None)?, component, &origin).map_err(|error| Failure::new(Exit::PluginFailed, error))
}

/// The plugins of crates.
fn built(arguments: &Arguments) -> Result<Vec<Built>, Failure> {
    let options = BuildOptions {
        rustc: environment::path("PLEACH_WASM_RUSTC"),
        sysroot: environment::path("PLEACH_WASM_SYSROOT"),
        linker: environment::path("PLEACH_WASM_LINKER"),
        offline: arguments.offline,
        ..BuildOptions::new(absolute(&arguments.target)?)
    };
    let folders: Vec<&Path> = arguments.folders.iter().map(PathBuf::as_path).collect();
    build_components(&host_with(None)?, &folders, &options).map_err(|error| match &error {
        BuildError::NoPackage { .. } | BuildError::NoLibrary { .. } => Failure::invalid(&error),
        BuildError::Cargo { .. } | BuildError::Read { .. } => Failure::unusable(&error),
        _ => Failure::new(Exit::PluginFailed, &error),
    })
}

/// Writes a file beside its place first: whoever loads it sees the old one or the new one.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension(format!("wasm.new-{}", std::process::id()));
    std::fs::write(&draft, bytes)?;
    std::fs::rename(&draft, path)
}

/// Cargo runs in the workspace's folder, which need not be this one.
fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::unusable(format!("cannot use `{}`: {error}", path.display())))
}
