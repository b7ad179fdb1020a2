use crate::exit::{Exit, Failure, Outcome};
use crate::output;
use std::path::{Path, PathBuf};

/// Write the JSON Schemas of all that is written in YAML, or a reference made from them
///
/// Without options, the schema of an experiment goes to standard output. Editors with a YAML language server check and complete
/// experiments whose first line names it:
///   # yaml-language-server: $schema=schemas/experiment.schema.json
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  pleach schema > experiment.schema.json
  pleach schema --out schemas               # of experiments, spaces, tables and benchmarks
  pleach schema --reference docs/reference.md")]
pub struct Arguments {
    /// Write all schemas into this folder
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Write the reference of the YAML into this file, in Markdown
    #[arg(long, value_name = "FILE")]
    reference: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let schemas = pleach_spec::schemas();
    if let Some(folder) = &arguments.out {
        std::fs::create_dir_all(folder).map_err(|error| cannot(folder, &error))?;
        for (name, text) in &schemas {
            write(&folder.join(name), text)?;
        }
    }
    if let Some(file) = &arguments.reference {
        write(file, &pleach_spec::reference())?;
    }
    if arguments.out.is_none() && arguments.reference.is_none() {
        output::data(&schemas[0].1)?;
    }
    Ok(Exit::Done)
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(file, text).map_err(|error| cannot(file, &error))?;
    output::say(format_args!("wrote {}", file.display()));
    Ok(())
}

fn cannot(path: &Path, error: &std::io::Error) -> Failure {
    Failure::unusable(format!("cannot write `{}`: {error}", path.display()))
}
