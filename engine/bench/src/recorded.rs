//! Figures as CSV, ours and those of other tools: a row a task, strategy and point.

use crate::figures::{Figures, Look};
use serde::{Deserialize, Serialize};

/// What cannot be read.
#[derive(Debug, thiserror::Error)]
#[error(
    "these are no recorded figures: {0}; columns are task, strategy, at, mean, and as far as known seeds, margin, median, found, median_evaluations, evaluations_95, microseconds"
)]
pub struct RecordedError(#[from] csv::Error);

#[derive(Debug, Serialize, Deserialize)]
struct Row {
    task: String,
    strategy: String,
    seeds: Option<u32>,
    at: f64,
    mean: f64,
    margin: Option<f64>,
    median: Option<f64>,
    found: Option<f64>,
    median_evaluations: Option<f64>,
    evaluations_95: Option<f64>,
    microseconds: Option<f64>,
}

/// Figures as CSV.
///
/// # Errors
/// Never for what fits into memory.
pub fn write(figures: &[Figures]) -> Result<String, RecordedError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for figures in figures {
        for look in &figures.looks {
            writer.serialize(Row {
                task: figures.task.clone(),
                strategy: figures.strategy.clone(),
                seeds: Some(figures.seeds),
                at: look.at,
                mean: look.mean,
                margin: Some(look.margin),
                median: Some(look.median),
                found: Some(figures.found),
                median_evaluations: figures.median_evaluations,
                evaluations_95: figures.evaluations_95,
                microseconds: Some(figures.microseconds),
            })?;
        }
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Reads what [`write`] wrote, or the same by other tools. What is not known may be left empty, its column left out.
///
/// # Errors
/// A row is none.
pub fn read(text: &str) -> Result<Vec<Figures>, RecordedError> {
    let mut all: Vec<Figures> = Vec::new();
    for row in csv::Reader::from_reader(text.as_bytes()).deserialize() {
        let row: Row = row?;
        let known = all.iter_mut().find(|figures| figures.task == row.task && figures.strategy == row.strategy);
        let figures = match known {
            Some(figures) => figures,
            None => {
                all.push(Figures {
                    task: row.task,
                    strategy: row.strategy,
                    seeds: row.seeds.unwrap_or_default(),
                    looks: Vec::new(),
                    found: row.found.unwrap_or(f64::NAN),
                    median_evaluations: row.median_evaluations,
                    evaluations_95: row.evaluations_95,
                    microseconds: row.microseconds.unwrap_or(f64::NAN),
                });
                all.last_mut().expect("it was just pushed")
            }
        };
        let (margin, median) = (row.margin.unwrap_or(f64::NAN), row.median.unwrap_or(f64::NAN));
        figures.looks.push(Look { at: row.at, mean: row.mean, margin, median, difference: None });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let look = |at, mean| Look { at, mean, margin: 0.5, median: 1.0, difference: None };
        let figures = Figures {
            task: "a".into(),
            strategy: "b".into(),
            seeds: 3,
            looks: vec![look(50.0, 2.0), look(100.0, 1.0)],
            found: 0.25,
            median_evaluations: None,
            evaluations_95: None,
            microseconds: 4.0,
        };
        let text = write(std::slice::from_ref(&figures)).unwrap();
        assert_eq!(read(&text).unwrap(), [figures]);
        let other = read("task,strategy,at,mean\na,other tool,50,0.81\na,other tool,100,0.56\n").unwrap();
        assert_eq!((other.len(), other[0].looks.len()), (1, 2));
        assert!(other[0].looks[0].margin.is_nan() && other[0].found.is_nan());
        assert!(read("tool,regret\nx,1\n").unwrap_err().to_string().contains("columns are task"));
    }
}
