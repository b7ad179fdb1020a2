use pleach_data::sheet::SheetError;
use std::path::PathBuf;

/// What is wrong with a table, or with what an experiment says about it.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The description names no file.
    #[error("the table names no `file`")]
    NoFile {
        /// The place in the experiment, as a JSON pointer.
        pointer: String,
    },
    /// A published table lies in no cache.
    #[error("{message}")]
    NotFetched {
        /// Which, and what to do.
        message: String,
        /// The place in the experiment.
        pointer: String,
    },
    /// A file cannot be read.
    #[error("{source}")]
    Sheet {
        /// Why.
        source: SheetError,
        /// The place in the experiment.
        pointer: String,
    },
    /// The experiment names a column that the table does not have.
    #[error("`{}` has no column `{column}`", file.display())]
    MissingColumn {
        /// The file.
        file: PathBuf,
        /// The column.
        column: String,
        /// The place in the experiment, as a JSON pointer.
        pointer: String,
        /// The columns that there are.
        columns: Vec<String>,
    },
    /// Something is said of a decision that the space does not have.
    #[error("the space has no decision `{name}`")]
    UnknownDecision {
        /// The name or path.
        name: String,
        /// The place in the experiment.
        pointer: String,
        /// The names and paths that there are.
        decisions: Vec<String>,
    },
    /// Neither a column nor a code says what a decision is in a row.
    #[error("the table does not say what `{decision}` is")]
    NoColumn {
        /// The decision's path.
        decision: String,
    },
    /// A code has no character for the decision: a range of numbers with a fraction, or more options than characters.
    #[error("a character of a code cannot say what `{decision}` is: {reason}")]
    NoCharacter {
        /// The decision's path.
        decision: String,
        /// Why.
        reason: String,
    },
    /// Equal candidates cannot be found.
    #[error("{problem}")]
    Merge {
        /// Why.
        problem: String,
        /// The place in the experiment.
        pointer: String,
    },
    /// A code of another length than there are decisions.
    #[error(
        "`{}`, {row}, column `{column}`: the code `{code}` has {found} characters where {expected} decisions need one each",
        file.display()
    )]
    CodeLength {
        /// The file.
        file: PathBuf,
        /// Where the row stands, such as `line 7`.
        row: String,
        /// The column.
        column: String,
        /// The code.
        code: String,
        /// Its length.
        found: usize,
        /// The number of decisions that it stands for.
        expected: usize,
    },
    /// A cell holds what cannot be there.
    #[error("`{}`, {row}, column `{column}`: `{cell}` {problem}", file.display())]
    Cell {
        /// The file.
        file: PathBuf,
        /// Where the row stands, such as `line 7`.
        row: String,
        /// The column.
        column: String,
        /// What it holds.
        cell: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Two rows are one candidate.
    #[error("`{}`: {first} and {second} are the same candidate", file.display())]
    Twice {
        /// The file.
        file: PathBuf,
        /// Where the first stands.
        first: String,
        /// Where the second stands.
        second: String,
    },
    /// No row is a candidate of the space.
    #[error("`{}`: none of its {rows} rows is a candidate of the space", file.display())]
    NoRows {
        /// The file.
        file: PathBuf,
        /// The number of rows.
        rows: u64,
    },
}

impl TableError {
    /// The place in the experiment that the error is about, as a JSON pointer.
    pub fn pointer(&self) -> String {
        match self {
            TableError::NoFile { pointer }
            | TableError::NotFetched { pointer, .. }
            | TableError::Sheet { pointer, .. }
            | TableError::MissingColumn { pointer, .. }
            | TableError::UnknownDecision { pointer, .. }
            | TableError::Merge { pointer, .. } => pointer.clone(),
            TableError::NoColumn { .. } => "/evaluator/table".into(),
            TableError::NoCharacter { .. } | TableError::CodeLength { .. } => "/evaluator/table/code".into(),
            TableError::Cell { .. } | TableError::Twice { .. } | TableError::NoRows { .. } => {
                "/evaluator/table/file".into()
            }
        }
    }

    /// What to do, where that is known.
    pub fn help(&self) -> Option<String> {
        match self {
            TableError::MissingColumn { column, columns, .. } => Some(likely(column, columns)),
            TableError::UnknownDecision { name, decisions, .. } => Some(likely(name, decisions)),
            TableError::NoColumn { decision } => {
                Some(format!("name its column, `columns: {{'{decision}': COLUMN}}`, or the column of a `code`"))
            }
            TableError::NoCharacter { decision, .. } => {
                Some(format!("name a column of its own, `columns: {{'{decision}': COLUMN}}`"))
            }
            TableError::Twice { .. } => {
                Some("give the table one row a candidate, with one column a training seed".into())
            }
            TableError::NoRows { .. } => {
                Some("compare the options and ranges of the space with the table's cells".into())
            }
            _ => None,
        }
    }
}

fn likely(word: &str, candidates: &[String]) -> String {
    let list = || candidates.iter().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(", ");
    match pleach_spec::suggest(word, candidates.iter().map(String::as_str)) {
        Some(likely) => format!("did you mean `{likely}`?"),
        None => format!("there are {}", list()),
    }
}
