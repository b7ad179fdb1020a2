use std::path::Path;
use std::process::Command;

/// Runs a Python script over a folder and gives what it printed; `None`, with a word about why, where Python lacks a
/// module.
///
/// The Python is `PLEACH_TEST_PYTHON`, which must then have all modules, else `python3` from the path.
#[allow(clippy::print_stderr, reason = "says which check did not run, and why")]
pub(crate) fn python(modules: &str, script: &str, folder: &Path) -> Option<String> {
    let named = std::env::var_os("PLEACH_TEST_PYTHON").filter(|path| !path.is_empty());
    let program = named.clone().unwrap_or_else(|| "python3".into());
    let run = |script: &str| Command::new(&program).args(["-B", "-c", script]).arg(folder).output();
    let reason = match run(&format!("import {modules}")) {
        Ok(output) if output.status.success() => None,
        Ok(output) => {
            Some(String::from_utf8_lossy(&output.stderr).trim().lines().last().unwrap_or_default().to_string())
        }
        Err(error) => Some(error.to_string()),
    };
    if let Some(reason) = reason {
        let program = Path::new(&program).display();
        assert!(named.is_none(), "PLEACH_TEST_PYTHON is `{program}`, but it cannot import {modules}: {reason}");
        eprintln!("skipped: `{program}` cannot import {modules} ({reason}); set PLEACH_TEST_PYTHON to one that can");
        return None;
    }
    let output = run(script).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    Some(String::from_utf8(output.stdout).unwrap())
}
