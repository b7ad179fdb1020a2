//! Trials as an SQLite storage of Optuna: a study a step.

use crate::TrialsError;
use crate::trials::{StepTrials, Trial, Trials};
use pleach_space::Domain;
use pleach_spec::Objective;
use pleach_store::Outcome;
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use std::path::Path;

/// The number that Optuna no longer raises: its schema goes by the revision in `alembic_version`.
const SCHEMA_VERSION: i64 = 12;

/// Writes the trials to a new SQLite file that `optuna.load_study` and `optuna-dashboard` open.
///
/// Each step with trials is a study `RUN/STEP` with the objectives as its directions. Of a trial, parameters are the decisions that the
/// step decides and that count; intermediate values are the first objective by epoch; user attributes are all metrics, the
/// fidelity, the repeat, the candidate and why it failed; the system attribute `constraints` has the violation of each
/// requirement, above 0 where it is broken. A trial without a value of every objective has the state FAIL. `created` is when
/// the run began, in seconds since 1970: the times shown are those plus the times that trials took.
///
/// # Errors
/// The file cannot be written; one that is there already is not Optuna's or has the same tables.
pub fn optuna(trials: &Trials, created: f64, path: &Path) -> Result<(), TrialsError> {
    write(trials, created, path).map_err(|source| TrialsError::Database { path: path.to_owned(), source })
}

fn write(trials: &Trials, created: f64, path: &Path) -> rusqlite::Result<()> {
    let mut connection = Connection::open(path)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(include_str!("optuna.sql"))?;
    let writer = format!("pleach {}", env!("CARGO_PKG_VERSION"));
    transaction.execute("INSERT INTO version_info VALUES (1, ?1, ?2)", params![SCHEMA_VERSION, writer])?;
    for step in &trials.steps {
        transaction
            .execute("INSERT INTO studies (study_name) VALUES (?1)", [format!("{}/{}", trials.run, step.name)])?;
        let study = transaction.last_insert_rowid();
        for (objective, place) in trials.objectives.iter().zip(0i64..) {
            let direction = match objective {
                Objective::Maximize(_) => "MAXIMIZE",
                Objective::Minimize(_) => "MINIMIZE",
            };
            let sql = "INSERT INTO study_directions (direction, study_id, objective) VALUES (?1, ?2, ?3)";
            transaction.execute(sql, params![direction, study, place])?;
        }
        let names: Vec<String> = trials.objectives.iter().map(|objective| objective.metric().to_string()).collect();
        let sql = "INSERT INTO study_system_attributes (study_id, \"key\", value_json) VALUES (?1, ?2, ?3)";
        transaction.execute(sql, params![study, "study:metric_names", json!(names).to_string()])?;
        let sql = "INSERT INTO study_user_attributes (study_id, \"key\", value_json) VALUES (?1, ?2, ?3)";
        transaction.execute(sql, params![study, "kind", json!(step.kind).to_string()])?;
        for (trial, number) in step.trials.iter().zip(0i64..) {
            write_trial(&transaction, trials, step, trial, study, number, created)?;
        }
    }
    transaction.commit()
}

fn write_trial(
    connection: &Connection,
    trials: &Trials,
    step: &StepTrials,
    trial: &Trial,
    study: i64,
    number: i64,
    created: f64,
) -> rusqlite::Result<()> {
    let record = &trial.record;
    let metric = |name: &str| record.metrics().and_then(|metrics| metrics.get(name)).copied();
    let names: Vec<String> = trials.objectives.iter().map(|objective| objective.metric().to_string()).collect();
    let values: Option<Vec<f64>> = names.iter().map(|name| metric(name).filter(|value| !value.is_nan())).collect();
    let state = match (&record.outcome, &values) {
        (Outcome::Running, _) => "RUNNING",
        (Outcome::Measured(_), Some(_)) => "COMPLETE",
        (Outcome::Measured(_), None) | (Outcome::Failed(_), _) => "FAIL",
    };
    let begun = created + trial.begun;
    let ended = (record.outcome != Outcome::Running).then_some(begun + record.seconds);
    let sql = "INSERT INTO trials (number, study_id, state, datetime_start, datetime_complete) VALUES (?1, ?2, ?3, \
               strftime('%Y-%m-%d %H:%M:%f000', ?4, 'unixepoch'), strftime('%Y-%m-%d %H:%M:%f000', ?5, 'unixepoch'))";
    connection.prepare_cached(sql)?.execute(params![number, study, state, begun, ended])?;
    let id = connection.last_insert_rowid();

    let parameter = |name: &str, value: f64, distribution: &Value| {
        let sql =
            "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) VALUES (?1, ?2, ?3, ?4)";
        connection.prepare_cached(sql)?.execute(params![id, name, value, distribution.to_string()]).map(drop)
    };
    for (decided, value) in step.decided.iter().zip(&record.request.genotype) {
        match decided {
            Ok(place) if trial.active[*place] => {
                let decision = &trials.decisions[*place];
                parameter(&decision.path, *value, &distribution(&decision.domain))?;
            }
            Ok(_) => {}
            // Which of the candidates: as many options as were tried, the same for all trials.
            Err(path) => {
                let place = step.decided.iter().position(|other| other == decided);
                let tried = step.trials.iter().filter_map(|trial| trial.record.request.genotype.get(place?).copied());
                let options = (0..=tried.fold(0.0, f64::max) as u64).map(|option| option.to_string()).collect();
                parameter(path, *value, &distribution(&Domain::Choice(options)))?;
            }
        }
    }
    if let (Some(values), "COMPLETE") = (values, state) {
        for (value, objective) in values.into_iter().zip(0i64..) {
            let (value, kind) = stored(value);
            let sql = "INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (?1, ?2, ?3, ?4)";
            connection.prepare_cached(sql)?.execute(params![id, objective, value, kind])?;
        }
    }
    for (metrics, epoch) in record.curves.iter().zip(1i64..) {
        if let Some(value) = names.first().and_then(|name| metrics.get(name)) {
            let (value, kind) = stored(*value);
            let sql = "INSERT INTO trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type) \
                       VALUES (?1, ?2, ?3, ?4)";
            connection.prepare_cached(sql)?.execute(params![id, epoch, value, kind])?;
        }
    }
    let attribute = |key: &str, value: Value| {
        let sql = "INSERT OR IGNORE INTO trial_user_attributes (trial_id, \"key\", value_json) VALUES (?1, ?2, ?3)";
        connection.prepare_cached(sql)?.execute(params![id, key, value.to_string()]).map(drop)
    };
    for (name, value) in record.metrics().into_iter().flatten() {
        attribute(name, number_or_word(*value))?;
    }
    attribute("fidelity", json!(record.request.fidelity))?;
    attribute("repeat", json!(record.request.repeat))?;
    if let Some(candidate) = record.request.candidate {
        attribute("candidate", json!(candidate))?;
    }
    if let Outcome::Failed(failure) = &record.outcome {
        attribute("failure", json!(format!("{}: {}", failure.reason, failure.message)))?;
    }
    if record.metrics().is_some() && !trials.requirements.is_empty() {
        let violation = |requirement: &pleach_spec::Requirement| {
            let value = requirement.violation(metric(&requirement.metric.to_string()).unwrap_or(f64::NAN));
            value.clamp(f64::MIN, f64::MAX)
        };
        let violations: Vec<f64> = trials.requirements.iter().map(violation).collect();
        let sql = "INSERT INTO trial_system_attributes (trial_id, \"key\", value_json) VALUES (?1, ?2, ?3)";
        connection.prepare_cached(sql)?.execute(params![id, "constraints", json!(violations).to_string()])?;
    }
    Ok(())
}

/// A number as Optuna stores it: the number where it is finite, and its kind.
fn stored(value: f64) -> (Option<f64>, &'static str) {
    match value {
        value if value.is_nan() => (None, "NAN"),
        f64::INFINITY => (None, "INF_POS"),
        f64::NEG_INFINITY => (None, "INF_NEG"),
        value => (Some(value), "FINITE"),
    }
}

/// JSON has no word for what is not finite.
fn number_or_word(value: f64) -> Value {
    if value.is_finite() { json!(value) } else { json!(value.to_string()) }
}

/// What a decision's values are, in Optuna's words.
fn distribution(domain: &Domain) -> Value {
    let named = |name: &str, attributes: Value| json!({"name": name, "attributes": attributes});
    match domain {
        Domain::Choice(options) => named("CategoricalDistribution", json!({"choices": options})),
        Domain::Levels(levels) => named("CategoricalDistribution", json!({"choices": levels})),
        Domain::Integer { low, high, log } => {
            named("IntDistribution", json!({"log": log, "step": 1, "low": low, "high": high}))
        }
        Domain::Real { low, high, log } => {
            named("FloatDistribution", json!({"step": null, "low": low, "high": high, "log": log}))
        }
    }
}

#[cfg(test)]
mod tests;
