//! libtorch: the one that the environment names, else a small one for the CPU in the user's cache.

mod slim;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::console::say;
use crate::failure::{Failure, Outcome};
use crate::{places, process};

/// The version of libtorch and PyTorch that the workspace's `tch` is made for.
pub const VERSION: &str = "2.11.0";

/// The libtorch that the training worker is built with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Libtorch {
    /// The environment names it already; cargo and the build script of `torch-sys` read it from there.
    Environment,
    /// A folder that `LIBTORCH` must name.
    Folder(PathBuf),
}

impl Libtorch {
    /// The variables to set for cargo.
    pub fn variables(&self) -> Vec<(&'static str, OsString)> {
        match self {
            Self::Environment => Vec::new(),
            Self::Folder(folder) => vec![("LIBTORCH", folder.into())],
        }
    }
}

/// Finds libtorch or fetches it, and a C++ compiler for its bindings.
pub fn ready() -> Outcome<Libtorch> {
    cxx_compiler()?;
    if env::var_os("LIBTORCH_USE_PYTORCH").is_some() {
        let version = check_pytorch()?;
        say("libtorch", &format!("ready: PyTorch {version} (LIBTORCH_USE_PYTORCH)"));
        return Ok(Libtorch::Environment);
    }
    if let Some(folder) = env::var_os("LIBTORCH") {
        check_folder(Path::new(&folder))?;
        say("libtorch", &format!("ready: {} (LIBTORCH)", folder.display()));
        return Ok(Libtorch::Environment);
    }
    let folder = places::cache()?.join(format!("libtorch-{VERSION}-cpu"));
    if !slim::is_complete(&folder) {
        slim::supported()?;
        if Path::new("/dev/nvidia0").exists() {
            say("libtorch", "this machine has an NVIDIA GPU, but what follows is for the CPU: to train on the GPU,");
            say("", "install PyTorch 2.11 and set LIBTORCH_USE_PYTORCH=1 (docs/setup.md)");
        }
        places::make_whole(&folder, slim::is_complete, slim::make)?;
    }
    say("libtorch", &format!("ready: {}", folder.display()));
    Ok(Libtorch::Folder(folder))
}

/// The C++ compiler that the bindings will be built with, as the `cc` crate chooses it: `CXX`, else `c++`.
fn cxx_compiler() -> Outcome<PathBuf> {
    let named = env::var_os("CXX").filter(|name| !name.is_empty());
    // `CXX` may be a whole command line such as `ccache g++`: its first word must exist.
    let program = named.as_ref().map_or("c++".into(), |name| name.to_string_lossy().into_owned());
    let program = program.split_whitespace().next().unwrap_or("c++");
    process::find(program).ok_or_else(|| {
        let what = match named {
            Some(_) => format!("no C++ compiler: CXX names `{program}`, which is not there"),
            None => "no C++ compiler: there is no `c++` in the PATH".into(),
        };
        Failure::new(format!("{what}; the bindings to libtorch are C++17"))
            .remedy("install one (Debian and Ubuntu: `apt-get install g++`), or name one by setting CXX")
    })
}

/// Checks a folder that `LIBTORCH` names: the parts there, the version right if it says one.
fn check_folder(folder: &Path) -> Outcome {
    let part = |variable: &str, name: &str| {
        env::var_os(variable).map_or_else(|| folder.to_path_buf(), PathBuf::from).join(name)
    };
    let library = match env::consts::OS {
        "macos" => "libtorch_cpu.dylib",
        "windows" => "torch_cpu.dll",
        _ => "libtorch_cpu.so",
    };
    for path in [part("LIBTORCH_INCLUDE", "include"), part("LIBTORCH_LIB", "lib").join(library)] {
        if !path.exists() {
            return Err(Failure::new(format!("LIBTORCH names no libtorch: `{}` is not there", path.display())).remedy(
                format!("let it name the folder of libtorch {VERSION} that holds `include` and `lib`, or unset it"),
            ));
        }
    }
    match fs::read_to_string(folder.join("build-version")) {
        Ok(version) => check_version(&version, "the libtorch that LIBTORCH names"),
        // Without the file `torch-sys` does not check either.
        Err(_) => Ok(()),
    }
}

/// Checks the PyTorch that `LIBTORCH_USE_PYTORCH` stands for, and gives its version.
fn check_pytorch() -> Outcome<String> {
    // The interpreter that `torch-sys` asks.
    let python = if env::var_os("VIRTUAL_ENV").is_some() { "python" } else { "python3" };
    let remedy = format!(
        "install it for that Python (`{python} -m pip install torch=={VERSION}`), or unset LIBTORCH_USE_PYTORCH"
    );
    let captured = process::capture(Command::new(python).args(["-c", "import torch; print(torch.__version__)"]))
        .map_err(|failure| failure.remedy(&remedy))?;
    if !captured.success {
        let reason = captured.stderr.trim().lines().next_back().unwrap_or("it fails").to_owned();
        return Err(Failure::new(format!("LIBTORCH_USE_PYTORCH is set, but `{python}` cannot import torch: {reason}"))
            .remedy(remedy));
    }
    let version = captured.stdout.trim().to_owned();
    check_version(&version, &format!("the PyTorch of `{python}`"))?;
    Ok(version)
}

fn check_version(version: &str, whose: &str) -> Outcome {
    let version = version.trim();
    let release = version.split_once('+').map_or(version, |(release, _)| release);
    if release == VERSION || env::var_os("LIBTORCH_BYPASS_VERSION_CHECK").is_some() {
        return Ok(());
    }
    Err(Failure::new(format!("{whose} is version {version}; Pleach is built with {VERSION}"))
        .remedy(format!("give it version {VERSION}, or unset LIBTORCH and LIBTORCH_USE_PYTORCH to have it fetched")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_version_labels_do_not_matter() {
        check_version("2.11.0+cu130\n", "it").unwrap();
        let failure = check_version("2.12.1", "the PyTorch of `python3`").unwrap_err().to_string();
        assert!(
            failure.contains("the PyTorch of `python3` is version 2.12.1; Pleach is built with 2.11.0"),
            "{failure}"
        );
    }

    #[test]
    fn a_folder_without_libraries_is_refused() {
        let failure = check_folder(Path::new("/no/such/libtorch")).unwrap_err().to_string();
        assert!(failure.contains("`/no/such/libtorch/include` is not there"), "{failure}");
    }

    #[test]
    fn the_workspace_asks_for_the_tch_of_this_version() {
        let manifest = places::Places::find().unwrap().root.join("Cargo.toml");
        let manifest = fs::read_to_string(manifest).unwrap();
        // tch 0.24 is the release for libtorch 2.11; a new pair means a new version and digest here.
        assert!(manifest.contains("tch = { version = \"=0.24.0\""));
    }
}
