//! Begins a plugin: a crate with a small strategy, its native test, and a word on how to go on.

use std::path::{Path, PathBuf};
use std::{fs, io};

use thiserror::Error;

/// How the new crate finds the strategy kit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SdkSource {
    /// A folder, absolute or relative to the new crate.
    Path(PathBuf),
    /// A git repository, with the revision to stay at.
    Git { url: String, revision: Option<String> },
    /// A version from the package registry.
    Version(String),
}

impl SdkSource {
    /// The value of the dependency in a Cargo.toml.
    fn dependency(&self) -> String {
        let quote = |text: &str| serde_json::Value::from(text).to_string();
        match self {
            Self::Path(path) => format!("{{ path = {} }}", quote(&path.display().to_string())),
            Self::Git { url, revision: None } => format!("{{ git = {} }}", quote(url)),
            Self::Git { url, revision: Some(revision) } => {
                format!("{{ git = {}, rev = {} }}", quote(url), quote(revision))
            }
            Self::Version(version) => quote(version),
        }
    }
}

/// Why no plugin was begun.
#[derive(Debug, Error)]
pub enum NewError {
    /// The name would not be accepted in a manifest.
    #[error("`{name}` cannot name a plugin: use lower-case words joined by hyphens, the first beginning with a letter")]
    Name { name: String },
    /// There is something already.
    #[error("{} exists already", folder.display())]
    Exists { folder: PathBuf },
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// Writes a new plugin of this name into a folder that does not exist yet; gives the files written.
///
/// # Errors
/// Where the name does not suit, the folder exists, or a file cannot be written.
pub fn new_plugin(folder: &Path, name: &str, sdk: &SdkSource) -> Result<Vec<PathBuf>, NewError> {
    let word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if !name.split('-').all(word) || !name.starts_with(|first: char| first.is_ascii_lowercase()) || name.len() > 64 {
        return Err(NewError::Name { name: name.to_owned() });
    }
    if folder.exists() {
        return Err(NewError::Exists { folder: folder.to_owned() });
    }
    let camel: String = name.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
    // The template is a crate that compiles, and its own tests run with those of this crate.
    let fill = |template: &str| template.replace("hill-climbing", name).replace("HillClimbing", &camel);
    let manifest = fill(include_str!("../template/Cargo.toml.in")).replace("SDK", &sdk.dependency());
    let files = [
        ("Cargo.toml", manifest),
        ("src/lib.rs", fill(include_str!("../template/src/lib.rs"))),
        ("README.md", fill(include_str!("../template/README.md"))),
        (".gitignore", "target/\n".to_owned()),
    ];
    let mut written = Vec::new();
    for (file, text) in files {
        let path = folder.join(file);
        let parent = path.parent().expect("a file stands in a folder");
        let write = fs::create_dir_all(parent).and_then(|()| fs::write(&path, text));
        write.map_err(|source| NewError::Write { path: path.clone(), source })?;
        written.push(path);
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_no_manifest_takes_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let sdk = SdkSource::Version("0.1".to_owned());
        for name in ["", "Hill", "hill_climb", "-hill", "hill-", "3d", "../hill"] {
            let refused = new_plugin(&folder.path().join("new"), name, &sdk);
            assert!(matches!(refused, Err(NewError::Name { .. })), "{name}");
        }
        assert!(matches!(new_plugin(folder.path(), "hill", &sdk), Err(NewError::Exists { .. })));
    }

    #[test]
    fn the_new_plugin_carries_its_own_name() {
        let folder = tempfile::tempdir().unwrap();
        let sdk = SdkSource::Git { url: "https://example.org/pleach".to_owned(), revision: Some("abc".to_owned()) };
        let files = new_plugin(&folder.path().join("new"), "tabu-search", &sdk).unwrap();
        let texts: Vec<String> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
        assert!(texts.iter().all(|text| !text.contains("hill-climbing") && !text.contains("HillClimbing")));
        assert!(texts[0].contains(r#"pleach-sdk = { git = "https://example.org/pleach", rev = "abc" }"#));
        assert!(texts[1].contains("struct TabuSearch") && texts[1].contains(r#"name: "tabu-search""#));
    }
}

/// The template itself, with its test of a search that climbs.
#[cfg(test)]
#[path = "../template/src/lib.rs"]
mod template;
