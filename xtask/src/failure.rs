//! What went wrong, and what the reader can do about it.

use std::fmt;

/// The result of anything here that can fail.
pub type Outcome<T = ()> = Result<T, Failure>;

/// A failure: what happened, and what to do about it.
#[derive(Debug)]
pub struct Failure {
    what: String,
    remedy: Option<String>,
    code: u8,
}

impl Failure {
    /// Exit code of a failed stage: the one cargo uses, so that it differs from every exit code of `pleach` itself.
    const STAGE: u8 = 101;
    /// Exit code of arguments that are not understood.
    const USAGE: u8 = 2;

    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: None, code: Self::STAGE }
    }

    pub fn usage(what: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: Some("`cargo xtask help` lists the commands".into()), code: Self::USAGE }
    }

    /// Adds what to do; lines after the first are indented below it.
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Adds what to do unless the failure says so already.
    pub fn remedy_if_none(self, remedy: impl Into<String>) -> Self {
        if self.remedy.is_some() { self } else { self.remedy(remedy) }
    }

    pub fn code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "error: {}", self.what.trim_end())?;
        if let Some(remedy) = &self.remedy {
            write!(out, "\nto fix: {}", remedy.trim_end().replace('\n', "\n        "))?;
        }
        Ok(())
    }
}

/// Names the file or folder that an operating system error is about, which `std::io::Error` leaves out.
pub trait AtPath<T> {
    fn at(self, doing: &str, path: &std::path::Path) -> Outcome<T>;
}

impl<T> AtPath<T> for std::io::Result<T> {
    fn at(self, doing: &str, path: &std::path::Path) -> Outcome<T> {
        self.map_err(|error| Failure::new(format!("cannot {doing} `{}`: {error}", path.display())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remedies_keep_their_lines_below_one_another() {
        let failure = Failure::new("no compiler").remedy("install one:\n  apt-get install g++");
        assert_eq!(failure.to_string(), "error: no compiler\nto fix: install one:\n          apt-get install g++");
    }

    #[test]
    fn errors_of_files_name_the_file() {
        let path = std::path::Path::new("/no/such/file");
        let failure = std::fs::read(path).at("read", path).unwrap_err();
        assert!(failure.to_string().starts_with("error: cannot read `/no/such/file`: "));
    }
}
