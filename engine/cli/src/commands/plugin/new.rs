use crate::exit::{Exit, Failure, Outcome};
use crate::output;
use pleach_plugin::new::{NewError, SdkSource, new_plugin};
use std::path::{Path, PathBuf};

/// Begin a strategy of your own: a crate with a small strategy, its test, and how to go on
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  pleach plugin new my-search                          # within a checkout of Pleach
  pleach plugin new my-search --sdk ~/pleach/plugins/sdk --folder ~/my-search")]
pub struct Arguments {
    /// Its name: lower-case words joined by hyphens
    name: String,
    /// The folder to make; its name unless told
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// The folder of the strategy kit; unless told, `plugins/sdk` of this folder or one above
    #[arg(long, value_name = "FOLDER", conflicts_with = "sdk_git")]
    sdk: Option<PathBuf>,
    /// A git repository with the strategy kit
    #[arg(long, value_name = "URL")]
    sdk_git: Option<String>,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let folder = arguments.folder.clone().unwrap_or_else(|| PathBuf::from(&arguments.name));
    let sdk = match (&arguments.sdk, &arguments.sdk_git) {
        (_, Some(url)) => SdkSource::Git { url: url.clone(), revision: None },
        (Some(folder), None) => SdkSource::Path(kit(folder)?),
        (None, None) => SdkSource::Path(nearest_kit()?),
    };
    let written = new_plugin(&folder, &arguments.name, &sdk).map_err(|error| match &error {
        NewError::Name { .. } => Failure::invalid(&error),
        NewError::Exists { .. } | NewError::Write { .. } => Failure::unusable(&error),
    })?;
    for path in written {
        output::data(format_args!("{}\n", path.display()))?;
    }
    let shown = folder.display();
    output::say(format_args!(
        "next: `cargo test` in {shown}, then `pleach plugin build {shown} --out plugins` and `pleach plugin test plugins/{}.wasm`",
        arguments.name
    ));
    Ok(Exit::Done)
}

/// The kit's folder, as a path that holds from anywhere.
fn kit(folder: &Path) -> Result<PathBuf, Failure> {
    let found = folder.join("Cargo.toml").is_file().then(|| folder.canonicalize().ok()).flatten();
    found.ok_or_else(|| Failure::unusable(format!("`{}` is no folder of the strategy kit", folder.display())))
}

fn nearest_kit() -> Result<PathBuf, Failure> {
    let here = std::env::current_dir().map_err(|error| Failure::unusable(format!("no current folder: {error}")))?;
    let found = here.ancestors().map(|folder| folder.join("plugins/sdk")).find(|kit| kit.join("Cargo.toml").is_file());
    found.ok_or_else(|| {
        Failure::invalid("the strategy kit is not here")
            .help("name its folder, --sdk FOLDER, or a repository, --sdk-git URL")
    })
}
