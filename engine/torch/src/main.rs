//! `pleach-torch`: answers requests, one JSON object a line on standard input, on standard output, until the input ends.
//!
//! Exit codes: 0 at the end of the input or when nobody reads the answers any more; 2 for wrong arguments, a device that is
//! not there, or a line that is no request (there is nothing to answer to, and an engine that speaks another protocol had
//! better know); 1 when the device broke and only a new process helps.

use pleach_evaluate::protocol::{WorkerAnswer, WorkerRequest};
use pleach_torch::{DeviceChoice, Health, Worker, torchscript};
use std::ffi::OsString;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;

/// libtorch frees and takes the same large blocks at every step; glibc gives them back to the system in between, which costs
/// 23 to 45 % of a training's time. With the feature `override` this serves C++ as well.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

unsafe extern "C" {
    fn mi_option_set(option: i32, value: std::ffi::c_long);
}

/// `mi_option_purge_delay` of mimalloc 2 and 3: milliseconds until freed memory goes back to the system.
const PURGE_DELAY: i32 = 15;

/// Longer than a training step, so that its memory is kept for the next one, and short enough to leave memory to other workers
/// after a large network. The 10 ms that mimalloc comes with cost a tenth of the time in page faults.
const KEEP_MILLISECONDS: std::ffi::c_long = 2000;

const HELP: &str = "\
The training worker of Pleach: reads requests, one JSON object a line, and answers on standard output.

Usage: pleach-torch [--device auto|cpu|cuda|cuda:N] [--threads N]

Options:
  --device DEVICE  where to train: auto (the first GPU, else the CPU), cpu, cuda or cuda:N [default: auto]
  --threads N      threads of requests that do not say theirs [default: 1]
  --help           print this help
  --version        print the version
";

fn main() -> ExitCode {
    // SAFETY: an option that mimalloc has, set before libtorch allocates anything large.
    unsafe { mi_option_set(PURGE_DELAY, KEEP_MILLISECONDS) };
    end_with_the_engine();
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let Some((first, rest)) = arguments.split_first()
        && first == torchscript::VERIFY
    {
        return verify(rest);
    }
    match parse(&arguments) {
        Ok(Some((device, threads))) => serve(device, threads),
        Ok(None) => ExitCode::SUCCESS,
        Err(message) => fail(2, &message),
    }
}

/// An engine that is killed takes its workers with it: who goes on with the run has no strangers at work beside it. Elsewhere
/// than on Linux a worker notices at the end of an epoch, when nobody reads what it says.
fn end_with_the_engine() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, set_parent_process_death_signal};
        // Fails only for a signal that there is not.
        let _ = set_parent_process_death_signal(Some(Signal::KILL));
    }
}

fn fail(code: u8, message: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "pleach-torch: {message}");
    ExitCode::from(code)
}

fn parse(arguments: &[OsString]) -> Result<Option<(DeviceChoice, u32)>, String> {
    let (mut device, mut threads) = (DeviceChoice::default(), 1);
    let mut rest = arguments.iter().map(|argument| argument.to_string_lossy());
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().ok_or_else(|| format!("`{argument}` needs a value"));
        match &*argument {
            "--help" | "-h" => {
                let _ = write!(io::stdout(), "{HELP}");
                return Ok(None);
            }
            "--version" | "-V" => {
                let libtorch = pleach_torch::libtorch_version();
                let _ = writeln!(io::stdout(), "pleach-torch {} (libtorch {libtorch})", env!("CARGO_PKG_VERSION"));
                return Ok(None);
            }
            "--device" => device = value()?.parse()?,
            "--threads" => {
                let value = value()?;
                let number = value.parse().ok().filter(|&number| number > 0);
                threads = number.ok_or_else(|| format!("`{value}` is no number of threads"))?;
            }
            _ => return Err(format!("`{argument}` is no option; `--help` shows those that there are")),
        }
    }
    Ok(Some((device, threads)))
}

fn serve(device: DeviceChoice, threads: u32) -> ExitCode {
    if device != DeviceChoice::Cpu && std::env::var_os("CUBLAS_WORKSPACE_CONFIG").is_none() {
        // SAFETY: the process has one thread yet. cuBLAS reads it when it is first used; without it matrix products on a GPU
        // may give other bits each time.
        unsafe { std::env::set_var("CUBLAS_WORKSPACE_CONFIG", ":4096:8") };
    }
    let device = match device.find() {
        Ok(device) => device,
        Err(failure) => return fail(2, &failure.to_string()),
    };
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return fail(2, &format!("the program's own file cannot be found: {error}")),
    };
    let mut worker = Worker::new(device, program, threads);
    // A closed pipe says that the engine is gone.
    let mut gone = say(&WorkerAnswer::Hello(worker.hello())).is_err();
    for line in io::stdin().lock().lines() {
        let line = match line {
            Ok(line) => line,
            Err(error) => return fail(2, &format!("standard input cannot be read: {error}")),
        };
        if gone {
            break;
        }
        if line.trim().is_empty() {
            continue;
        }
        let request: WorkerRequest = match serde_json::from_str(&line) {
            Ok(request) => request,
            Err(error) => return fail(2, &format!("a line is no request: {error}")),
        };
        let health = worker.answer(&request, &mut |answer| gone |= say(&answer).is_err());
        if health == Health::Broken {
            return fail(1, "the device failed; a new process is needed");
        }
    }
    ExitCode::SUCCESS
}

fn say(answer: &WorkerAnswer) -> io::Result<()> {
    let mut line = serde_json::to_string(answer)?;
    line.push('\n');
    let mut output = io::stdout().lock();
    output.write_all(line.as_bytes())?;
    output.flush()
}

fn verify(arguments: &[OsString]) -> ExitCode {
    let Some((file, samples)) = torchscript::verify_arguments(arguments) else {
        return fail(2, "FILE and SAMPLES are needed");
    };
    match torchscript::verify(&file, &samples) {
        Ok(difference) => {
            let _ = writeln!(io::stdout(), "{difference:e}");
            ExitCode::SUCCESS
        }
        Err(failure) => fail(1, &failure.to_string()),
    }
}
