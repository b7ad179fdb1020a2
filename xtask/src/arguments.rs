//! The arguments: what was typed, as the command that it means.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::failure::{Failure, Outcome};
use crate::help;
use crate::places::Profile;

/// A command with its options.
#[derive(Debug, PartialEq, Eq)]
pub enum Task {
    Help(Option<&'static str>),
    Run { profile: Profile, arguments: Vec<OsString> },
    Test { fast: bool, filter: Vec<OsString> },
    TestCrash { kills: u32, seed: u32 },
    TestSandbox { names: Vec<OsString> },
    Setup,
    Build { profile: Profile },
    Plugins { profile: Profile },
    Schemas,
    Env,
    BenchOverhead { profile: Profile, arguments: Vec<OsString> },
    BenchTrain(BenchTrain),
}

/// Options of `bench train`.
#[derive(Debug, PartialEq, Eq)]
pub struct BenchTrain {
    pub profile: Profile,
    pub rounds: u32,
    pub batch: u32,
    pub threads: u32,
    pub steps: u32,
    pub json: Option<PathBuf>,
}

impl Default for BenchTrain {
    fn default() -> Self {
        Self { profile: Profile::Release, rounds: 5, batch: 64, threads: 1, steps: 30, json: None }
    }
}

impl Task {
    /// Reads the arguments that follow the program's name.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Outcome<Self> {
        let mut arguments: Vec<OsString> = arguments.into_iter().collect();
        if arguments.is_empty() {
            return Ok(Self::Help(None));
        }
        let name = arguments.remove(0).to_string_lossy().into_owned();
        if matches!(name.as_str(), "--help" | "-h") {
            return Ok(Self::Help(None));
        }
        let text = help::of(&name).ok_or_else(|| Failure::usage(format!("there is no command `{name}`")))?;
        if arguments.first().is_some_and(|first| first == "--help" || first == "-h") {
            return Ok(Self::Help(Some(text)));
        }
        match name.as_str() {
            "run" => {
                let profile = leading_profile(&mut arguments, "--release", Profile::Dev, Profile::Release);
                match arguments.first() {
                    None => Err(Failure::usage("`run` needs an experiment")
                        .remedy("name its file, for instance: `cargo xtask run specs/quickstart.yaml`")),
                    Some(first) if first.to_string_lossy().starts_with('-') => Err(unknown(first, "run")
                        .remedy("options of `pleach run` come after the experiment's file; `cargo xtask help run`")),
                    Some(_) => Ok(Self::Run { profile, arguments }),
                }
            }
            "test" if arguments.first().is_some_and(|first| first == "crash") => {
                Self::parse_crash(arguments.split_off(1))
            }
            "test" if arguments.first().is_some_and(|first| first == "sandbox") => {
                Ok(Self::TestSandbox { names: arguments.split_off(1) })
            }
            "test" => {
                let split = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
                let filter = arguments.split_off(split).into_iter().skip(1).collect();
                let fast = arguments.first().is_some_and(|first| first == "--fast");
                none_left(&arguments[usize::from(fast)..], "test")?;
                Ok(Self::Test { fast, filter })
            }
            "build" | "plugins" => {
                let profile = leading_profile(&mut arguments, "--release", Profile::Dev, Profile::Release);
                none_left(&arguments, &name)?;
                Ok(if name == "build" { Self::Build { profile } } else { Self::Plugins { profile } })
            }
            "setup" => none_left(&arguments, "setup").map(|()| Self::Setup),
            "schemas" => none_left(&arguments, "schemas").map(|()| Self::Schemas),
            "env" => none_left(&arguments, "env").map(|()| Self::Env),
            "bench" => Self::parse_bench(arguments),
            _ => {
                let about = arguments.first().map(|first| first.to_string_lossy().into_owned());
                match about {
                    None => Ok(Self::Help(None)),
                    Some(about) => help::of(&about)
                        .map(|text| Self::Help(Some(text)))
                        .ok_or_else(|| Failure::usage(format!("there is no command `{about}`"))),
                }
            }
        }
    }

    fn parse_crash(arguments: Vec<OsString>) -> Outcome<Self> {
        let (mut kills, mut seed) = (50, 1);
        let mut rest = arguments.into_iter();
        while let Some(argument) = rest.next() {
            let option = argument.to_string_lossy().into_owned();
            match option.as_str() {
                "--kills" => kills = number(&option, rest.next())?,
                "--seed" => seed = number(&option, rest.next())?,
                _ => return Err(unknown(&argument, "test crash")),
            }
        }
        Ok(Self::TestCrash { kills, seed })
    }

    fn parse_bench(mut arguments: Vec<OsString>) -> Outcome<Self> {
        let which = if arguments.is_empty() { OsString::new() } else { arguments.remove(0) };
        match which.to_string_lossy().as_ref() {
            "overhead" => {
                let profile = leading_profile(&mut arguments, "--dev", Profile::Release, Profile::Dev);
                Ok(Self::BenchOverhead { profile, arguments })
            }
            "train" => {
                let mut options = BenchTrain::default();
                let mut rest = arguments.into_iter();
                while let Some(argument) = rest.next() {
                    let option = argument.to_string_lossy().into_owned();
                    match option.as_str() {
                        "--dev" => options.profile = Profile::Dev,
                        "--rounds" => options.rounds = number(&option, rest.next())?,
                        "--batch" => options.batch = number(&option, rest.next())?,
                        "--threads" => options.threads = number(&option, rest.next())?,
                        "--steps" => options.steps = number(&option, rest.next())?,
                        "--json" => options.json = Some(value(&option, rest.next())?.into()),
                        _ => return Err(unknown(&argument, "bench train")),
                    }
                }
                Ok(Self::BenchTrain(options))
            }
            "" => Err(Failure::usage("`bench` measures `overhead` or `train`: name one")),
            other => Err(Failure::usage(format!("`bench` measures `overhead` or `train`, not `{other}`"))),
        }
    }
}

/// Takes an option that chooses the profile off the front of the arguments.
fn leading_profile(arguments: &mut Vec<OsString>, option: &str, without: Profile, with: Profile) -> Profile {
    if arguments.first().is_some_and(|first| first == option) {
        arguments.remove(0);
        return with;
    }
    without
}

fn none_left(arguments: &[OsString], command: &str) -> Outcome {
    arguments.first().map_or(Ok(()), |first| Err(unknown(first, command)))
}

fn unknown(argument: &OsString, command: &str) -> Failure {
    Failure::usage(format!("`{command}` does not know `{}`", argument.to_string_lossy()))
        .remedy(format!("`cargo xtask help {}` lists its options", command.split(' ').next().unwrap_or(command)))
}

fn value(option: &str, given: Option<OsString>) -> Outcome<OsString> {
    given.ok_or_else(|| Failure::usage(format!("`{option}` needs a value")))
}

fn number(option: &str, given: Option<OsString>) -> Outcome<u32> {
    let given = value(option, given)?;
    let number = given.to_str().and_then(|text| text.parse().ok()).filter(|number| *number > 0);
    number.ok_or_else(|| {
        Failure::usage(format!("`{option}` needs a whole number from 1 on, not `{}`", given.to_string_lossy()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Outcome<Task> {
        Task::parse(line.split_whitespace().map(OsString::from))
    }

    fn refusal(line: &str) -> String {
        let failure = parse(line).unwrap_err();
        assert_eq!(failure.code(), 2);
        failure.to_string()
    }

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn options_before_the_experiment_are_ours_and_after_it_the_programs() {
        let arguments = words("a.yaml --release --workers 2");
        assert_eq!(parse("run a.yaml --release --workers 2").unwrap(), Task::Run { profile: Profile::Dev, arguments });
        let arguments = words("a.yaml --help");
        assert_eq!(parse("run --release a.yaml --help").unwrap(), Task::Run { profile: Profile::Release, arguments });
        assert!(refusal("run --workers 2 a.yaml").contains("after the experiment's file"));
        assert!(refusal("run").contains("specs/quickstart.yaml"));
    }

    #[test]
    fn filters_of_tests_come_after_two_dashes() {
        assert_eq!(parse("test").unwrap(), Task::Test { fast: false, filter: Vec::new() });
        assert_eq!(parse("test crash --kills 7").unwrap(), Task::TestCrash { kills: 7, seed: 1 });
        assert_eq!(parse("test --fast -- a b").unwrap(), Task::Test { fast: true, filter: words("a b") });
        assert!(refusal("test --quick").contains("`test` does not know `--quick`"));
    }

    #[test]
    fn bench_reads_its_numbers() {
        let Task::BenchTrain(options) = parse("bench train --dev --rounds 3 --json out.json").unwrap() else {
            panic!()
        };
        assert_eq!((options.profile, options.rounds, options.batch), (Profile::Dev, 3, 64));
        assert_eq!(options.json, Some("out.json".into()));
        assert!(refusal("bench train --rounds 0").contains("not `0`"));
        assert!(refusal("bench train --steps").contains("needs a value"));
        assert!(refusal("bench").contains("`overhead` or `train`"));
        let arguments = words("--trials 9");
        assert_eq!(
            parse("bench overhead --trials 9").unwrap(),
            Task::BenchOverhead { profile: Profile::Release, arguments }
        );
    }

    #[test]
    fn help_is_reached_by_every_usual_way() {
        assert_eq!(parse("").unwrap(), Task::Help(None));
        assert_eq!(parse("--help").unwrap(), Task::Help(None));
        for line in ["help run", "run --help", "run -h"] {
            assert_eq!(parse(line).unwrap(), Task::Help(help::of("run")), "{line}");
        }
        assert!(refusal("help me").contains("no command `me`"));
        assert!(refusal("tset").contains("no command `tset`"));
    }
}
