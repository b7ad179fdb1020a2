//! Which candidate each row is.

use super::TableError;
use super::sheets::{Place, Sheets};
use crate::command::is_active;
use pleach_data::sheet::Cell;
use pleach_space::{Decision, Domain};

/// The characters of the options, unless told.
const CHARACTERS: &str = "0123456789abcdefghijklmnopqrstuvwxyz";

/// Where a decision's value stands.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// In a column of its own.
    Column(Place),
    /// The character at this place of the code.
    Code(usize),
}

/// What a cell says about a decision.
enum Value {
    Inside(f64),
    /// A number that the decision cannot take.
    Outside,
}

/// Reads genotypes.
pub(super) struct Candidates<'d> {
    decisions: &'d [Decision],
    sources: Vec<Source>,
    /// The code's column and the length that it must have.
    code: Option<(Place, usize)>,
    characters: Vec<char>,
}

/// Whether a description may call a decision so: by its path, its name, or what stands below `space.values`.
pub(super) fn is_called(decision: &Decision, name: &str) -> bool {
    decision.path == name
        || decision.name.as_deref() == Some(name)
        || decision.path.strip_prefix("space.values.") == Some(name)
}

/// What people call a decision.
fn name(decision: &Decision) -> String {
    let path = || decision.path.strip_prefix("space.values.").unwrap_or(&decision.path).to_owned();
    decision.name.clone().unwrap_or_else(path)
}

/// What people call the decisions.
pub(super) fn names(decisions: &[Decision]) -> Vec<String> {
    decisions.iter().map(name).collect()
}

impl<'d> Candidates<'d> {
    /// Looks up where each decision stands; what is missing is added to `errors`.
    pub fn of(
        table: &pleach_spec::Table,
        sheets: &Sheets,
        decisions: &'d [Decision],
        at: &str,
        errors: &mut Vec<TableError>,
    ) -> Candidates<'d> {
        let mut column = |name: &str, pointer: String| match sheets.place(name, &pointer) {
            Ok(place) => Some(place),
            Err(error) => {
                errors.push(error);
                None
            }
        };
        let code = table.code.as_ref();
        let code_column = code.map(|code| column(&code.column, format!("{at}/code/column")));
        let mut own = Vec::new();
        for (called, of) in &table.columns {
            let mut pointer = format!("{at}/columns");
            pleach_spec::push_token(&mut pointer, called);
            own.push((called, column(&of.0, pointer.clone()), pointer));
        }
        for (called, _, pointer) in &own {
            if !decisions.iter().any(|decision| is_called(decision, called)) {
                let (name, pointer, decisions) = ((*called).clone(), pointer.clone(), names(decisions));
                errors.push(TableError::UnknownDecision { name, pointer, decisions });
            }
        }
        let characters: Vec<char> =
            code.and_then(|code| code.characters.as_deref()).unwrap_or(CHARACTERS).chars().collect();
        let mut length = 0;
        let mut sources = Vec::with_capacity(decisions.len());
        for decision in decisions {
            if let Some((_, place, _)) = own.iter().find(|(called, ..)| is_called(decision, called)) {
                // Without a place there is an error already.
                sources.extend(place.map(Source::Column));
            } else if code_column.is_some() {
                let reason = match decision.domain.size() {
                    None => Some("it is a range of numbers with a fraction".to_owned()),
                    Some(size) if size > characters.len() as u64 => {
                        Some(format!("it has {size} values, and there are {} characters", characters.len()))
                    }
                    Some(_) => None,
                };
                errors.extend(reason.map(|reason| TableError::NoCharacter { decision: name(decision), reason }));
                sources.push(Source::Code(length));
                length += 1;
            } else {
                errors.push(TableError::NoColumn { decision: name(decision) });
            }
        }
        let code = code_column.flatten().map(|column| (column, length));
        Candidates { decisions, sources, code, characters }
    }

    /// The columns that are read.
    pub fn places(&self) -> Vec<Place> {
        let own = self.sources.iter().filter_map(|source| match source {
            Source::Column(place) => Some(*place),
            Source::Code(_) => None,
        });
        own.chain(self.code.map(|(place, _)| place)).collect()
    }

    /// The genotype of a row; none where a number in it is outside of the space.
    pub fn genotype(
        &self,
        sheets: &Sheets,
        row: usize,
        scratch: &mut Vec<bool>,
    ) -> Result<Option<Vec<f64>>, TableError> {
        let code: Vec<char> = match self.code {
            None => Vec::new(),
            Some((place, expected)) => {
                // A code of digits may have come as a number, without its leading zeros.
                let code: Vec<char> = match sheets.cell(row, place) {
                    Cell::Number(number) if number >= 0.0 && number.fract() == 0.0 => {
                        format!("{number:0expected$}").chars().collect()
                    }
                    cell => cell.show().chars().collect(),
                };
                if code.len() != expected {
                    let TableError::Cell { file, row, column, .. } = sheets.wrong(row, place, String::new()) else {
                        unreachable!("it is an error about a cell")
                    };
                    let found = code.len();
                    let code = code.into_iter().collect();
                    return Err(TableError::CodeLength { file, row, column, code, found, expected });
                }
                code
            }
        };
        let mut genotype = vec![0.0; self.decisions.len()];
        scratch.clear();
        for (index, (decision, source)) in self.decisions.iter().zip(&self.sources).enumerate() {
            // What a decision that is not active would be is not looked at: some tables leave the cell empty.
            let counts = is_active(decision, &genotype, scratch);
            scratch.push(counts);
            if !counts {
                continue;
            }
            let value = match *source {
                Source::Column(place) => of_cell(sheets, row, place, decision)?,
                Source::Code(place) => self.of_character(sheets, row, code[place], decision)?,
            };
            match value {
                Value::Inside(value) => genotype[index] = value,
                Value::Outside => return Ok(None),
            }
        }
        Ok(Some(genotype))
    }

    fn of_character(
        &self,
        sheets: &Sheets,
        row: usize,
        character: char,
        decision: &Decision,
    ) -> Result<Value, TableError> {
        let size = decision.domain.size().unwrap_or(0) as usize;
        let option = self.characters.iter().take(size).position(|&c| c == character);
        match (option, self.code) {
            (Some(option), _) => Ok(Value::Inside(match decision.domain {
                Domain::Integer { low, .. } => low as f64 + option as f64,
                _ => option as f64,
            })),
            (None, Some((column, _))) => {
                let known: String = self.characters.iter().take(size).collect();
                let problem = format!("has `{character}` for `{}`, which is none of `{known}`", name(decision));
                Err(sheets.wrong(row, column, problem))
            }
            (None, None) => Ok(Value::Outside),
        }
    }
}

fn of_cell(sheets: &Sheets, row: usize, place: Place, decision: &Decision) -> Result<Value, TableError> {
    let cell = sheets.cell(row, place);
    if let Domain::Choice(options) = &decision.domain {
        let number;
        let text = match cell {
            Cell::Text(text) => text,
            other => {
                number = other.show();
                &number
            }
        };
        return match options.iter().position(|option| option == text) {
            Some(option) => Ok(Value::Inside(option as f64)),
            None => {
                let hint = match pleach_spec::suggest(text, options.iter().map(String::as_str)) {
                    Some(likely) => format!("; did you mean `{likely}`?"),
                    None => {
                        format!(
                            "; there are {}",
                            options.iter().map(|o| format!("`{o}`")).collect::<Vec<_>>().join(", ")
                        )
                    }
                };
                Err(sheets.wrong(row, place, format!("is no option of `{}`{hint}", name(decision))))
            }
        };
    }
    let value = cell.number().ok_or_else(|| sheets.wrong(row, place, "is no number".into()))?;
    Ok(match &decision.domain {
        Domain::Levels(levels) => match levels.iter().position(|&level| level == value) {
            Some(level) => Value::Inside(level as f64),
            None => Value::Outside,
        },
        domain if domain.contains(value) => Value::Inside(value),
        _ => Value::Outside,
    })
}
