use crate::{Description, Kind};
use std::fmt::Write;

/// Writes a runnable, commented experiment for a data set: a space suited to its size, a search, a final training, an
/// export.
///
/// `path` is written into it as it stands: the data set's path, relative to the folder in which the experiment will lie.
pub fn new_experiment(path: &str, description: &Description) -> String {
    let name = experiment_name(path);
    let examples = description.examples.unwrap_or(60_000);
    let batch = format!("{:<34}", format!("batch: {}", batch_size(examples)));
    let dataset = dataset(path, &description.kind);
    let about = about(description);
    let split = if description.own_test {
        "{validation: 0.1}          # of the training part; the set's own test part is seen at the end only"
    } else {
        "{validation: 0.2, test: 0.2}  # a search sees validation examples, and never test examples"
    };
    let space = match description.shape.as_slice() {
        [_, height, width] => image_space(*height, *width, examples),
        _ => table_space(examples),
    };
    format!(
        "\
# {about}
# `pleach check` finds mistakes, `pleach run` runs it, `pleach run --smoke` tries every step on one candidate.
version: 1
name: {name}
seed: 7                             # everything random derives from it: the same seed gives the same run

data:
  dataset:
{dataset}
  {batch}# examples a training step
  split: {split}

space:                              # any value below may be a decision: one_of, int or float
{space}
objectives:                         # the most important first
  - maximize: accuracy
  - minimize: parameters

steps:
  explore:                          # a strategy looks for good candidates, each trained for a quarter of the epochs
    search:
      strategy: regularized-evolution
      with: {{population: 16, sample: 4}}
      budget: {{trials: 40}}          # more trials find better networks
      fidelity: 0.25
  final:                            # the best three, trained in full on three seeds each
    train: {{candidates: \"top(explore, 3)\", repeats: 3}}
  ship:                             # the best of them as files
    export: {{candidates: best(final), formats: [torchscript, onnx, safetensors, pytorch, yaml]}}
"
    )
}

fn dataset(path: &str, kind: &Kind) -> String {
    let path = scalar(path);
    match kind {
        Kind::Folder => format!("    folder: {path}"),
        Kind::Idx => format!("    idx: {path}"),
        Kind::Cifar10 => format!("    cifar_10: {path}"),
        Kind::Cifar100 => format!("    cifar_100: {path}"),
        Kind::Csv { target, .. } => format!(
            "    csv:\n      path: {path}\n      target: {}  # the column that holds the class; all others are features",
            scalar(target)
        ),
    }
}

/// One line that says what was found.
fn about(description: &Description) -> String {
    let shape = match description.shape.as_slice() {
        [1, height, width] => format!("grey images of {height}x{width} pixels"),
        [_, height, width] => format!("colour images of {height}x{width} pixels"),
        [features] => format!("examples of {features} features"),
        other => format!("examples of the shape {other:?}"),
    };
    let mut line = description.examples.map_or(String::new(), |examples| format!("{examples} "));
    let _ = write!(line, "{shape}, {} classes", description.classes.len()); // writing to a text cannot fail
    let names = description.classes.join(", ");
    if names.len() <= 60 && !names.chars().any(char::is_control) {
        let _ = write!(line, ": {names}");
    }
    line.push('.');
    line
}

/// Convolutions in stages: each but the first halves height and width, down to about 6 pixels.
fn image_space(height: usize, width: usize, examples: usize) -> String {
    let mut side = height.min(width);
    let mut text = String::from("  network:                          # layers, one after another\n");
    let large = side >= 64;
    let stem = if large { ", stride: 2" } else { "" };
    let _ = writeln!(text, "    - conv: {{channels: {{one_of: [16, 32]}}, kernel: {{one_of: [3, 5]}}{stem}}}");
    if large {
        side = side.div_ceil(2);
    }
    text.push_str(STAGE);
    let mut narrow = 16;
    while side > 8 {
        side = side.div_ceil(2);
        narrow = (2 * narrow).min(64);
        let wide = 2 * narrow;
        let _ = writeln!(
            text,
            "    - conv: {{channels: {{one_of: [{narrow}, {wide}]}}, stride: 2}}  # halves height and width"
        );
        text.push_str(STAGE);
    }
    text.push_str("    - global_pool: average\n    - linear: classes\n");
    let epochs = epochs(examples);
    let crop = (height.min(width) / 8).min(16);
    let _ = write!(
        text,
        "  training:
    epochs: {epochs}
    optimizer: {{sgd: {{rate: {{float: [1.0e-2, 0.3], log: true, default: 0.05}}, momentum: 0.9, weight_decay: 1.0e-4}}}}
    augment: {{crop: {crop}, flip: false}}  # `flip: true` where a mirrored image keeps its class
  require: [\"parameters <= 1_000_000\"]  # candidates that break it are never trained
"
    );
    text
}

const STAGE: &str = "    - repeat:
        times: {int: [1, 3]}
        body:
          - residual:
              - one_of:
                  - conv: {kernel: 3}
                  - separable_conv: {kernel: 5}
                  - identity
";

/// A perceptron of one to four hidden layers.
fn table_space(examples: usize) -> String {
    let epochs = 2 * epochs(examples);
    format!(
        "  network:                          # layers, one after another
    - linear: {{features: {{one_of: [32, 64, 128]}}, activation: relu}}
    - repeat:
        times: {{int: [0, 3]}}
        fresh: true                 # each repetition is decided by itself
        body:
          - linear: {{features: {{one_of: [32, 64, 128]}}, activation: relu}}
          - dropout: {{one_of: [0.0, 0.1, 0.3]}}
    - linear: classes
  training:
    epochs: {epochs}
    optimizer: {{adamw: {{rate: {{float: [1.0e-4, 1.0e-2], log: true, default: 1.0e-3}}, weight_decay: 1.0e-2}}}}
  require: [\"parameters <= 200_000\"]  # candidates that break it are never trained
"
    )
}

fn batch_size(examples: usize) -> usize {
    match examples {
        0..500 => 16,
        500..1500 => 32,
        1500..20_000 => 64,
        _ => 128,
    }
}

/// Fewer for larger sets; multiples of 4, so that a quarter of them is a whole number.
fn epochs(examples: usize) -> usize {
    match examples {
        0..1000 => 32,
        1000..5000 => 20,
        5000..20_000 => 12,
        _ => 8,
    }
}

/// A name after the path's last part without its extensions, of the characters that names may have.
fn experiment_name(path: &str) -> String {
    let last = path.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or("");
    let last = last.strip_suffix(".gz").unwrap_or(last);
    let last = [".csv", ".tsv", ".txt"].iter().find_map(|extension| last.strip_suffix(extension)).unwrap_or(last);
    let allowed = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    let name: String = last.chars().map(allowed).collect();
    let name: String = name.trim_start_matches(['.', '_', '-']).trim_end_matches('-').chars().take(64).collect();
    // A name of digits alone would be a number in YAML.
    match name.chars().next() {
        None => "experiment".to_owned(),
        Some(first) if first.is_ascii_alphabetic() && !is_yaml_word(&name) => name,
        Some(_) => format!("data-{name}").chars().take(64).collect(),
    }
}

/// The text as a YAML scalar that is a string: plain where that is beyond doubt, else quoted.
fn scalar(text: &str) -> String {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'))
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '.' || c == '/')
        && text.parse::<f64>().is_err()
        && !is_yaml_word(text);
    // A JSON string is a double-quoted YAML scalar.
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

fn is_yaml_word(text: &str) -> bool {
    let words = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", ".inf", ".nan", "inf", "nan"];
    words.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use pleach_spec::{Csv, Dataset, Document, Experiment};

    fn description(kind: Kind, shape: &[usize], examples: usize) -> Description {
        let classes = vec!["a".to_owned(), "b: #c".to_owned()];
        Description { kind, shape: shape.to_vec(), classes, examples: Some(examples), own_test: false }
    }

    fn experiment(path: &str, description: &Description) -> Experiment {
        let text = new_experiment(path, description);
        let reader = |_: &str| Err(std::io::ErrorKind::NotFound.into());
        let document = Document::load("new.yaml", &text, &reader, &[]);
        let diagnostics = document.check();
        assert!(diagnostics.is_empty(), "{diagnostics:#?}\n{text}");
        document.experiment().unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}\n{text}"))
    }

    #[test]
    fn every_kind_and_size_makes_a_valid_experiment() {
        let table = Kind::Csv { target: "y".into(), columns: vec!["x".into(), "y".into()] };
        let cases = [
            (Kind::Folder, vec![3, 224, 300], 90),
            (Kind::Folder, vec![1, 5, 7], 700),
            (Kind::Folder, vec![3, 1, 1], 3_000),
            (Kind::Idx, vec![1, 28, 28], 70_000),
            (Kind::Cifar10, vec![3, 32, 32], 60_000),
            (Kind::Cifar100, vec![3, 32, 32], 6_000),
            (table, vec![4], 150),
        ];
        for (kind, shape, examples) in cases {
            for own_test in [false, true] {
                let described = Description { own_test, ..description(kind.clone(), &shape, examples) };
                let experiment = experiment("./my data/flowers", &described);
                let data = experiment.data.expect("it names its data");
                let path = match data.dataset {
                    Dataset::Folder(path) | Dataset::Idx(path) | Dataset::Cifar10(path) | Dataset::Cifar100(path) => {
                        path
                    }
                    Dataset::Csv(csv) => csv.path,
                    other => panic!("{other:?}"),
                };
                assert_eq!((path.as_str(), experiment.name.as_str()), ("./my data/flowers", "flowers"));
                assert_eq!(experiment.steps.keys().collect::<Vec<_>>(), ["explore", "final", "ship"]);
                assert_eq!(data.split.test.is_some(), !own_test);
            }
        }
    }

    #[test]
    fn paths_and_columns_come_through_whatever_they_hold() {
        for (path, target) in [
            ("./a.csv", "y"),
            ("C:\\data\\a b.csv", "kind: of"),
            ("../\"quoted\" #1/ü.csv.gz", "no"),
            ("12.csv", "12"),
            ("-/.5", "~"),
            ("/data/{a, b}/*.csv", "'single' %"),
        ] {
            let kind = Kind::Csv { target: target.into(), columns: vec![] };
            let experiment = experiment(path, &description(kind, &[3], 100));
            let expected = Csv { path: path.into(), target: target.into(), shape: None };
            assert_eq!(experiment.data.map(|data| data.dataset), Some(Dataset::Csv(expected)));
        }
    }

    #[test]
    fn names_keep_to_the_characters_of_names() {
        for (path, name) in [
            ("./flowers/", "flowers"),
            ("data/iris.csv.gz", "iris"),
            ("Ärzte und Co.csv", "rzte-und-Co"),
            ("2024.csv", "data-2024"),
            ("no", "data-no"),
            ("..", "experiment"),
            ("/", "experiment"),
        ] {
            assert_eq!(experiment_name(path), name, "{path}");
        }
    }
}
