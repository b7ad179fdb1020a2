use crate::commands::Format;
use crate::environment;
use crate::exit::{Exit, Outcome};
use crate::output;
use pleach_plan::Listed;
use serde_json::{Value, json};

/// List the strategies that experiments can name
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
JSON: [{\"name\", \"version\", \"summary\", \"needs\", \"path\", \"digest\", \"error\"}]; of a file that is no strategy only
`name`, `path` and `error` are not null.")]
pub struct Arguments {
    /// How the list is written
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let strategies = environment::strategies();
    let listed = strategies.list();
    match arguments.format {
        Format::Json => output::data(output::json(&listed.iter().map(entry).collect::<Vec<_>>()))?,
        Format::Human if listed.is_empty() => {
            output::say("no strategies; PLEACH_PLUGINS names their folder, `pleach plugin build` fills it");
        }
        Format::Human => {
            let rows = listed.iter().map(|listed| match &listed.strategy {
                Ok(file) => vec![listed.name.clone(), file.manifest.version.clone(), file.manifest.summary.clone()],
                Err(error) => vec![listed.name.clone(), String::new(), format!("unusable: {error}")],
            });
            output::data(output::table(&["name", "version", "what"], rows))?;
        }
    }
    Ok(Exit::Done)
}

fn entry(listed: &Listed) -> Value {
    let file = listed.strategy.as_ref().ok();
    json!({
        "name": listed.name,
        "version": file.map(|file| &file.manifest.version),
        "summary": file.map(|file| &file.manifest.summary),
        "needs": file.map(|file| &file.manifest.needs),
        "path": listed.path,
        "digest": file.map(|file| &file.digest),
        "error": listed.strategy.as_ref().err().map(ToString::to_string),
    })
}
