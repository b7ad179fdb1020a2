//! What is wrong with an experiment beyond single values. Parts that the schema refuses are passed over.

mod tables;

use crate::diagnostic::Problem;
use crate::experiment::{Corruption, MOST_STEPS, Metric, Reference};
use crate::tree::{Entry, Node, Value, push_token};
use crate::words::{did_you_mean, suggest};

/// Epochs where a training recipe names none.
const DEFAULT_EPOCHS: f64 = 10.0;

/// Checks an experiment.
pub(crate) fn experiment(root: &Node) -> Vec<Problem> {
    let mut problems = Vec::new();
    let evaluator = Evaluator::of(root);
    sections(root, evaluator, &mut problems);
    objectives(root, &mut problems);
    let steps = Step::all(root);
    for (index, step) in steps.iter().enumerate() {
        references(index, &steps, &mut problems);
        budget(step, evaluator, &mut problems);
        fidelity(root, step, evaluator, &mut problems);
        formats(step, &mut problems);
        own_network(step, &mut problems);
        attacks(step.body, &step.pointer, &mut problems);
    }
    attacks(root, "", &mut problems);
    if let Some(table) = root.at("/evaluator/table") {
        tables::check(table, "/evaluator/table", &mut problems);
    }
    circles(&steps, &mut problems);
    if let Some(section) = root.get("space") {
        decisions(section, "/space", &mut problems);
    }
    problems
}

/// Checks a space in a file of its own.
pub(crate) fn space(root: &Node) -> Vec<Problem> {
    let mut problems = Vec::new();
    decisions(root, "", &mut problems);
    problems
}

/// Checks a table's description in a file of its own.
pub(crate) fn table(root: &Node) -> Vec<Problem> {
    let mut problems = Vec::new();
    tables::check(root, "", &mut problems);
    problems
}

#[derive(Clone, Copy, PartialEq)]
enum Evaluator {
    Libtorch,
    Table,
    Other,
}

impl Evaluator {
    fn of(root: &Node) -> Evaluator {
        match root.get("evaluator") {
            None => Evaluator::Libtorch,
            Some(node) if node.as_str() == Some("libtorch") => Evaluator::Libtorch,
            Some(node) if node.get("table").is_some() => Evaluator::Table,
            Some(_) => Evaluator::Other,
        }
    }
}

/// The steps of an experiment; none where there are more than the schema takes.
pub(crate) fn steps(root: &Node) -> &[Entry] {
    root.get("steps").map(Node::entries).filter(|steps| steps.len() <= MOST_STEPS).unwrap_or_default()
}

/// A step as far as it can be read.
struct Step<'n> {
    name: &'n str,
    kind: &'n str,
    body: &'n Node,
    reference: Option<Reference>,
    pointer: String,
}

impl<'n> Step<'n> {
    fn all(root: &'n Node) -> Vec<Step<'n>> {
        let read = |entry: &'n Entry| {
            let mut pointer = "/steps".to_owned();
            push_token(&mut pointer, &entry.key);
            let (kind, body) = match entry.value.entries() {
                [kind] => (kind.key.as_str(), &kind.value),
                _ => ("", &entry.value),
            };
            push_token(&mut pointer, kind);
            let reference = body.get("candidates").and_then(Node::as_str).and_then(|text| text.parse().ok());
            Step { name: &entry.key, kind, body, reference, pointer }
        };
        steps(root).iter().map(read).collect()
    }

    fn at(&self, keys: &str) -> String {
        format!("{}/{keys}", self.pointer)
    }
}

/// Data and network, without which libtorch has nothing to train.
fn sections(root: &Node, evaluator: Evaluator, problems: &mut Vec<Problem>) {
    let split = root.get("data").and_then(|data| data.get("split"));
    let share = |key: &str| split.and_then(|split| split.get(key)).and_then(Node::as_f64);
    if let (Some(validation), Some(test)) = (share("validation"), share("test"))
        && validation + test >= 1.0
    {
        let sum = validation + test;
        let message = format!("validation and test part take {sum} of the examples: nothing is left to train on");
        problems.push(Problem::error("/data/split", "empty-split", message).at_key());
    }
    if evaluator != Evaluator::Libtorch {
        return;
    }
    let misspelt = |node: &Node, key: &str| node.entries().iter().any(|e| suggest(&e.key, [key]).is_some());
    if !misspelt(root, "data") {
        problems.push(
            Problem::error("", "missing-data", "networks are trained, but there is no `data`")
                .at_key()
                .help("name a data set, such as `data: {dataset: digits}`"),
        );
    }
    if let Some(space) = root.get("space")
        && matches!(space.value, Value::Map(_))
        && !misspelt(space, "network")
        && !misspelt(space, "from")
    {
        problems.push(
            Problem::error("/space", "missing-network", "networks are trained, but the space has no `network`")
                .at_key()
                .help("write the layers below `network`, or name another `evaluator`"),
        );
    }
}

fn objectives(root: &Node, problems: &mut Vec<Problem>) {
    let mut seen: Vec<Metric> = Vec::new();
    for (index, item) in root.get("objectives").map_or(&[][..], Node::items).iter().enumerate() {
        let [entry] = item.entries() else { continue };
        let Some(metric) = entry.value.as_str().and_then(|text| text.parse::<Metric>().ok()) else { continue };
        if seen.contains(&metric) {
            let pointer = format!("/objectives/{index}/{}", entry.key);
            problems.push(Problem::error(
                pointer,
                "duplicate-objective",
                format!("`{metric}` is an objective already"),
            ));
        } else {
            seen.push(metric);
        }
    }
}

/// Whether a step's candidates exist and are of a kind that it can use.
fn references(index: usize, steps: &[Step<'_>], problems: &mut Vec<Problem>) {
    let step = &steps[index];
    let Some(reference) = &step.reference else { return };
    let name = reference.step();
    let at = step.at("candidates");
    let Some(other) = steps.iter().find(|other| other.name == name) else {
        let names: Vec<&str> = steps.iter().map(|s| s.name).filter(|&n| n != step.name).collect();
        let mut problem = Problem::error(at, "unknown-step", format!("there is no step `{name}`"));
        problem.help = did_you_mean(name, &names);
        problems.push(problem);
        return;
    };
    if other.name == step.name {
        problems.push(Problem::error(at, "self-reference", format!("`{name}` refers to itself")));
    } else if other.kind == "export" {
        problems.push(
            Problem::error(at, "no-candidates", format!("`{name}` is an export, which gives no candidates"))
                .help("refer to the step that it exports from"),
        );
    } else if matches!(step.kind, "export" | "robustness") && matches!(other.kind, "search" | "hpo") {
        let (what, then) = match step.kind {
            "export" => ("export", "export `best(final)`"),
            _ => ("measure", "take `all(final)`"),
        };
        problems.push(
            Problem::error(
                at,
                "no-weights",
                format!("`{name}` is a search, whose candidates have no weights to {what}"),
            )
            .help(format!("train them first: `final: {{train: {{candidates: {reference}}}}}`, then {then}")),
        );
    } else if matches!(step.kind, "export" | "robustness" | "hpo" | "train") && other.kind == "robustness" {
        let source = other.reference.as_ref().map_or("STEP", Reference::step);
        problems.push(
            Problem::error(at, "no-candidates", format!("`{name}` measures the candidates of another step"))
                .help(format!("refer to that step: `{}`", reference.of_step(source))),
        );
    } else if let Some(bringer) = bringer(other, steps)
        && (step.kind == "hpo" || step.body.get("fix").is_some())
    {
        let (at, what) = match step.kind {
            "hpo" => (at, "has no decisions to tune"),
            _ => (step.at("fix"), "has no decisions to hold"),
        };
        problems.push(
            Problem::error(at, "no-decisions", format!("`{bringer}` brings a network of its own, which {what}"))
                .help("refer to a search, or to what came of one"),
        );
    } else if matches!(reference, Reference::Baseline(_)) && other.body.get("baseline").is_none() {
        problems.push(
            Problem::error(at, "no-baseline", format!("`{name}` has no baseline"))
                .help(format!("write `baseline: random` below `{name}`, or refer to best({name})")),
        );
    } else if matches!(reference, Reference::Recommended(_)) && !matches!(other.kind, "search" | "hpo" | "") {
        problems.push(
            Problem::error(at, "no-recommendation", format!("`{name}` is no search, so that it recommends nothing"))
                .help(format!("write best({name})")),
        );
    }
}

/// Steps that wait for each other.
fn circles(steps: &[Step<'_>], problems: &mut Vec<Problem>) {
    let next = |step: &Step<'_>| {
        let name = step.reference.as_ref()?.step();
        steps.iter().position(|other| other.name == name && other.name != step.name)
    };
    let mut done = vec![false; steps.len()];
    for start in 0..steps.len() {
        let mut path = Vec::new();
        let mut current = Some(start);
        while let Some(index) = current {
            if let Some(first) = path.iter().position(|&seen| seen == index) {
                let circle: Vec<&str> = path[first..].iter().chain([&index]).map(|&i| steps[i].name).collect();
                let message = format!("steps wait for each other in a circle: {}", circle.join(" → "));
                let help = "one of them takes its candidates from a search";
                problems.push(Problem::error(steps[path[first]].at("candidates"), "circle", message).help(help));
                break;
            }
            if done[index] {
                break;
            }
            path.push(index);
            current = next(&steps[index]);
        }
        path.into_iter().for_each(|index| done[index] = true);
    }
}

fn budget(step: &Step<'_>, evaluator: Evaluator, problems: &mut Vec<Problem>) {
    let hours = step.body.get("budget").and_then(|budget| budget.get("simulated_hours"));
    if hours.is_some() && evaluator != Evaluator::Table {
        problems.push(
            Problem::error(
                step.at("budget/simulated_hours"),
                "budget-needs-table",
                "only a table knows simulated hours",
            )
            .at_key()
            .help("budget `trials`, `trainings` or `flops`, or name a table as `evaluator`"),
        );
    }
}

/// A share of the epochs must be whole epochs.
fn fidelity(root: &Node, step: &Step<'_>, evaluator: Evaluator, problems: &mut Vec<Problem>) {
    let by_data = root.get("fidelity").and_then(|f| f.get("by")).is_some_and(|by| by.as_str() != Some("epochs"));
    let Some(fidelity) = step.body.get("fidelity").and_then(Node::as_f64) else { return };
    let training = root.get("space").and_then(|space| space.get("training"));
    let epochs = match training.map(|training| training.get("epochs").ok_or(training)) {
        None => DEFAULT_EPOCHS,
        Some(Ok(epochs)) => match epochs.as_f64() {
            Some(epochs) => epochs,
            // The number is decided: which fidelities give whole epochs depends on the candidate.
            None => return,
        },
        Some(Err(training)) if ["one_of", "from"].iter().any(|form| training.get(form).is_some()) => return,
        Some(Err(_)) => DEFAULT_EPOCHS,
    };
    if evaluator != Evaluator::Libtorch || by_data || !(fidelity > 0.0 && fidelity <= 1.0 && epochs >= 1.0) {
        return;
    }
    let share = fidelity * epochs;
    if (share - share.round()).abs() < 1e-6 && share.round() >= 1.0 {
        return;
    }
    let choice = |count: f64| {
        let share = count / epochs;
        let short = (share * 1e4).round() / 1e4;
        let share = if (short * epochs - count).abs() < 1e-6 { short } else { share };
        format!("{share} ({count} {})", if count == 1.0 { "epoch" } else { "epochs" })
    };
    let (low, high) = (share.floor(), share.ceil());
    let help = if low < 1.0 { choice(1.0) } else { format!("{} or {}", choice(low), choice(high)) };
    let rounded = (share * 1e4).round() / 1e4;
    problems.push(
        Problem::error(
            step.at("fidelity"),
            "no-whole-epochs",
            format!("{fidelity} of {epochs} epochs is {rounded}, not a whole number"),
        )
        .help(format!("write {help}")),
    );
}

fn formats(step: &Step<'_>, problems: &mut Vec<Problem>) {
    let formats = step.body.get("formats").map_or(&[][..], Node::items);
    for (index, format) in formats.iter().enumerate() {
        if let Some(name) = format.as_str()
            && formats[..index].iter().any(|other| other.as_str() == Some(name))
        {
            let at = step.at(&format!("formats/{index}"));
            problems.push(Problem::warning(at, "duplicate-format", format!("`{name}` is listed already")));
        }
    }
}

/// The step that brought the network of a step's candidates, where it is not of the space.
fn bringer<'n>(step: &Step<'n>, steps: &[Step<'n>]) -> Option<&'n str> {
    let mut current = step;
    // Steps may wait for each other in a circle.
    for _ in 0..=steps.len() {
        if current.body.get("network").is_some() {
            return Some(current.name);
        }
        let source = current.reference.as_ref()?.step();
        current = steps.iter().find(|other| other.name == source)?;
    }
    None
}

/// A step trains candidates or a network of its own.
fn own_network(step: &Step<'_>, problems: &mut Vec<Problem>) {
    let has = |key: &str| step.body.get(key).is_some();
    if has("network") && has("candidates") {
        let message = "a step trains candidates or a network of its own, not both";
        problems.push(Problem::error(step.at("network"), "candidates-and-network", message).at_key());
    }
    if step.kind == "train" && has("training") && !has("network") {
        let message = "`training` is the recipe of a network of the step's own, and there is none";
        problems.push(
            Problem::error(step.at("training"), "training-without-network", message)
                .at_key()
                .help("candidates bring their own recipes: leave it out, or write a `network`"),
        );
    }
}

/// `accuracy(NAME)` must mean one thing.
fn attacks(node: &Node, pointer: &str, problems: &mut Vec<Problem>) {
    for entry in node.get("attacks").map_or(&[][..], Node::entries) {
        if Corruption::of(&entry.key).is_some() {
            let mut at = format!("{pointer}/attacks");
            push_token(&mut at, &entry.key);
            let message = format!("`{}` is the name of a corruption", entry.key);
            problems
                .push(Problem::error(at, "attack-named-as-corruption", message).at_key().help("choose another name"));
        }
    }
}

/// Ranges and defaults of all decisions below a space.
fn decisions(section: &Node, pointer: &str, problems: &mut Vec<Problem>) {
    for name in ["network", "blocks", "training", "values"] {
        if let Some(node) = section.get(name) {
            decision(node, &format!("{pointer}/{name}"), problems);
        }
    }
}

fn decision(node: &Node, pointer: &str, problems: &mut Vec<Problem>) {
    for form in ["int", "float"] {
        if let Some(bounds) = node.get(form) {
            range(node, bounds, &format!("{pointer}/{form}"), pointer, problems);
        }
    }
    if let (Some(options), Some(default)) = (node.get("one_of"), node.get("default")) {
        let value = default.to_json();
        let same = |option: &Node| match (option.as_f64(), default.as_f64()) {
            (Some(a), Some(b)) => a == b,
            _ => option.to_json() == value,
        };
        if matches!(options.value, Value::List(_)) && !options.items().iter().any(same) {
            problems.push(
                Problem::error(
                    format!("{pointer}/default"),
                    "default-is-no-option",
                    "the default is none of the options",
                )
                .help("write it exactly as one of the options below `one_of`"),
            );
        }
    }
    for entry in node.entries() {
        let mut inner = pointer.to_owned();
        push_token(&mut inner, &entry.key);
        decision(&entry.value, &inner, problems);
    }
    for (index, item) in node.items().iter().enumerate() {
        decision(item, &format!("{pointer}/{index}"), problems);
    }
}

fn range(node: &Node, bounds: &Node, at: &str, pointer: &str, problems: &mut Vec<Problem>) {
    let [low, high] = bounds.items() else { return };
    let (Some(low), Some(high)) = (low.as_f64(), high.as_f64()) else { return };
    if low > high {
        problems.push(
            Problem::error(at, "empty-range", format!("the range is empty: {low} is above {high}"))
                .help(format!("write [{high}, {low}]")),
        );
    }
    if node.get("log").is_some_and(|log| log.value == Value::Bool(true)) && low <= 0.0 {
        let message = format!("with `log: true` the range begins above 0, this one at {low}");
        problems.push(Problem::error(at, "no-logarithm", message).help("begin it at a small number, such as 1.0e-4"));
    }
    if let Some(default) = node.get("default").and_then(Node::as_f64)
        && low <= high
        && !(low..=high).contains(&default)
    {
        let message = format!("the default {default} is outside of the range {low} to {high}");
        problems.push(Problem::error(format!("{pointer}/default"), "default-out-of-range", message));
    }
}
