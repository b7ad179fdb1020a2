//! Compiles the C++ part and tells the linker where libtorch lies.

use std::env;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-changed=native");
    for variable in ["LIBTORCH_INCLUDE", "LIBTORCH_CXX11_ABI"] {
        println!("cargo:rerun-if-env-changed={variable}");
    }
    // `torch-sys` calls its native library `tch`, and hands on the folder under that name.
    let libraries = PathBuf::from(
        env::var("DEP_TCH_LIBTORCH_LIB")
            .expect("the build script of `torch-sys` names the folder of libtorch's libraries"),
    );
    compile(&libraries);
    // `torch-sys` cannot do this for programs that use it.
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", libraries.display());
    if libraries.join("libtorch_cuda.so").exists() {
        // No symbol of it is used, but loading it registers the kernels for CUDA.
        println!("cargo:rustc-link-arg=-L{}", libraries.display());
        println!("cargo:rustc-link-arg=-Wl,--push-state,--no-as-needed");
        println!("cargo:rustc-link-arg=-ltorch_cuda");
        println!("cargo:rustc-link-arg=-Wl,--pop-state");
    }
}

fn compile(libraries: &Path) {
    let root = env::var_os("LIBTORCH_INCLUDE").map_or_else(|| libraries.join(".."), PathBuf::from);
    let abi = env::var("LIBTORCH_CXX11_ABI").unwrap_or_else(|_| "1".to_owned());
    cc::Build::new()
        .cpp(true)
        .pic(true)
        .warnings(false) // libtorch's headers have some
        .include(root.join("include"))
        .include(root.join("include/torch/csrc/api/include"))
        .flag("-std=c++17")
        .flag(format!("-D_GLIBCXX_USE_CXX11_ABI={abi}"))
        // Of the kernels' speed all trainings live, also those of tests; without contraction every processor has the same bits.
        .opt_level(3)
        .flag("-ffp-contract=off")
        .file("native/native.cpp")
        .file("native/memory.cpp")
        .file("native/batch_norm.cpp")
        .file("native/average_pool.cpp")
        .compile("pleach_torch_native");
}
