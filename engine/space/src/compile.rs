//! From the JSON of a space section to its decisions and templates.

use crate::decision::{Condition, Decision, Domain, Role, Slot};
use crate::label::{labels, levels};
use crate::problem::SpaceProblem;
use crate::template::Template;
use serde_json::{Map, Value};
use std::collections::HashMap;

mod cell;
mod count;

/// A space of more decisions than this is refused: no search gets through them.
const MOST_DECISIONS: usize = 10_000;
/// A decision of more options than this is refused.
const MOST_OPTIONS: usize = 10_000;
/// A space holds at most so many values, those in fresh repetitions and fresh blocks counted wherever they are written out.
const MOST_VALUES: usize = 500_000;
/// Values may stand so deep in each other, fresh blocks and the first use of others written out.
const MOST_DEPTH: usize = 256;

/// What compiling gives.
#[derive(Debug, Default)]
pub(crate) struct Compiled {
    pub(crate) decisions: Vec<Decision>,
    pub(crate) network: Option<Template>,
    pub(crate) blocks: Vec<(String, Template)>,
    pub(crate) training: Option<Template>,
    pub(crate) values: Option<Template>,
    pub(crate) problems: Vec<SpaceProblem>,
}

/// Compiles the space section that stands at the pointer `base`.
pub(crate) fn compile(section: &Value, base: &str) -> Compiled {
    let mut compiler = Compiler {
        blocks: section.get("blocks").and_then(Value::as_object),
        base: base.to_owned(),
        decisions: Vec::new(),
        problems: Vec::new(),
        scopes: vec![Scope { parent: None, names: HashMap::new() }],
        used: Vec::new(),
        open: Vec::new(),
        bodies: 0,
        values: 0,
        depth: 0,
        is_full: false,
    };
    let mut section_template = |key: &str, role, layers| {
        section.get(key).map(|value| {
            let place = Place {
                pointer: format!("{base}/{key}"),
                path: format!("space.{key}"),
                role,
                condition: None,
                scope: 0,
                slot: None,
                layers,
            };
            compiler.walk(value, &place)
        })
    };
    let network = section_template("network", Role::Architecture, true);
    let training = section_template("training", Role::Training, false);
    let values = section_template("values", Role::Architecture, false);
    for name in compiler.blocks.iter().flat_map(|blocks| blocks.keys()) {
        if !compiler.used.iter().any(|used| used.name == *name) {
            compiler.problems.push(SpaceProblem {
                pointer: format!("{base}/blocks/{name}"),
                code: "unused-block",
                message: format!("block `{name}` is never used"),
                help: Some(format!("put it into the network with `use: {name}`, or delete it")),
                warning: true,
            });
        }
    }
    let blocks = compiler.used.into_iter().map(|block| (block.name, block.template)).collect();
    Compiled { decisions: compiler.decisions, network, blocks, training, values, problems: compiler.problems }
}

/// Where the compiler stands.
#[derive(Clone)]
struct Place {
    pointer: String,
    path: String,
    role: Role,
    condition: Option<Condition>,
    scope: usize,
    slot: Option<Slot>,
    /// Whether `repeat`, `use` and `cell` have their meaning here.
    layers: bool,
}

impl Place {
    fn key(&self, key: &str) -> Place {
        Place {
            pointer: format!("{}/{}", self.pointer, key.replace('~', "~0").replace('/', "~1")),
            path: format!("{}.{key}", self.path),
            ..self.clone()
        }
    }

    fn item(&self, index: usize) -> Place {
        Place { pointer: format!("{}/{index}", self.pointer), path: format!("{}[{index}]", self.path), ..self.clone() }
    }
}

/// The names of decisions that can be referred to from within a body.
struct Scope {
    parent: Option<usize>,
    names: HashMap<String, (usize, Template)>,
}

/// A named block in use.
struct UsedBlock {
    name: String,
    template: Template,
    /// The condition under which its first use stands, widened by each further use.
    condition: Option<Condition>,
    /// The decisions that count whenever the block does.
    roots: Vec<usize>,
}

struct Compiler<'a> {
    blocks: Option<&'a Map<String, Value>>,
    base: String,
    decisions: Vec<Decision>,
    problems: Vec<SpaceProblem>,
    scopes: Vec<Scope>,
    used: Vec<UsedBlock>,
    /// The blocks that are being compiled, to find circles.
    open: Vec<String>,
    bodies: u32,
    /// How many values were walked through, and how deep it stands.
    values: usize,
    depth: usize,
    /// Whether the space is too large to go on.
    is_full: bool,
}

impl Compiler<'_> {
    fn problem(&mut self, pointer: &str, code: &'static str, message: String, help: Option<String>) {
        // What is left out of a space that is too large is missing elsewhere.
        if !self.is_full {
            self.problems.push(SpaceProblem { pointer: pointer.to_owned(), code, message, help, warning: false });
        }
    }

    /// Says once what of the space is too large, if something is.
    fn bound(&mut self, place: &Place) {
        let (message, help) = if self.decisions.len() > MOST_DECISIONS {
            (
                format!("more than {MOST_DECISIONS} decisions"),
                "decide once for several layers: name a block, and `use` it",
            )
        } else if self.values > MOST_VALUES {
            (
                format!("the space written out holds more than {MOST_VALUES} values"),
                "`repeat` without `fresh` writes nothing out",
            )
        } else if self.depth >= MOST_DEPTH {
            (format!("layers and blocks stand deeper than {MOST_DEPTH} in each other"), "put them one after another")
        } else {
            return;
        };
        self.problem(&place.pointer, "too-large", message, Some(help.to_owned()));
        self.is_full = true;
    }

    fn walk(&mut self, value: &Value, place: &Place) -> Template {
        self.values += 1;
        self.bound(place);
        if self.is_full {
            return Template::Constant(Value::Null);
        }
        self.depth += 1;
        let template = self.walk_value(value, place);
        self.depth -= 1;
        template
    }

    fn walk_value(&mut self, value: &Value, place: &Place) -> Template {
        match value {
            Value::Array(items) => {
                let items: Vec<Template> =
                    items.iter().enumerate().map(|(i, item)| self.walk(item, &place.item(i))).collect();
                if items.iter().all(|item| matches!(item, Template::Constant(_))) {
                    Template::Constant(value.clone())
                } else {
                    Template::List(items)
                }
            }
            Value::Object(map) => self.walk_map(value, map, place),
            scalar => Template::Constant(scalar.clone()),
        }
    }

    fn walk_map(&mut self, value: &Value, map: &Map<String, Value>, place: &Place) -> Template {
        if let Some(options) = map.get("one_of") {
            return self.choice(map, options, place);
        }
        if map.contains_key("int") || map.contains_key("float") {
            return self.range(map, place);
        }
        if let Some(Value::String(name)) = map.get("from") {
            return self.computed(map, name, place);
        }
        if place.layers && map.len() == 1 {
            let (key, inner) = map.iter().next().expect("the mapping has one key");
            match (key.as_str(), inner) {
                ("repeat", Value::Object(repeat)) if repeat.get("fresh") == Some(&Value::Bool(true)) => {
                    return self.fresh_repeat(repeat, &place.key("repeat"));
                }
                ("use", Value::String(name)) => return self.use_block(name, false, value, &place.key("use")),
                ("use", Value::Object(settings)) => {
                    if let Some(Value::String(name)) = settings.get("block") {
                        let fresh = settings.get("fresh") == Some(&Value::Bool(true));
                        return self.use_block(name, fresh, value, &place.key("use").key("block"));
                    }
                }
                ("cell", Value::Object(cell)) => {
                    let template = self.cell(cell, &place.key("cell"));
                    return Template::Map(vec![("cell".to_owned(), template)]);
                }
                _ => {}
            }
        }
        let entries: Vec<(String, Template)> =
            map.iter().map(|(key, value)| (key.clone(), self.walk(value, &place.key(key)))).collect();
        if entries.iter().all(|(_, entry)| matches!(entry, Template::Constant(_))) {
            Template::Constant(value.clone())
        } else {
            Template::Map(entries)
        }
    }

    fn choice(&mut self, map: &Map<String, Value>, options: &Value, place: &Place) -> Template {
        let Some(options) = options.as_array().filter(|options| !options.is_empty()) else {
            let pointer = format!("{}/one_of", place.pointer);
            self.problem(&pointer, "empty-choice", "`one_of` needs a list of options".into(), None);
            return Template::Constant(Value::Null);
        };
        if options.len() > MOST_OPTIONS {
            let message = format!("{} are too many options: at most {MOST_OPTIONS}", options.len());
            let help = "numbers are a range: `int: [low, high]`; layers are several decisions".to_owned();
            self.problem(&format!("{}/one_of", place.pointer), "too-large", message, Some(help));
            return Template::Constant(Value::Null);
        }
        let domain = levels(options).map_or_else(|| Domain::Choice(labels(options)), Domain::Levels);
        let default = match map.get("default") {
            None => 0.0,
            Some(default) => match options.iter().position(|option| same(option, default)) {
                Some(index) => index as f64,
                None => {
                    let pointer = format!("{}/default", place.pointer);
                    let help = Some(format!("one of {}", labels(options).join(", ")));
                    self.problem(&pointer, "default-not-an-option", "`default` is none of the options".into(), help);
                    0.0
                }
            },
        };
        let decision = self.decide(map, domain, default, place);
        let options: Vec<Template> = options
            .iter()
            .enumerate()
            .map(|(i, option)| {
                let mut inside = place.key("one_of").item(i);
                inside.condition = Some(Condition { decision, values: vec![i as f64] });
                self.walk(option, &inside)
            })
            .collect();
        self.named(map, decision, Template::Choice { decision, options }, place)
    }

    fn range(&mut self, map: &Map<String, Value>, place: &Place) -> Template {
        let integer = map.contains_key("int");
        let key = if integer { "int" } else { "float" };
        let pointer = format!("{}/{key}", place.pointer);
        let bounds: Option<Vec<f64>> =
            map[key].as_array().map(|bounds| bounds.iter().filter_map(Value::as_f64).collect());
        let Some(&[low, high]) = bounds.as_deref() else {
            self.problem(&pointer, "range-form", format!("`{key}` needs [low, high]"), None);
            return Template::Constant(Value::Null);
        };
        if low > high || !low.is_finite() || !high.is_finite() {
            let help = Some(format!("write `{key}: [{high}, {low}]`"));
            self.problem(
                &pointer,
                "range-order",
                format!("the range's low end {low} is above its high end {high}"),
                help,
            );
            return Template::Constant(Value::Null);
        }
        if integer && (low.fract() != 0.0 || high.fract() != 0.0 || low.abs().max(high.abs()) > 9_007_199_254_740_992.0)
        {
            let message = "`int` needs whole numbers within 2^53".to_owned();
            self.problem(&pointer, "range-whole", message, Some("use `float` for real numbers".into()));
            return Template::Constant(Value::Null);
        }
        let log = map.get("log") == Some(&Value::Bool(true));
        if log && low <= 0.0 {
            let message = format!("a logarithmic range must begin above 0, not at {low}");
            self.problem(&pointer, "range-log", message, None);
            return Template::Constant(Value::Null);
        }
        let domain = if integer {
            Domain::Integer { low: low as i64, high: high as i64, log }
        } else {
            Domain::Real { low, high, log }
        };
        let default = match map.get("default").and_then(Value::as_f64) {
            None => domain.at(0.5),
            Some(default) if domain.contains(default) => default,
            Some(default) => {
                let pointer = format!("{}/default", place.pointer);
                let message = format!("`default` {default} is not in the range {low} to {high}");
                self.problem(&pointer, "default-out-of-range", message, None);
                domain.at(0.5)
            }
        };
        let decision = self.decide(map, domain, default, place);
        self.named(map, decision, Template::Number { decision, integer }, place)
    }

    fn decide(&mut self, map: &Map<String, Value>, domain: Domain, default: f64, place: &Place) -> usize {
        self.decisions.push(Decision {
            path: place.path.clone(),
            pointer: place.pointer.clone(),
            name: map.get("name").and_then(Value::as_str).map(str::to_owned),
            domain,
            role: place.role,
            active_when: place.condition.clone(),
            slot: place.slot,
            default,
        });
        self.decisions.len() - 1
    }

    fn named(&mut self, map: &Map<String, Value>, decision: usize, template: Template, place: &Place) -> Template {
        if let Some(name) = map.get("name").and_then(Value::as_str) {
            let names = &mut self.scopes[place.scope].names;
            if let Some((first, _)) = names.insert(name.to_owned(), (decision, template.clone())) {
                let message = format!("the name `{name}` is already taken by {}", self.decisions[first].path);
                self.problem(&format!("{}/name", place.pointer), "duplicate-name", message, None);
            }
        }
        template
    }

    fn computed(&mut self, map: &Map<String, Value>, name: &str, place: &Place) -> Template {
        let pointer = format!("{}/from", place.pointer);
        let mut scope = Some(place.scope);
        let found = loop {
            let Some(index) = scope else { break None };
            match self.scopes[index].names.get(name) {
                Some(found) => break Some(found.clone()),
                None => scope = self.scopes[index].parent,
            }
        };
        let Some((decision, source)) = found else {
            let known: Vec<&str> = self.scopes.iter().flat_map(|s| s.names.keys().map(String::as_str)).collect();
            let help = if known.is_empty() {
                "give a decision a `name` before this place".to_owned()
            } else {
                format!("names before this place: {}", known.join(", "))
            };
            self.problem(
                &pointer,
                "unknown-name",
                format!("no decision is named `{name}` before this place"),
                Some(help),
            );
            return Template::Constant(Value::Null);
        };
        let here = self.chain(place.condition.as_ref());
        let decided = match &self.decisions[decision].active_when {
            None => true,
            Some(needed) => here.iter().any(|condition| {
                condition.decision == needed.decision && condition.values.iter().all(|v| needed.values.contains(v))
            }),
        };
        if !decided {
            let message = format!("`{name}` is decided only inside an option that need not be picked here");
            self.problem(&pointer, "name-not-decided", message, Some("name a decision outside of that option".into()));
        }
        let number = |key: &str, default: f64| map.get(key).and_then(Value::as_f64).unwrap_or(default);
        Template::Computed {
            decision,
            source: Box::new(source),
            times: number("times", 1.0),
            plus: number("plus", 0.0),
        }
    }

    fn fresh_repeat(&mut self, repeat: &Map<String, Value>, place: &Place) -> Template {
        let count = match repeat.get("times") {
            Some(times) => self.walk(times, &place.key("times")),
            None => Template::Constant(Value::from(1)),
        };
        let most = self.most(&count, &place.key("times"));
        let body = repeat.get("body").cloned().unwrap_or(Value::Array(Vec::new()));
        let number = self.bodies;
        self.bodies += 1;
        let items = (0..most)
            .map(|repetition| {
                self.scopes.push(Scope { parent: Some(place.scope), names: HashMap::new() });
                let inside = Place {
                    pointer: format!("{}/body", place.pointer),
                    path: format!("{}[{repetition}].body", place.path),
                    condition: self.at_least(&count, repetition + 1, place),
                    scope: self.scopes.len() - 1,
                    slot: Some(Slot { body: number, position: repetition as u32 }),
                    ..place.clone()
                };
                self.walk(&body, &inside)
            })
            .collect();
        Template::Prefix { count: Box::new(count), lengths: (0..=most).collect(), items, written: "/repeat/body" }
    }

    fn use_block(&mut self, name: &str, fresh: bool, value: &Value, place: &Place) -> Template {
        let Some(block) = self.blocks.and_then(|blocks| blocks.get(name)) else {
            let known: Vec<String> = self.blocks.iter().flat_map(|b| b.keys().cloned()).collect();
            let help = match known.as_slice() {
                [] => "name it under `blocks`".to_owned(),
                known => format!("blocks: {}", known.join(", ")),
            };
            self.problem(&place.pointer, "unknown-block", format!("there is no block `{name}`"), Some(help));
            return Template::Constant(Value::Array(Vec::new()));
        };
        if self.open.iter().any(|open| open == name) {
            let message = format!("block `{name}` uses itself: {} → {name}", self.open.join(" → "));
            let help =
                "a block is made of layers and of other blocks; `repeat` puts layers one after another".to_owned();
            self.problem(&place.pointer, "block-circle", message, Some(help));
            return Template::Constant(Value::Array(Vec::new()));
        }
        let pointer = format!("{}/blocks/{name}", self.base);
        if fresh {
            self.open.push(name.to_owned());
            self.scopes.push(Scope { parent: Some(place.scope), names: HashMap::new() });
            let inside = Place { pointer: pointer.clone(), scope: self.scopes.len() - 1, ..place.clone() };
            let template = self.walk(block, &inside);
            self.open.pop();
            if !self.used.iter().any(|used| used.name == name) {
                // Known as used, though never built from its name.
                let template = Template::Constant(Value::Array(Vec::new()));
                self.used.push(UsedBlock { name: name.to_owned(), template, condition: None, roots: Vec::new() });
            }
            return Template::Elsewhere { pointer, template: Box::new(template) };
        }
        match self.used.iter().position(|used| used.name == name && used.template != empty()) {
            None => {
                self.open.push(name.to_owned());
                let inside =
                    Place { pointer, path: format!("space.blocks.{name}"), scope: 0, slot: None, ..place.clone() };
                let first = self.decisions.len();
                let template = self.walk(block, &inside);
                self.open.pop();
                let roots = (first..self.decisions.len())
                    .filter(|&d| self.decisions[d].active_when == place.condition)
                    .collect();
                self.used.retain(|used| used.name != name);
                self.used.push(UsedBlock {
                    name: name.to_owned(),
                    template,
                    condition: place.condition.clone(),
                    roots,
                });
            }
            Some(index) => {
                let common = self.common(self.used[index].condition.as_ref(), place.condition.as_ref());
                for &root in &self.used[index].roots.clone() {
                    self.decisions[root].active_when.clone_from(&common);
                }
                self.used[index].condition = common;
            }
        }
        Template::Constant(value.clone())
    }

    /// The conditions from the outermost to this one.
    fn chain(&self, condition: Option<&Condition>) -> Vec<Condition> {
        let mut chain = Vec::new();
        let mut next = condition.cloned();
        while let Some(condition) = next {
            next = self.decisions[condition.decision].active_when.clone();
            chain.push(condition);
        }
        chain.reverse();
        chain
    }

    /// The narrowest condition that holds whenever one of two does.
    fn common(&self, a: Option<&Condition>, b: Option<&Condition>) -> Option<Condition> {
        let mut common = None;
        for (a, b) in self.chain(a).into_iter().zip(self.chain(b)) {
            if a == b {
                common = Some(a);
                continue;
            }
            if a.decision == b.decision {
                let mut values = a.values;
                values.extend(b.values);
                values.sort_by(f64::total_cmp);
                values.dedup();
                common = Some(Condition { decision: a.decision, values });
            }
            break;
        }
        common
    }
}

fn empty() -> Template {
    Template::Constant(Value::Array(Vec::new()))
}

/// Whether two JSON values are the same, numbers by value.
fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}
