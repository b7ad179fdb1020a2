//! Compiling within a limit of time.
//!
//! Compilers of native code take time that grows with more than the size of a function: thirty kilobytes can be written
//! that take a minute. No count of a module's parts tells them from an honest interpreter of some megabytes, so the limit
//! is one of time, the only one that depends on the machine. It changes no result: a plugin is compiled, or it is not.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use wasmtime::Engine;
use wasmtime::component::Component;

/// Why there is no compiled component.
pub(crate) enum Uncompiled {
    /// It is no valid component.
    Invalid(String),
    /// It is too much to compile.
    TooLarge(String),
}

/// Compiles a component, on a thread of its own where there is a limit: one that is late is left to itself and ends with
/// the process.
pub(crate) fn compile(engine: &Engine, bytes: &[u8], limit: Option<Duration>) -> Result<Component, Uncompiled> {
    let invalid = |error: wasmtime::Error| Uncompiled::Invalid(format!("{error:#}"));
    let Some(limit) = limit else { return Component::new(engine, bytes).map_err(invalid) };
    let (sender, receiver) = channel();
    let (owned, shared) = (bytes.to_vec(), engine.clone());
    let work = move || {
        // Nobody waits any more where the limit has passed.
        let _ = sender.send(Component::new(&shared, owned));
    };
    let thread = thread::Builder::new().name("compile".to_owned()).spawn(work);
    thread.map_err(|error| Uncompiled::Invalid(format!("no thread can be started to compile it: {error}")))?;
    match receiver.recv_timeout(limit) {
        Ok(compiled) => compiled.map_err(invalid),
        Err(RecvTimeoutError::Timeout) => Err(Uncompiled::TooLarge(format!(
            "compiling it takes more than the {} s that are allowed; PLEACH_COMPILE_SECONDS allows `pleach` more, once: then it \
             is kept compiled",
            limit.as_secs()
        ))),
        Err(RecvTimeoutError::Disconnected) => Err(Uncompiled::Invalid("the compiler failed on it".to_owned())),
    }
}
