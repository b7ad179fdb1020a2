use std::path::PathBuf;

/// What is wrong with a table, or with what an experiment says about it.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file cannot be read.
    #[error("cannot read the table `{}`: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A line is no CSV, or has another number of fields than the header.
    #[error("`{}`, line {line}: {message}", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        message: String,
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
    /// A column is given for a decision that the space does not have.
    #[error("the space has no decision `{name}`")]
    UnknownDecision {
        /// The name or path.
        name: String,
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
    /// A code of another length than there are decisions.
    #[error(
        "`{}`, line {line}, column `{column}`: the code `{code}` has {found} characters where {expected} decisions need one each",
        file.display()
    )]
    CodeLength {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
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
    #[error("`{}`, line {line}, column `{column}`: `{cell}` {problem}", file.display())]
    Cell {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The column.
        column: String,
        /// What it holds.
        cell: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Two rows are one candidate.
    #[error("`{}`: lines {first} and {second} are the same candidate", file.display())]
    Twice {
        /// The file.
        file: PathBuf,
        /// The first line, from 1.
        first: u64,
        /// The second line.
        second: u64,
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
            TableError::MissingColumn { pointer, .. } => pointer.clone(),
            TableError::UnknownDecision { name, .. } => {
                let mut pointer = "/evaluator/table/columns".to_owned();
                pleach_spec::push_token(&mut pointer, name);
                pointer
            }
            TableError::NoColumn { .. } => "/evaluator/table".into(),
            TableError::NoCharacter { .. } | TableError::CodeLength { .. } => "/evaluator/table/code".into(),
            _ => "/evaluator/table/path".into(),
        }
    }

    /// What to do, where that is known.
    pub fn help(&self) -> Option<String> {
        match self {
            TableError::MissingColumn { column, columns, .. } => Some(likely(column, columns)),
            TableError::UnknownDecision { name, decisions } => Some(likely(name, decisions)),
            TableError::NoColumn { decision } => {
                Some(format!("name its column, `columns: {{'{decision}': COLUMN}}`, or the column of a `code`"))
            }
            TableError::NoCharacter { decision, .. } => {
                Some(format!("name a column of its own, `columns: {{'{decision}': COLUMN}}`"))
            }
            TableError::Twice { .. } => {
                Some("give the table one row a candidate, such as the mean of its repeats".into())
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
