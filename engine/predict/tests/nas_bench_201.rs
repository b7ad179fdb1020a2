//! Predictors on NAS-Bench-201's cells: how well they order held-out ones, and that they do so again bit by bit.

use pleach_predict::{Candidate, Encoder, Prediction, Surrogate, fit, held_out_tau, kendall_tau};
use pleach_random::Generator;
use pleach_space::{Space, View};
use pleach_spec::{Decide, Predictor};
use std::sync::Arc;

fn repository() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn view() -> View {
    let text = std::fs::read_to_string(repository().join("specs/spaces/nas-bench-201.yaml")).unwrap();
    let section: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    let (space, problems) = Space::compile(&section, "", None);
    let space = Arc::new(space.unwrap_or_else(|| panic!("{problems:?}")));
    let defaults = space.defaults();
    View::new(space, Decide::Architecture, defaults)
}

/// Genotypes and losses of all cells, in a fixed random order.
fn cells(column: &str) -> Vec<(Vec<f64>, f64)> {
    let file = std::fs::File::open(repository().join("tests/data/nas-bench-201.csv.gz")).unwrap();
    let mut reader = csv::Reader::from_reader(flate2::read::GzDecoder::new(file));
    let place = |name: &str, reader: &mut csv::Reader<_>| {
        reader.headers().unwrap().iter().position(|header| header == name).unwrap()
    };
    let (code, value) = (place("code", &mut reader), place(column, &mut reader));
    let cell = |record: Result<csv::StringRecord, csv::Error>| {
        let record = record.unwrap();
        let genotype = record[code].bytes().map(|digit| f64::from(digit - b'0')).collect();
        (genotype, -record[value].parse::<f64>().unwrap())
    };
    let mut cells: Vec<(Vec<f64>, f64)> = reader.records().map(cell).collect();
    Generator::new(7).shuffle(&mut cells);
    cells
}

fn predictor(text: &str) -> Predictor {
    serde_json::from_str(text).unwrap()
}

const ALL: [&str; 4] = [
    r#"{"forest": {"trees": 50}}"#,
    r#"{"boosting": {"rounds": 30}}"#,
    r#"{"gaussian_process": {"kernel": "path"}}"#,
    r#"{"gaussian_process": {"kernel": "hamming", "target": "value"}}"#,
];

/// The tau on about 1,000 held-out cells, the mean over eight draws of the training cells.
fn mean_tau(predictor: &Predictor, column: &str, known: usize) -> f64 {
    const DRAWS: u64 = 8;
    let encoder = Encoder::new(view(), predictor);
    let cells = &cells(column)[..1000 + known];
    let encode = |(genotype, loss): &(Vec<f64>, f64)| (encoder.candidate(genotype, 1.0), *loss);
    let (candidates, losses): (Vec<Candidate>, Vec<f64>) = cells.iter().map(encode).unzip();
    let tau = |draw| held_out_tau(predictor, &candidates, &losses, known, draw).unwrap().unwrap();
    (0..DRAWS).map(tau).sum::<f64>() / DRAWS as f64
}

#[test]
fn a_gaussian_process_over_paths_orders_cells_as_well_as_it_is_known_to() {
    // 0.03 below what 20 draws and all other cells give.
    let process = predictor(r#"{"gaussian_process": {}}"#);
    for (column, expected) in [("c10_val", [0.66, 0.73, 0.77]), ("c100_val", [0.64, 0.71, 0.76])] {
        for (known, expected) in [50, 100, 200].into_iter().zip(expected) {
            let tau = mean_tau(&process, column, known);
            assert!(tau > expected, "{column}, {known} cells: {tau}");
        }
    }
}

#[test]
fn every_predictor_learns_more_from_more_cells() {
    for text in ALL {
        let predictor = predictor(text);
        let (few, many) = (mean_tau(&predictor, "c10_val", 30), mean_tau(&predictor, "c10_val", 200));
        assert!(few > 0.1 && many > few + 0.1 && many > 0.45, "{text}: {few} {many}");
    }
}

#[test]
fn deviations_are_larger_where_errors_are() {
    let cells = cells("c10_val");
    for text in [r#"{"forest": {}}"#, r#"{"gaussian_process": {}}"#, r#"{"boosting": {}}"#] {
        let predictor = predictor(text);
        let encoder = Encoder::new(view(), &predictor);
        let candidates: Vec<Candidate> =
            cells[..600].iter().map(|(genotype, _)| encoder.candidate(genotype, 1.0)).collect();
        let losses: Vec<f64> = cells[..600].iter().map(|(_, loss)| *loss).collect();
        let all: Vec<&Candidate> = candidates.iter().collect();
        let model = fit(&predictor, &all[..100], &losses[..100], 1).unwrap();
        let mut told: Vec<(f64, f64)> = model
            .predict(&all[100..])
            .iter()
            .zip(&losses[100..])
            .map(|(prediction, loss)| (prediction.deviation, (prediction.mean - loss).abs()))
            .collect();
        assert!(told.iter().all(|(deviation, _)| *deviation >= 0.0));
        told.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mean = |part: &[(f64, f64)]| part.iter().map(|(_, error)| error).sum::<f64>() / part.len() as f64;
        let (sure, unsure) = (mean(&told[..250]), mean(&told[250..]));
        assert!(unsure > 1.5 * sure, "{text}: {sure} {unsure}");
    }
}

/// The answers of a search's predictor after each outcome from the fourth on, and its quality at the end.
fn answers(predictor: &Predictor, cells: &[(Vec<f64>, f64)]) -> (Vec<Vec<Prediction>>, Option<f64>) {
    let mut surrogate = Surrogate::new(predictor.clone(), Encoder::new(view(), predictor), 1, 1.0, 5);
    let asked: Vec<Vec<f64>> = cells.iter().rev().take(20).map(|(genotype, _)| genotype.clone()).collect();
    let mut answers = Vec::new();
    for (genotype, loss) in &cells[..12] {
        surrogate.tell(genotype, 1.0, &[*loss]);
        answers.push(surrogate.predict(&asked, 0, &asked[..2]).unwrap());
    }
    (answers, surrogate.quality(0).unwrap())
}

#[test]
fn the_same_outcomes_give_the_same_bits() {
    let cells = cells("c10_val");
    for text in ALL {
        let predictor = predictor(text);
        let once = answers(&predictor, &cells);
        let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        for threads in [1, 3] {
            assert_eq!(pool(threads).install(|| answers(&predictor, &cells)), once, "{text} {threads}");
        }
        assert!(once.0[3].is_empty() && once.0[4].len() == 20);
        assert!(once.1.is_some_and(|quality| (-1.0..=1.0).contains(&quality)));
    }
}

#[test]
fn answers_do_not_depend_on_when_was_asked() {
    let cells = cells("c10_val");
    let predictor = predictor(r#"{"gaussian_process": {}}"#);
    let asked: Vec<Vec<f64>> = cells.iter().rev().take(5).map(|(genotype, _)| genotype.clone()).collect();
    let mut often = Surrogate::new(predictor.clone(), Encoder::new(view(), &predictor), 1, 1.0, 5);
    let mut once = Surrogate::new(predictor.clone(), Encoder::new(view(), &predictor), 1, 1.0, 5);
    for (genotype, loss) in &cells[..123] {
        often.tell(genotype, 1.0, &[*loss]);
        once.tell(genotype, 1.0, &[*loss]);
        if often.predict(&asked, 0, &[]).unwrap().len() == 5 {
            often.predict(&asked, 0, &asked[..1]).unwrap();
        }
    }
    assert_eq!(often.predict(&asked, 0, &[]).unwrap(), once.predict(&asked, 0, &[]).unwrap());
}

#[test]
fn what_is_pending_counts_as_if_it_had_come_out_as_predicted() {
    let cells = cells("c10_val");
    let predictor = predictor(r#"{"gaussian_process": {}}"#);
    let mut surrogate = Surrogate::new(predictor.clone(), Encoder::new(view(), &predictor), 1, 1.0, 5);
    for (genotype, loss) in &cells[..60] {
        surrogate.tell(genotype, 1.0, &[*loss]);
    }
    let asked: Vec<Vec<f64>> = cells[100..110].iter().map(|(genotype, _)| genotype.clone()).collect();
    let before = surrogate.predict(&asked, 0, &[]).unwrap();
    let after = surrogate.predict(&asked, 0, &asked).unwrap();
    let sum = |predictions: &[Prediction]| predictions.iter().map(|prediction| prediction.deviation).sum::<f64>();
    assert!(sum(&after) < 0.8 * sum(&before), "{before:?} {after:?}");
    let means = |predictions: &[Prediction]| predictions.iter().map(|prediction| prediction.mean).collect::<Vec<_>>();
    assert!(kendall_tau(&means(&before), &means(&after)).unwrap() > 0.8);
    assert_eq!(surrogate.predict(&asked, 0, &[]).unwrap(), before);
}
