use crate::testing;

#[test]
fn csv_has_a_row_a_trial_with_the_values_of_what_counts() {
    let root = tempfile::tempdir().unwrap();
    let trials = testing::trials(root.path());
    let path = root.path().join("small.csv");
    trials.csv(&path).unwrap();
    let mut reader = csv::Reader::from_path(&path).unwrap();
    let header = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let column = |name: &str| -> Vec<&str> {
        let place = header.iter().position(|known| known == name).unwrap_or_else(|| panic!("no column {name}"));
        rows.iter().map(|row| row.get(place).unwrap()).collect()
    };
    assert_eq!(column("step"), ["explore", "explore", "explore", "explore", "explore", "final"]);
    assert_eq!(column("state"), ["measured", "measured", "failed", "measured", "running", "measured"]);
    assert_eq!(column(testing::DECISIONS[0]), ["3", "5", "3", "3", "3", "3"]);
    assert_eq!(column(testing::DECISIONS[2]), ["16", "", "", "", "", "16"], "only where its option was picked");
    assert_eq!(column(testing::DECISIONS[3]), ["0.1", "0.01", "0.3", "0.3", "0.3", "0.1"]);
    assert_eq!(column("accuracy"), ["0.8", "0.9375", "", "NaN", "", "0.85"]);
    assert_eq!(column("end"), ["2", "3", "4", "5", "4", "2"]);
    assert_eq!(column("candidate"), ["", "", "", "", "", "0"]);
}

#[test]
fn times_follow_one_another_on_each_worker() {
    let root = tempfile::tempdir().unwrap();
    let trials = testing::trials(root.path());
    let begun: Vec<f64> = trials.rows().map(|(_, trial)| trial.begun).collect();
    assert_eq!(begun, [0.0, 1.5, 0.0, 3.0, 0.0, 4.5]);
}
