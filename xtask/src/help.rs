//! The help texts: one for each command, and the overview made of their first lines.

/// A command's name and its help; the first line of the text is its summary.
pub struct Command {
    pub name: &'static str,
    pub text: &'static str,
}

/// All commands, in the order in which a newcomer needs them.
pub const COMMANDS: [Command; 9] = [
    Command {
        name: "run",
        text: "Set up what is missing, build, and run an experiment.

Usage: cargo xtask run [--release] FILE [ARGUMENTS...]

Stages, each skipped when it is done: libtorch, the Wasm target, the programs, the
strategies; then `pleach run FILE ARGUMENTS...`, whose exit code is passed on.
On a fresh machine with two cores this takes about ten minutes, nearly all of it
compiling; afterwards a second.

Options, before FILE:
  --release   build and use the release profile: slower to build, faster to search

Arguments after FILE go to `pleach run`; `cargo xtask run FILE --help` lists them.

Needs: Rust, a C++ compiler, Python with pip. See docs/setup.md.",
    },
    Command {
        name: "test",
        text: "Run every check that a change must pass; continuous integration runs exactly this.

Usage: cargo xtask test [--fast] [-- FILTER...]
       cargo xtask test crash [--kills N] [--seed N]
       cargo xtask test sandbox [NAME...]

Stages: formatting, set-up, clippy with warnings denied, build, strategies, all tests
(cargo-nextest where it is installed, else `cargo test`), documentation tests, and
the generated schemas still fresh. It ends at the first stage that fails.

Options:
  --fast      without clippy and documentation tests, for the time while you write
  -- FILTER   arguments for the test runner, such as the names of tests

crash       kills experiments at random moments, engine, workers or both, 50 times in all
            unless told, and says when and what; each must end as if nothing had happened
sandbox     runs plugins that are hostile or broken, each in a process of its own, and
            prints how each ended, in what time and memory; it fails where one ends
            otherwise than expected, or takes more than 10 s or 1 GiB

Tests find what was built by PLEACH_BIN, PLEACH_TORCH and PLEACH_PLUGINS.",
    },
    Command {
        name: "setup",
        text: "Ready libtorch and the Wasm target, and build nothing.

Usage: cargo xtask setup

Both go to the user's cache, so that another checkout finds them there.
Variables that choose otherwise:
  LIBTORCH                 folder of a libtorch 2.11.0 to use
  LIBTORCH_USE_PYTORCH=1   use the PyTorch 2.11 of Python (for training on a GPU)
  PLEACH_WASM_TOOLCHAIN    `own`: the Rust in use; `debian`: Debian's; unset: what works
  PLEACH_WASM_RUSTC, PLEACH_WASM_SYSROOT
                           compiler for strategies, sysroot with its Wasm library
  XDG_CACHE_HOME           where the cache is, if not in ~/.cache",
    },
    Command {
        name: "build",
        text: "Set up, then build the programs and the strategies.

Usage: cargo xtask build [--release]

Leaves `pleach` and `pleach-torch` in target/debug (target/release with --release)
and the strategies in target/plugins.",
    },
    Command {
        name: "plugins",
        text: "Build the strategies to Wasm components in target/plugins.

Usage: cargo xtask plugins [--release]

Every folder of plugins/ with a Cargo.toml, except the kit they are made with
(plugins/sdk), is a strategy.",
    },
    Command {
        name: "schemas",
        text: "Write the generated JSON Schemas to schemas/ again.

Usage: cargo xtask schemas",
    },
    Command {
        name: "env",
        text: "Print the variables with which plain cargo builds and tests everything.

Usage: eval \"$(cargo xtask env)\"

Sets up first, if need be; what it does is told on standard error.",
    },
    Command {
        name: "bench",
        text: "Measure the search loop or training, in a release build.

Usage: cargo xtask bench overhead [--dev] [ARGUMENTS...]
       cargo xtask bench train [--dev] [--rounds N] [--batch N] [--threads N] [--steps N]
                               [--json FILE]

overhead  runs `pleach bench overhead ARGUMENTS...`: microseconds per trial.
train     trains a network of NAS-Bench-201 on synthetic images, with Pleach and, where
          Python can import torch, with PyTorch; also PyTorch with mimalloc preloaded,
          where that is installed. Takes turns, so that a busy machine disturbs all
          alike, and prints images per second: medians and ratios.

Options:
  --dev         the dev profile, which needs no long build (default: release)
  --rounds N    turns of each (default 5)
  --batch N     images a step (default 64)
  --threads N   threads of each (default 1)
  --steps N     steps measured in a turn (default 30)
  --json FILE   write every measurement to a file

Variables: PLEACH_PYTHON names the Python with torch, PLEACH_MIMALLOC the library.",
    },
    Command {
        name: "help",
        text: "Print this overview, or what there is to know about a command.

Usage: cargo xtask help [COMMAND]",
    },
];

/// The overview of all commands.
pub fn overview() -> String {
    let mut text =
        String::from("Chores of the Pleach repository.\n\nUsage: cargo xtask COMMAND [ARGUMENTS...]\n\nCommands:\n");
    for command in &COMMANDS {
        let summary = command.text.lines().next().unwrap_or_default();
        text.push_str(&format!("  {:<9}{summary}\n", command.name));
    }
    text.push_str("\n`cargo xtask help COMMAND` says more; docs/setup.md says what is fetched, from where, and what to do\nwithout a network. The first command on a new machine: `cargo xtask run specs/quickstart.yaml`.\n");
    text
}

/// The help of one command.
pub fn of(name: &str) -> Option<&'static str> {
    COMMANDS.iter().find(|command| command.name == name).map(|command| command.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_in_the_overview_and_shows_its_usage() {
        let overview = overview();
        for command in &COMMANDS {
            assert!(overview.contains(&format!("\n  {:<9}", command.name)), "{}", command.name);
            assert!(command.text.contains("\n\nUsage: "), "{}", command.name);
            assert!(of(command.name).is_some());
        }
    }

    #[test]
    fn lines_fit_a_terminal() {
        let texts = COMMANDS.iter().map(|command| command.text.to_owned()).chain([overview()]);
        for line in texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()) {
            assert!(line.chars().count() <= 100, "{line}");
        }
    }
}
