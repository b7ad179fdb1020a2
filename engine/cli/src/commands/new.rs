use crate::exit::{Exit, Failure, Outcome};
use crate::output;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The experiment that a name alone begins with: the one that the tests run.
const QUICKSTART: &str = include_str!("../../../../specs/quickstart.yaml");

/// Write an experiment to begin with
///
/// For a folder of images (one subfolder a class), a folder with IDX or CIFAR files, or a CSV file with a target column: a
/// commented experiment for these data, with a space that suits their size. For a name: one on handwritten digits, which
/// Pleach carries, to change as you like.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  pleach new first              # writes first.yaml, on the digits
  pleach new ./flowers          # writes flowers.yaml, on the images in ./flowers/CLASS/*.png
  pleach new measurements.csv --out try.yaml")]
pub struct Arguments {
    /// A name, a folder of images, or a CSV file
    #[arg(value_name = "NAME|FOLDER|FILE.csv")]
    what: String,
    /// The file to write, in place of NAME.yaml
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let what = &arguments.what;
    let is_path =
        Path::new(what).exists() || what.contains(['/', '\\']) || what.ends_with(".csv") || what.ends_with(".gz");
    let text = if is_path { of_data(what, arguments.out.as_deref())? } else { of_name(what)? };
    let name = text.lines().find_map(|line| line.strip_prefix("name: ")).unwrap_or("experiment");
    let name = name.trim_matches(['"', '\'']);
    let file = arguments.out.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.yaml")));
    let cannot = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::unusable(format!("`{}` is there already", file.display())).help("name another file: --out FILE")
        }
        _ => Failure::unusable(format!("cannot write `{}`: {error}", file.display())),
    };
    let mut created = std::fs::File::create_new(&file).map_err(cannot)?;
    created.write_all(text.as_bytes()).map_err(cannot)?;
    let shown = file.display();
    output::say(format_args!("wrote {shown}; next: `pleach check {shown}`, then `pleach run {shown}`"));
    output::data(format_args!("{shown}\n"))?;
    Ok(Exit::Done)
}

fn of_data(path: &str, out: Option<&Path>) -> Result<String, Failure> {
    let description = pleach_data::describe_new(Path::new(path))?;
    // The experiment names the data relative to the folder in which it lies.
    let elsewhere = out.and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
    let path = match elsewhere {
        Some(_) => std::path::absolute(path)
            .map_err(|error| Failure::unusable(format!("cannot find `{path}`: {error}")))?
            .to_string_lossy()
            .into_owned(),
        None => path.to_owned(),
    };
    Ok(pleach_data::new_experiment(&path, &description))
}

fn of_name(name: &str) -> Result<String, Failure> {
    let first = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !first || name.len() > 64 || !name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) {
        return Err(Failure::invalid(format!("`{name}` is no path, and cannot be the name of an experiment"))
            .help("a name has letters, digits, `.`, `_` and `-`; a letter or digit first"));
    }
    let lines = QUICKSTART.lines().filter(|line| !line.starts_with("# yaml-language-server"));
    let named = |line: &str| match line.strip_prefix("name: ") {
        // Quoted, for a name such as 12 or no is another kind of value.
        Some(_) => format!("name: \"{name}\"\n"),
        None => format!("{line}\n"),
    };
    Ok(lines.map(named).collect())
}
