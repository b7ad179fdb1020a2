//! Trials as a Parquet file, for pandas, Polars, DuckDB and others.

use crate::TrialsError;
use crate::trials::{StepTrials, Trial, Trials, Value};
use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::Result;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;
use pleach_space::Domain;
use pleach_store::Outcome;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// A value a row; none where there is none.
enum Column {
    Text(Vec<Option<String>>),
    Whole(Vec<Option<i64>>),
    Real(Vec<Option<f64>>),
    Truth(Vec<Option<bool>>),
}

/// Writes the trials as one Parquet file, uncompressed: the columns of `trials.csv` with their types. Text: `step`, `state`,
/// options, `parents` (ids separated by spaces), `failure`; 64-bit whole numbers: `id`, `repeat`, `candidate`, ranges of whole
/// numbers; truth values: `cached`; 64-bit floating-point numbers: all else. What is empty in CSV is null. The metadata name the `run`.
///
/// # Errors
/// The file cannot be written.
pub fn parquet(trials: &Trials, path: &Path) -> std::result::Result<(), TrialsError> {
    let file = File::create(path).map_err(|source| TrialsError::Write { path: path.to_owned(), source })?;
    write(trials, file).map_err(|source| TrialsError::Parquet { path: path.to_owned(), source })
}

fn write(trials: &Trials, file: File) -> Result<()> {
    let columns = columns(trials);
    let fields = columns.iter().map(|(name, column)| {
        let (physical, logical) = match column {
            Column::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Column::Whole(_) => (Physical::INT64, None),
            Column::Real(_) => (Physical::DOUBLE, None),
            Column::Truth(_) => (Physical::BOOLEAN, None),
        };
        let field = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
        field.with_logical_type(logical).build().map(Arc::new)
    });
    let schema = Type::group_type_builder("trials").with_fields(fields.collect::<Result<_>>()?).build()?;
    let metadata = vec![KeyValue { key: "run".to_owned(), value: Some(trials.run.clone()) }];
    let properties = WriterProperties::builder()
        .set_created_by(format!("pleach {}", env!("CARGO_PKG_VERSION")))
        .set_key_value_metadata(Some(metadata))
        .build();
    let mut file = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))?;
    let mut group = file.next_row_group()?;
    for (_, column) in columns {
        match column {
            Column::Text(values) => {
                let bytes = values.into_iter().map(|text| text.map(|text| ByteArray::from(text.into_bytes())));
                write_column::<ByteArrayType>(&mut group, bytes.collect())?;
            }
            Column::Whole(values) => write_column::<Int64Type>(&mut group, values)?,
            Column::Real(values) => write_column::<DoubleType>(&mut group, values)?,
            Column::Truth(values) => write_column::<BoolType>(&mut group, values)?,
        }
    }
    group.close()?;
    file.close().map(drop)
}

fn write_column<T: DataType>(group: &mut SerializedRowGroupWriter<'_, File>, values: Vec<Option<T::T>>) -> Result<()> {
    let present: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let values: Vec<T::T> = values.into_iter().flatten().collect();
    if let Some(mut column) = group.next_column()? {
        column.typed::<T>().write_batch(&values, Some(&present), None)?;
        column.close()?;
    }
    Ok(())
}

/// The columns of `trials.csv`, in their order.
fn columns(trials: &Trials) -> Vec<(String, Column)> {
    fn all<'t, T>(trials: &'t Trials, value: impl Fn(&'t StepTrials, &'t Trial) -> Option<T>) -> Vec<Option<T>> {
        trials.rows().map(|(step, trial)| value(step, trial)).collect()
    }
    let text = |value: &dyn Fn(&StepTrials, &Trial) -> Option<String>| Column::Text(all(trials, value));
    let whole = |value: &dyn Fn(&Trial) -> Option<i64>| Column::Whole(all(trials, |_, trial| value(trial)));
    let real = |value: &dyn Fn(&Trial) -> Option<f64>| Column::Real(all(trials, |_, trial| value(trial)));
    let mut columns = vec![
        ("step".to_owned(), text(&|step, _| Some(step.name.clone()))),
        ("id".to_owned(), whole(&|trial| Some(trial.record.id as i64))),
        ("state".to_owned(), text(&|_, trial| Some(trial.record.outcome.state().to_owned()))),
        ("fidelity".to_owned(), real(&|trial| Some(trial.record.request.fidelity))),
        ("repeat".to_owned(), whole(&|trial| Some(trial.record.request.repeat.into()))),
        ("candidate".to_owned(), whole(&|trial| trial.record.request.candidate.map(i64::from))),
    ];
    for (place, decision) in trials.decisions.iter().enumerate() {
        let column = match decision.domain {
            Domain::Choice(_) => text(&|_, trial| match trial.value(&trials.decisions, place)? {
                Value::Label(label) => Some(label.to_owned()),
                Value::Integer(_) | Value::Real(_) => None,
            }),
            Domain::Integer { .. } => whole(&|trial| match trial.value(&trials.decisions, place)? {
                Value::Integer(number) => Some(number),
                Value::Label(_) | Value::Real(_) => None,
            }),
            Domain::Levels(_) | Domain::Real { .. } => real(&|trial| match trial.value(&trials.decisions, place)? {
                Value::Real(number) => Some(number),
                Value::Label(_) | Value::Integer(_) => None,
            }),
        };
        columns.push((decision.path.clone(), column));
    }
    for name in &trials.metrics {
        columns.push((name.clone(), real(&|trial| trial.record.metrics()?.get(name).copied())));
    }
    let parents = |trial: &Trial| {
        let ids: Vec<String> = trial.record.request.parents.iter().map(u64::to_string).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    };
    columns.extend([
        ("start".to_owned(), real(&|trial| Some(trial.record.start))),
        ("end".to_owned(), real(&|trial| Some(trial.record.end))),
        ("cost".to_owned(), real(&|trial| Some(trial.record.cost))),
        ("parents".to_owned(), text(&|_, trial| parents(trial))),
        ("seconds".to_owned(), real(&|trial| Some(trial.record.seconds))),
        ("cached".to_owned(), Column::Truth(all(trials, |_, trial| Some(trial.record.cached)))),
        (
            "failure".to_owned(),
            text(&|_, trial| match &trial.record.outcome {
                Outcome::Failed(failure) => Some(failure.reason.clone()),
                Outcome::Running | Outcome::Measured(_) => None,
            }),
        ),
    ]);
    columns
}

#[cfg(test)]
mod tests;
