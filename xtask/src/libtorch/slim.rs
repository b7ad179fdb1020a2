//! A libtorch for the CPU, taken from the PyTorch package of the Python package index.
//!
//! The package for Linux is a CUDA build of 530 MB that needs 3 GB of further packages to be imported. Its CPU half
//! works alone, given two things: a `libtorch.so` that stands for `libtorch_cpu.so`, and the two CUDA libraries that
//! `libtorch_cpu.so` names. The latter are replaced by stubs that report that there is no CUDA. One package serves
//! whatever Python is installed, for nothing of Python is kept; so one digest pins it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::VERSION;
use crate::console::say;
use crate::failure::{AtPath, Failure, Outcome};
use crate::process;

/// SHA-256 of `torch-2.11.0-cp311-cp311-manylinux_2_28_x86_64.whl`.
const DIGEST: &str = "7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a";

/// The libraries of the package that are kept, with their sizes in bytes.
const LIBRARIES: [(&str, u64); 3] =
    [("libtorch_cpu.so", 451_209_129), ("libc10.so", 1_498_969), ("libgomp.so.1", 254_009)];

/// Takes the headers, the libraries and the licences out of the package.
const UNPACK: &str = r#"
import os, shutil, sys, zipfile
package, folder, libraries = sys.argv[1], sys.argv[2], sys.argv[3:]
with zipfile.ZipFile(package) as archive:
    for entry in archive.infolist():
        kind, _, name = entry.filename.partition("/")
        if entry.is_dir():
            continue
        if kind == "torch" and (name.startswith("include/") or name in ["lib/" + library for library in libraries]):
            target = os.path.join(folder, *name.split("/"))
        elif kind.endswith(".dist-info") and name in ("licenses/LICENSE", "licenses/NOTICE"):
            target = os.path.join(folder, os.path.basename(name))
        else:
            continue
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with archive.open(entry) as source, open(target, "wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
"#;

/// A stub library: its name, the functions it has, and what makes them say that there is no CUDA.
struct Stub {
    library: &'static str,
    /// Functions that return an error code.
    functions: &'static [&'static str],
    /// The function that turns a code into text.
    text: &'static str,
}

const STUBS: [Stub; 2] = [
    Stub {
        library: "libcudart.so.13",
        functions: &[
            "cudaDeviceSynchronize",
            "cudaDriverGetVersion",
            "cudaGetDeviceCount",
            "cudaGetDeviceProperties",
            "cudaRuntimeGetVersion",
        ],
        text: "const char *cudaGetErrorString(int code) { (void)code; return \"this libtorch is for the CPU\"; }",
    },
    Stub {
        library: "libcupti.so.13",
        functions: &[
            "cuptiActivityDisable",
            "cuptiActivityEnable",
            "cuptiActivityEnableCudaEventDeviceTimestamps",
            "cuptiActivityEnableDriverApi",
            "cuptiActivityEnableRuntimeApi",
            "cuptiActivityFlushAll",
            "cuptiActivityGetNextRecord",
            "cuptiActivityGetNumDroppedRecords",
            "cuptiActivityPopExternalCorrelationId",
            "cuptiActivityPushExternalCorrelationId",
            "cuptiActivityRegisterCallbacks",
            "cuptiActivityRegisterTimestampCallback",
            "cuptiActivitySetAttribute",
            "cuptiEnableCallback",
            "cuptiEnableDomain",
            "cuptiFinalize",
            "cuptiGetVersion",
            "cuptiSubscribe",
            "cuptiUnsubscribe",
        ],
        text: "int cuptiGetResultString(int code, const char **text)\n\
               { (void)code; if (text) *text = \"this libtorch is for the CPU\"; return 0; }",
    },
];

impl Stub {
    /// The C source. 100 is cudaErrorNoDevice; callers check the code before they use what a function would have given.
    fn source(&self) -> String {
        let functions = self.functions.iter().map(|name| format!("int {name}(void) {{ return 100; }}\n"));
        functions.chain([format!("{}\n", self.text)]).collect()
    }

    /// The loader looks for symbols by version, which is the library's name.
    fn version_script(&self) -> String {
        format!("{} {{ global: *; }};\n", self.library)
    }
}

/// Whether the folder holds all that the worker needs.
pub fn is_complete(folder: &Path) -> bool {
    let library = folder.join("lib");
    LIBRARIES.iter().all(|(name, size)| fs::metadata(library.join(name)).is_ok_and(|file| file.len() == *size))
        && STUBS.iter().all(|stub| library.join(stub.library).is_file())
        && library.join("libtorch.so").is_file()
        && folder.join("include/torch/csrc/api/include/torch/torch.h").is_file()
        && fs::read_to_string(folder.join("build-version")).is_ok_and(|version| version.trim() == VERSION)
}

/// Refuses platforms that the package is not for.
pub fn supported() -> Outcome {
    if cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")) {
        return Ok(());
    }
    Err(Failure::new(format!("no libtorch is fetched by itself on {} {}", env::consts::OS, env::consts::ARCH)).remedy(
        format!(
            "install PyTorch {VERSION} (`python3 -m pip install torch=={VERSION}`) and set LIBTORCH_USE_PYTORCH=1,\n\
             or unpack libtorch {VERSION} and set LIBTORCH to its folder; docs/setup.md says more"
        ),
    ))
}

/// Fills an empty folder: downloads the package, keeps what is needed, adds the stubs.
pub fn make(folder: &Path) -> Outcome {
    let compiler = c_compiler()?;
    let python = python()?;
    let download = folder.join("download");
    let library = folder.join("lib");
    for path in [&download, &library] {
        fs::create_dir_all(path).at("create", path)?;
    }

    say("libtorch", "downloading PyTorch's package with pip: 530 MB, half a minute on a fast network, kept: 500 MB");
    let package = fetch(&python, &download)?;

    say("libtorch", "unpacking the headers and the CPU libraries: a few seconds");
    let mut unpack = Command::new(&python);
    unpack.args(["-c", UNPACK]).arg(&package).arg(folder).args(LIBRARIES.map(|(name, _)| name));
    process::run_quietly(&mut unpack).map_err(|failure| {
        failure.remedy(format!(
            "is there room for 1.1 GB in `{}`? XDG_CACHE_HOME can name another place",
            folder.display()
        ))
    })?;
    fs::remove_dir_all(&download).at("remove", &download)?;

    for stub in &STUBS {
        compile(&compiler, stub, &library)?;
    }
    for (path, text) in [(library.join("libtorch.so"), "INPUT(-ltorch_cpu)\n"), (folder.join("build-version"), VERSION)]
    {
        fs::write(&path, text).at("write", &path)?;
    }
    loads(&compiler, &library)?;
    if is_complete(folder) {
        return Ok(());
    }
    Err(Failure::new("the package was not what it should be: a library of another size came out")
        .remedy("this is a mistake in xtask/src/libtorch/slim.rs: the digest there does not fit the sizes"))
}

/// Downloads the package, checked by pip against the digest.
fn fetch(python: &Path, download: &Path) -> Outcome<PathBuf> {
    let requirement = download.join("requirement.txt");
    fs::write(&requirement, format!("torch=={VERSION} --hash=sha256:{DIGEST}\n")).at("write", &requirement)?;
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "download", "--no-deps", "--no-cache-dir", "--disable-pip-version-check"])
        .args(["--only-binary=:all:", "--implementation=cp", "--python-version=3.11", "--abi=cp311"])
        .args(["--platform=manylinux_2_28_x86_64", "--require-hashes"])
        .arg("--dest")
        .arg(download)
        .arg("--requirement")
        .arg(&requirement)
        // pip downloads to the temporary folder first, which is a small RAM disk on some machines.
        .env("TMPDIR", download);
    process::run(&mut pip).map_err(|failure| {
        failure.remedy(format!(
            "see what pip says above. Without a network, or behind a proxy: PIP_INDEX_URL names another index, and\n\
             PIP_NO_INDEX=1 with PIP_FIND_LINKS=FOLDER takes torch-{VERSION}-cp311-cp311-manylinux_2_28_x86_64.whl\n\
             from a folder; LIBTORCH names a libtorch {VERSION} that is there already (docs/setup.md)"
        ))
    })?;
    let entries = fs::read_dir(download).at("read", download)?;
    let mut files = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    files
        .find(|file| file.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| Failure::new(format!("pip succeeded but left no package in `{}`", download.display())))
}

/// Builds one stub library.
fn compile(compiler: &Path, stub: &Stub, library: &Path) -> Outcome {
    let source = library.join("stub.c");
    let versions = library.join("stub.map");
    fs::write(&source, stub.source()).at("write", &source)?;
    fs::write(&versions, stub.version_script()).at("write", &versions)?;
    let mut command = Command::new(compiler);
    command
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(library.join(stub.library))
        .arg(&source)
        .arg(format!("-Wl,-soname,{}", stub.library))
        .arg(format!("-Wl,--version-script={}", versions.display()));
    process::run_quietly(&mut command)?;
    for path in [&source, &versions] {
        fs::remove_file(path).at("remove", path)?;
    }
    Ok(())
}

/// Links a program with the libraries and runs it with every symbol looked up at once, so that what is missing shows now.
fn loads(compiler: &Path, library: &Path) -> Outcome {
    let source = library.join("load.c");
    let program = library.join("load");
    fs::write(&source, "int main(void) { return 0; }\n").at("write", &source)?;
    let mut link = Command::new(compiler);
    link.arg(&source).arg("-o").arg(&program).arg("-L").arg(library);
    link.args(["-Wl,--no-as-needed", "-ltorch", "-lc10"]).arg(format!("-Wl,-rpath,{}", library.display()));
    process::run_quietly(&mut link)?;
    process::run_quietly(Command::new(&program).env("LD_BIND_NOW", "1")).map_err(|failure| {
        failure.remedy(
            "the fetched libtorch does not load here. It needs glibc 2.28 and the C++ library of GCC 8, or newer;\n\
             on an older system set LIBTORCH to a libtorch that was built for it",
        )
    })?;
    for path in [&source, &program] {
        fs::remove_file(path).at("remove", path)?;
    }
    Ok(())
}

fn c_compiler() -> Outcome<PathBuf> {
    let named = env::var("CC").ok().filter(|name| !name.is_empty() && !name.contains(char::is_whitespace));
    named.iter().map(String::as_str).chain(["cc", "gcc", "clang"]).find_map(process::find).ok_or_else(|| {
        Failure::new("no C compiler: there is no `cc`, `gcc` or `clang` in the PATH")
            .remedy("install one (Debian and Ubuntu: `apt-get install gcc g++`), or name one by setting CC")
    })
}

/// A Python that has pip.
fn python() -> Outcome<PathBuf> {
    let found: Vec<PathBuf> = ["python3", "python"].iter().filter_map(process::find).collect();
    let with_pip = found.iter().find(|python| {
        process::capture(Command::new(python).args(["-m", "pip", "--version"])).is_ok_and(|captured| captured.success)
    });
    with_pip.cloned().ok_or_else(|| {
        let what = match found.first() {
            None => "no Python: neither `python3` nor `python` is in the PATH".into(),
            Some(python) => format!("`{}` has no pip", python.display()),
        };
        Failure::new(format!("{what}; pip fetches libtorch")).remedy(format!(
            "install it (Debian and Ubuntu: `apt-get install python3-pip`; elsewhere `python3 -m ensurepip`),\n\
             or set LIBTORCH to the folder of a libtorch {VERSION} that is there already"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfinished_folder_is_not_complete() {
        assert!(!is_complete(Path::new("/no/such/folder")));
        assert!(!is_complete(&env::temp_dir()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn stubs_compile_and_answer_that_there_is_no_cuda() {
        let folder = env::temp_dir().join(format!("pleach-xtask-stubs-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let compiler = c_compiler().unwrap();
        for stub in &STUBS {
            compile(&compiler, stub, &folder).unwrap();
        }
        // A program that is linked with them finds both by their names and asks each kind of function.
        let source = folder.join("ask.c");
        let text = r#"
            extern int cudaGetDeviceCount(int *); extern int cuptiGetResultString(int, const char **);
            extern const char *cudaGetErrorString(int);
            int main(void) {
                int count = 0; const char *text = 0;
                int error = cudaGetDeviceCount(&count);
                return !(error == 100 && count == 0 && cuptiGetResultString(error, &text) == 0 && text[0]
                         && cudaGetErrorString(error)[0]);
            }"#;
        fs::write(&source, text).unwrap();
        let program = folder.join("ask");
        let mut link = Command::new(&compiler);
        link.arg(&source).arg("-o").arg(&program);
        link.args(STUBS.map(|stub| folder.join(stub.library))).arg(format!("-Wl,-rpath,{}", folder.display()));
        process::run_quietly(&mut link).unwrap();
        process::run_quietly(&mut Command::new(&program)).unwrap();
        fs::remove_dir_all(&folder).unwrap();
    }
}
