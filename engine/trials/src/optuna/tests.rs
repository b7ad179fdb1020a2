use crate::testing;
use rusqlite::Connection;
use serde_json::Value;

fn texts(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| {
        let columns = row.as_ref().column_count();
        let values: Vec<String> = (0..columns)
            .map(|column| match row.get_ref(column).unwrap() {
                rusqlite::types::ValueRef::Null => "null".to_owned(),
                rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                rusqlite::types::ValueRef::Real(number) => number.to_string(),
                rusqlite::types::ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                rusqlite::types::ValueRef::Blob(_) => "blob".to_owned(),
            })
            .collect();
        Ok(values.join(" "))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_step_is_a_study_and_a_trial_without_every_objective_failed() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("small.sqlite");
    super::optuna(&testing::trials(root.path()), 1_000_000_000.0, &path).unwrap();
    let database = Connection::open(&path).unwrap();
    assert_eq!(
        texts(&database, "SELECT study_name FROM studies ORDER BY study_id"),
        ["small-1/explore", "small-1/final"]
    );
    assert_eq!(
        texts(&database, "SELECT study_id, objective, direction FROM study_directions ORDER BY 1, 2"),
        ["1 0 MAXIMIZE", "1 1 MINIMIZE", "2 0 MAXIMIZE", "2 1 MINIMIZE"]
    );
    assert_eq!(
        texts(&database, "SELECT number, state FROM trials WHERE study_id = 1 ORDER BY trial_id"),
        ["0 COMPLETE", "1 COMPLETE", "2 FAIL", "3 FAIL", "4 RUNNING"]
    );
    assert_eq!(
        texts(
            &database,
            "SELECT datetime_start, datetime_complete FROM trials WHERE trial_id IN (2, 5) ORDER BY trial_id"
        ),
        ["2001-09-09 01:46:41.500000 2001-09-09 01:46:43.000000", "2001-09-09 01:46:40.000000 null"]
    );
    assert_eq!(
        texts(&database, "SELECT trial_id, objective, value, value_type FROM trial_values ORDER BY 1, 2"),
        ["1 0 0.8 FINITE", "1 1 40 FINITE", "2 0 0.9375 FINITE", "2 1 120 FINITE", "6 0 0.85 FINITE", "6 1 40 FINITE"]
    );
    assert_eq!(
        texts(
            &database,
            "SELECT step, intermediate_value FROM trial_intermediate_values WHERE trial_id = 2 ORDER BY step"
        ),
        ["1 0.46875", "2 0.9375"]
    );
    let parameter = |name: &str| {
        let sql = format!("SELECT param_value FROM trial_params WHERE param_name = '{name}' AND trial_id = 2");
        texts(&database, &sql)
    };
    assert_eq!(parameter(testing::DECISIONS[0]), ["1"], "the index of a choice");
    assert_eq!(parameter(testing::DECISIONS[3]), ["0.01"]);
    assert_eq!(parameter(testing::DECISIONS[2]), Vec::<String>::new(), "what does not count has no value");
    let distributions = texts(
        &database,
        &format!(
            "SELECT distribution_json FROM trial_params WHERE trial_id = 1 AND param_name IN ('{}', '{}', '{}') ORDER BY param_name",
            testing::DECISIONS[0],
            testing::DECISIONS[2],
            testing::DECISIONS[3]
        ),
    );
    let distributions: Vec<Value> = distributions.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let names: Vec<&str> = distributions.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["CategoricalDistribution", "IntDistribution", "FloatDistribution"]);
    assert_eq!(distributions[1]["attributes"], serde_json::json!({"log": true, "step": 1, "low": 4, "high": 64}));
    assert_eq!(
        texts(&database, "SELECT trial_id, value_json FROM trial_system_attributes WHERE trial_id < 3 ORDER BY 1"),
        ["1 [-0.6]", "2 [0.2]"],
        "the second trial breaks its requirement by a fifth"
    );
    assert_eq!(
        texts(&database, "SELECT value_json FROM trial_user_attributes WHERE trial_id = 3 AND key = 'failure'"),
        ["\"diverged: at epoch 1\""]
    );
}

#[test]
fn optuna_loads_it() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("small.sqlite");
    super::optuna(&testing::trials(root.path()), 1_000_000_000.0, &path).unwrap();
    let script = r#"
import optuna, sys
storage = "sqlite:///" + sys.argv[1]
print(optuna.get_all_study_names(storage))
study = optuna.load_study(study_name="small-1/explore", storage=storage)
print([direction.name for direction in study.directions], study.metric_names)
for trial in study.trials:
    print(trial.number, trial.state.name, trial.values, trial.intermediate_values, trial.duration)
print(study.trials[0].params)
print([trial.number for trial in study.best_trials])
optuna.copy_study(from_study_name="small-1/final", from_storage=storage, to_storage="sqlite://")
"#;
    let Some(said) = testing::python("optuna", script, &path) else { return };
    let expected = "\
['small-1/explore', 'small-1/final']
['MAXIMIZE', 'MINIMIZE'] ['accuracy', 'parameters']
0 COMPLETE [0.8, 40.0] {1: 0.4, 2: 0.8} 0:00:01.500000
1 COMPLETE [0.9375, 120.0] {1: 0.46875, 2: 0.9375} 0:00:01.500000
2 FAIL None {} 0:00:00.500000
3 FAIL None {1: nan, 2: nan} 0:00:01.500000
4 RUNNING None {} None
";
    assert!(said.starts_with(expected), "{said}");
    assert!(said.contains("'space.training.optimizer.sgd.rate': 0.1"), "{said}");
    assert!(said.ends_with("\n[0]\n"), "the second trial is infeasible: {said}");
}
