use super::Format;
use crate::environment;
use crate::exit::{Exit, Failure, Outcome};
use crate::output;
use pleach_data::{Fetched, Known, Locations, Presence};
use std::path::PathBuf;

/// List the data sets that Pleach knows, and fetch them
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List data sets: what they are, where they are, how they are licensed
    ///
    /// Data of your own need no name: `pleach new FOLDER` writes an experiment for a folder of images or a CSV file.
    List {
        /// How the list is written
        #[arg(long, value_enum, default_value_t = Format::Human)]
        format: Format,
    },
    /// Fetch a data set into the cache, where experiments find it
    ///
    /// What was downloaded must have its known content, or nothing is kept.
    Fetch {
        /// The data set, such as fashion_mnist
        name: String,
        /// The folder to put it into, in place of the cache
        #[arg(long, value_name = "FOLDER")]
        into: Option<PathBuf>,
    },
}

pub fn run(arguments: &Arguments) -> Outcome {
    match &arguments.command {
        Command::List { format } => list(*format),
        Command::Fetch { name, into } => fetch(name, into.clone()),
    }
}

fn list(format: Format) -> Outcome {
    let known = pleach_data::known(&Locations { base: PathBuf::new(), caches: environment::data_caches() });
    match format {
        Format::Json => output::data(output::json(&known))?,
        Format::Human => {
            let row = |known: &Known| {
                let shape: Vec<String> = known.shape.iter().map(ToString::to_string).collect();
                vec![
                    known.name.to_owned(),
                    known.kind.to_owned(),
                    format!("{} of {}", known.examples, shape.join("x")),
                    known.classes.to_string(),
                    presence(known),
                    known.licence.to_owned(),
                ]
            };
            let header = ["name", "what", "examples", "classes", "where", "licence"];
            output::data(output::table(&header, known.iter().map(row)))?;
        }
    }
    Ok(Exit::Done)
}

fn presence(known: &Known) -> String {
    match &known.presence {
        Presence::Carried => "carried by pleach".to_owned(),
        Presence::Here(folder) => folder.display().to_string(),
        Presence::Fetchable => format!("pleach data fetch {}", known.name),
        Presence::ByPath => format!("{}: FOLDER", known.name),
    }
}

fn fetch(name: &str, into: Option<PathBuf>) -> Outcome {
    let no_folder =
        || Failure::invalid("there is no cache folder: HOME is not set").help("name a folder: --into FOLDER");
    let into = into.or_else(|| environment::data_caches().pop()).ok_or_else(no_folder)?;
    let folder = match pleach_data::fetch(name, &into)? {
        Fetched::Carried => {
            output::say(format_args!("{name} is carried by pleach: nothing to fetch"));
            return Ok(Exit::Done);
        }
        Fetched::AlreadyHere(folder) => {
            output::say(format_args!("{name} is here already"));
            folder
        }
        Fetched::Downloaded(folder) => folder,
    };
    output::data(format_args!("{}\n", folder.display()))?;
    Ok(Exit::Done)
}
