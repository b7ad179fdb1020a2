use super::host;
use crate::commands::Format;
use crate::exit::{Exit, Failure, Outcome};
use crate::output;
use serde_json::{Value, json};

/// Show a strategy: its options with their defaults, what it needs, all that it can call
///
/// Loads the component, which checks that it asks for nothing but the contract.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  pleach plugin inspect regularized-evolution
  pleach plugin inspect ./mine.wasm --format json

JSON: {\"name\", \"version\", \"summary\", \"needs\", \"options_schema\", \"imports\", \"path\", \"digest\"}")]
pub struct Arguments {
    /// The name of a strategy, or the path of a `.wasm` file
    #[arg(value_name = "NAME|FILE.wasm")]
    strategy: String,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let file = super::found(&arguments.strategy)?;
    let origin = format!("`{}`", file.path.display());
    let plugin = host()?.load(&file.bytes, &origin).map_err(|error| Failure::new(Exit::PluginFailed, error))?;
    let (manifest, imports) = (plugin.manifest(), plugin.imports());
    match arguments.format {
        Format::Json => output::data(output::json(&json!({
            "name": manifest.name,
            "version": manifest.version,
            "summary": manifest.summary,
            "needs": manifest.needs,
            "options_schema": manifest.options_schema,
            "imports": imports,
            "path": file.path,
            "digest": file.digest,
        })))?,
        Format::Human => {
            let needs: Vec<String> = manifest.needs.iter().map(ToString::to_string).collect();
            let options = options(&manifest.options_schema);
            output::data(format_args!(
                "{} {}\n{}\n\n{options}needs    {}\ncalls    {}\nfile     {}\ndigest   {}\n",
                manifest.name,
                manifest.version,
                manifest.summary,
                needs.join(", "),
                imports.join(", "),
                file.path.display(),
                file.digest,
            ))?;
        }
    }
    Ok(Exit::Done)
}

/// The options as a table; empty where there are none.
fn options(schema: &Value) -> String {
    let Some(properties) = schema["properties"].as_object().filter(|properties| !properties.is_empty()) else {
        return "no options\n\n".to_owned();
    };
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let rows = properties.iter().map(|(name, property)| {
        let kind = match &property["type"] {
            Value::Array(kinds) => kinds.iter().map(&text).collect::<Vec<_>>().join(" or "),
            kind => text(kind),
        };
        let range = match (&property["minimum"], &property["maximum"]) {
            (Value::Null, Value::Null) => String::new(),
            (low, Value::Null) => format!(", at least {low}"),
            (Value::Null, high) => format!(", at most {high}"),
            (low, high) => format!(", {low} to {high}"),
        };
        let description = text(&property["description"]).replace('\n', " ");
        vec![name.clone(), format!("{kind}{range}"), text(&property["default"]), description]
    });
    output::table(&["option", "type", "default", "what"], rows) + "\n"
}
