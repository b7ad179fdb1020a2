//! Checks a tree against one of our schemas and finds all mistakes at once, each with words of its own.
//!
//! It reads only the part of JSON Schema that [`crate::schema`] writes, in which every value has one schema that it must
//! fit. That costs microseconds, knows what was written (`1_000`, a number in quotes), and has words that a general
//! validator cannot have. That both agree on what is valid is tested against one.

use crate::diagnostic::Problem;
use crate::experiment::forms;
use crate::scalar::lookalike;
use crate::schema::{FORMS, branches, resolve};
use crate::tree::{Entry, Node, Value, push_token};
use crate::words::{alternatives, did_you_mean, join, suggest};
use serde_json::{Map, Value as Json};

/// A document with more mistakes is not checked to its end.
const MOST_PROBLEMS: usize = 250;

/// All mistakes that the schema finds in the tree.
pub(crate) fn validate(schema: &Json, root: &Node) -> Vec<Problem> {
    static NONE: std::sync::LazyLock<Map<String, Json>> = std::sync::LazyLock::new(Map::new);
    let definitions = schema["$defs"].as_object().unwrap_or(&NONE);
    let mut checker = Checker { definitions, problems: Vec::new(), pointer: String::new() };
    checker.value(schema, root, Context::default());
    checker.problems
}

struct Checker<'s> {
    definitions: &'s Map<String, Json>,
    problems: Vec<Problem>,
    pointer: String,
}

/// What surrounds a value.
#[derive(Clone, Copy, Default)]
struct Context<'s> {
    /// Whether a decision may stand in its place.
    decidable: bool,
    /// What may stand in place of the decision that it is.
    decided: Option<&'s Json>,
    /// Whether it is an item of a list.
    item: bool,
}

impl<'s> Checker<'s> {
    fn value(&mut self, schema: &'s Json, node: &Node, context: Context<'s>) {
        if self.is_full() {
            return;
        }
        let schema = resolve(self.definitions, schema);
        let Some(map) = schema.as_object() else { return };
        if let Some(condition) = map.get("if")
            && condition.get("type").is_none()
        {
            if self.holds(condition, node) {
                let context = if condition.get("$ref").is_some() {
                    Context { decided: map.get("else"), ..context }
                } else {
                    context
                };
                return self.value(&map["then"], node, context);
            }
            let decidable = context.decidable || condition.get("$ref").is_some();
            return self.value(&map["else"], node, Context { decidable, ..context });
        }
        let alternatives = branches(self.definitions, schema);
        match alternatives.iter().find(|branch| fits_type(branch, node)) {
            Some(branch) => self.fitting(branch, node, context, &alternatives),
            None => self.wrong_type(&alternatives, node, context),
        }
    }

    /// Whether there are more mistakes than anybody reads.
    fn is_full(&self) -> bool {
        self.problems.len() > MOST_PROBLEMS
    }

    /// Whether a condition of ours holds: a required key, or that this is a decision.
    fn holds(&self, condition: &Json, node: &Node) -> bool {
        let condition = resolve(self.definitions, condition);
        let required = |c: &Json| {
            c["required"].as_array().into_iter().flatten().all(|k| k.as_str().is_some_and(|k| node.get(k).is_some()))
        };
        matches!(node.value, Value::Map(_))
            && required(condition)
            && condition["anyOf"].as_array().is_none_or(|any| any.iter().any(required))
    }

    fn at(&mut self, token: &str, check: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        push_token(&mut self.pointer, token);
        check(self);
        self.pointer.truncate(length);
    }

    fn error(&self, code: &'static str, message: impl Into<String>) -> Problem {
        Problem::error(self.pointer.clone(), code, message)
    }

    fn wrong_type(&mut self, branches: &[&'s Json], node: &Node, context: Context<'_>) {
        let mut expected: Vec<String> = branches.iter().map(|branch| expectation(branch)).collect();
        expected.dedup();
        let found = match (&node.value, &node.text) {
            (Value::Null, Some(text)) if !text.is_empty() => format!("`{text}`"),
            (Value::Number(_), Some(text)) => format!("the number {text}"),
            (value, _) => value.describe(),
        };
        let mut problem = self.error("wrong-type", format!("expected {}, found {found}", join(expected, "or")));
        problem.help = self.help_with_type(branches, node, context);
        self.problems.push(problem);
    }

    fn help_with_type(&self, branches: &[&'s Json], node: &Node, context: Context<'_>) -> Option<String> {
        let takes = |kind: &str| branches.iter().find(|branch| branch["type"] == kind);
        match &node.value {
            Value::String(text) if takes("integer").or(takes("number")).or(takes("boolean")).is_some() => {
                lookalike(text, node.text.is_none())
            }
            Value::String(text) => {
                if takes("array").is_some() {
                    return Some(format!("write a list: `[{text}]`"));
                }
                let object = takes("object")?;
                let property = object["properties"].get(text.as_str());
                property.map(|property| example(text, property, self.definitions)).or_else(|| wrapped(object, node))
            }
            Value::Number(_) if takes("object").is_some_and(|object| wrapped(object, node).is_some()) => {
                takes("object").and_then(|object| wrapped(object, node))
            }
            Value::List(items) if takes("integer").or(takes("number")).is_some() => between(items, context),
            Value::List(_)
                if takes("object").is_some_and(|o| o["additionalProperties"].is_object() && branches.len() == 1) =>
            {
                Some("each entry has a name in place of its dash: `NAME: …`".into())
            }
            Value::Map(entries)
                if takes("array").is_some()
                    && branches.len() == 1
                    && !entries.iter().any(|entry| suggest(&entry.key, FORMS).is_some()) =>
            {
                Some("each item of a list begins with `- `".into())
            }
            Value::Number(number) if takes("integer").is_some() => {
                let value = number.as_f64()?;
                (value.fract() == 0.0 && value.abs() < 9.0e15).then(|| format!("write {value:.0}"))
            }
            Value::Null if takes("object").is_some_and(|o| o.get("required").is_none()) => {
                Some("write `{}` for all defaults".into())
            }
            Value::Null => Some("write a value, or leave the key away".into()),
            Value::Map(entries) if context.decidable => {
                let slip = entries.iter().find_map(|entry| suggest(&entry.key, FORMS).map(|form| (entry, form)));
                Some(match slip {
                    Some((entry, form)) => format!("did you mean `{form}` for `{}`?", entry.key),
                    None => "a decision is `{one_of: [...]}`, `{int: [low, high]}` or `{float: [low, high]}`".into(),
                })
            }
            Value::Bool(value) if takes("string").is_some() => Some(format!("write '{value}' for the text")),
            Value::Number(_) if takes("string").is_some() => {
                node.text.as_deref().map(|text| format!("write '{text}' for the text"))
            }
            _ if takes("array").is_some() && branches.len() == 1 => match &node.value {
                Value::Map(_) | Value::List(_) => Some("each item of a list begins with `- `".into()),
                _ => node.text.as_deref().map(|text| format!("write a list: `[{text}]`")),
            },
            _ => None,
        }
    }

    /// Checks a value against a schema of its type.
    fn fitting(&mut self, schema: &'s Json, node: &Node, context: Context<'s>, branches: &[&'s Json]) {
        match &node.value {
            Value::String(text) => self.text(schema, text, branches),
            Value::Number(number) => self.number(schema, number.as_f64().unwrap_or(f64::NAN), node),
            Value::List(items) => self.list(schema, items),
            Value::Map(entries) => self.mapping(schema, entries, context, branches),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn text(&mut self, schema: &Json, text: &str, branches: &[&'s Json]) {
        if let Some(words) = schema["enum"].as_array() {
            let words: Vec<&str> = words.iter().filter_map(Json::as_str).collect();
            if words.contains(&text) {
                return;
            }
            let mut problem = self.error("unknown-word", format!("unknown word `{text}`"));
            let keys = branches.iter().find_map(|branch| branch["properties"].as_object());
            problem.help = match keys {
                // The word is right, but needs more than itself.
                Some(keys) if keys.contains_key(text) => {
                    let example = example(text, &keys[text], self.definitions);
                    Some(format!("`{text}` needs a value: {example}"))
                }
                Some(keys) if suggest(text, words.iter().copied()).is_none() => {
                    let likely = suggest(text, keys.keys().map(String::as_str));
                    let others = keys.keys().map(String::as_str).filter(|key| !words.contains(key));
                    let help = did_you_mean(text, &words.iter().copied().chain(others).collect::<Vec<_>>());
                    match likely.filter(|likely| !words.contains(likely)) {
                        Some(likely) => Some(format!(
                            "did you mean `{likely}`? {}",
                            example(likely, &keys[likely], self.definitions)
                        )),
                        None => help,
                    }
                }
                _ => did_you_mean(text, &words),
            };
            self.problems.push(problem);
            return;
        }
        if schema["minLength"].as_u64().is_some_and(|least| (text.chars().count() as u64) < least) {
            self.problems.push(self.error("malformed", "a text is missing between the quotes"));
        }
        if let Some(problem) = schema["pattern"].as_str().and_then(|pattern| forms::mistake(pattern, text)) {
            let mut error = self.error("malformed", problem.message);
            error.help = problem.help;
            self.problems.push(error);
        }
    }

    fn number(&mut self, schema: &Json, value: f64, node: &Node) {
        let (low, high) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
        if low.is_none_or(|low| value >= low) && high.is_none_or(|high| value <= high) {
            return;
        }
        let written = node.text.as_deref().unwrap_or_default();
        let bounds = match (&schema["minimum"], &schema["maximum"]) {
            (low, high) if low == high => format!("only {low} can stand here"),
            (low, Json::Null) => format!("at least {} can stand here", plain(low)),
            (Json::Null, high) => format!("at most {} can stand here", plain(high)),
            (low, high) => format!("{} to {} can stand here", plain(low), plain(high)),
        };
        let mut problem = self.error("out-of-range", format!("{written} is out of range: {bounds}"));
        if low == Some(0.0) && high.is_some_and(|high| high <= 1.0) && (10.0..=100.0).contains(&value) {
            problem.help = Some(format!("write {value} % as {}", value / 100.0));
        }
        self.problems.push(problem);
    }

    fn list(&mut self, schema: &'s Json, items: &[Node]) {
        let (least, most) = (schema["minItems"].as_u64(), schema["maxItems"].as_u64());
        let count = items.len() as u64;
        let items_word = |n: u64| if n == 1 { "1 item".to_owned() } else { format!("{n} items") };
        if least.is_some_and(|least| count < least) || most.is_some_and(|most| count > most) {
            let wanted = match (least, most) {
                (Some(a), Some(b)) if a == b => items_word(a),
                (Some(a), Some(b)) => format!("{a} to {}", items_word(b)),
                (Some(a), None) => format!("at least {}", items_word(a)),
                (None, Some(b)) => format!("at most {}", items_word(b)),
                (None, None) => String::new(),
            };
            let found = if count == 0 { "an empty list".to_owned() } else { items_word(count) };
            self.problems.push(self.error("wrong-length", format!("expected {wanted}, found {found}")));
        }
        let Some(schema) = schema.get("items") else { return };
        let context = Context { item: true, ..Context::default() };
        for (index, item) in items.iter().enumerate() {
            self.at(&index.to_string(), |checker| checker.value(schema, item, context));
        }
    }

    fn mapping(&mut self, schema: &'s Json, entries: &[Entry], context: Context<'s>, branches: &[&'s Json]) {
        static NONE: std::sync::LazyLock<Map<String, Json>> = std::sync::LazyLock::new(Map::new);
        let properties = schema["properties"].as_object().unwrap_or(&NONE);
        let one_key = schema["maxProperties"] == 1;
        if context.decided.is_some() && self.mixed_forms(properties, entries, context) {
            return;
        }
        let known: Vec<&Entry> = entries.iter().filter(|entry| properties.contains_key(&entry.key)).collect();
        let mut meant = Vec::new();
        for entry in entries {
            if self.is_full() {
                return;
            }
            if let Some(pattern) = schema["propertyNames"]["pattern"].as_str()
                && let Some(mistake) = forms::mistake(pattern, &entry.key)
            {
                self.at(&entry.key, |checker| {
                    let mut problem = checker.error("malformed", mistake.message).at_key();
                    problem.help = mistake.help;
                    checker.problems.push(problem);
                });
            }
            let inner = match (properties.get(&entry.key), &schema["additionalProperties"]) {
                (Some(property), _) => Some(property),
                (None, Json::Bool(false)) => {
                    meant.extend(self.unknown_key(properties, entry, &known, one_key, context, branches));
                    None
                }
                (None, other) => Some(other),
            };
            // In a mapping of one key that has more, the missing value of a key is no mistake of its own.
            let absent = one_key && entries.len() > 1 && entry.value.value == Value::Null;
            if let Some(inner) = inner.filter(|_| !absent) {
                self.at(&entry.key, |checker| checker.value(inner, &entry.value, Context::default()));
            }
        }
        if one_key {
            self.one_key(properties, entries, &known, context);
        } else if entries.is_empty() && schema["minProperties"].as_u64().is_some_and(|least| least > 0) {
            self.problems.push(self.error("wrong-length", "at least one entry is needed here").at_key());
        } else if let Some(most) = schema["maxProperties"].as_u64().filter(|&most| entries.len() as u64 > most) {
            let message = format!("expected at most {most} entries, found {}", entries.len());
            self.problems.push(self.error("wrong-length", message).at_key());
        }
        for key in schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str) {
            if !entries.iter().any(|entry| entry.key == key) && !meant.contains(&key) {
                let mut problem = self.error("missing-key", format!("the key `{key}` is missing")).at_key();
                problem.help = properties.get(key).and_then(|p| p["description"].as_str()).map(first_sentence);
                self.problems.push(problem);
            }
        }
    }

    /// A decision of two forms, or of a form that cannot decide this value; true where that was the case.
    fn mixed_forms(&mut self, properties: &Map<String, Json>, entries: &[Entry], context: Context<'s>) -> bool {
        let Some(decided) = context.decided else { return false };
        let forms: Vec<&str> = entries.iter().map(|e| e.key.as_str()).filter(|key| FORMS.contains(key)).collect();
        if forms.len() > 1 {
            let message = format!("a decision has one of {}, this one has {}", alternatives(&FORMS), and(&forms));
            self.problems.push(self.error("wrong-decision", message));
            return true;
        }
        let Some(form) = forms.first().filter(|form| !properties.contains_key(**form)) else { return false };
        let mut expected: Vec<String> = branches(self.definitions, decided).into_iter().map(expectation).collect();
        expected.dedup();
        let whole = branches(self.definitions, decided).into_iter().any(|branch| branch["type"] == "integer");
        let message = format!("`{form}` cannot decide this: expected {}", join(expected, "or"));
        let help = if whole { "`int` decides a whole number" } else { "`one_of` decides between options" };
        let mut problem = self.error("wrong-decision", message).at_key().help(help);
        push_token(&mut problem.pointer, form);
        self.problems.push(problem);
        true
    }

    /// Reports an unknown key and returns the key that was meant, where that is clear.
    fn unknown_key<'k>(
        &mut self,
        properties: &'k Map<String, Json>,
        entry: &Entry,
        known: &[&Entry],
        one_key: bool,
        context: Context<'_>,
        branches: &[&'s Json],
    ) -> Option<&'k str> {
        let key = &entry.key;
        let keys: Vec<&str> = properties.keys().map(String::as_str).collect();
        // Of a key that is there already, no other is a misspelling.
        let free: Vec<&str> = keys.iter().copied().filter(|k| one_key || !known.iter().any(|e| e.key == *k)).collect();
        let mut pointer = self.pointer.clone();
        push_token(&mut pointer, key);
        let mut problem = Problem::error(pointer, "unknown-key", format!("unknown key `{key}`")).at_key();
        let owner = known.iter().find(|e| {
            one_key
                && e.value.value == Value::Null
                && crate::schema::branches(self.definitions, &self.settings(&properties[&e.key]))
                    .iter()
                    .any(|branch| branch["properties"].get(key).is_some())
        });
        let alone =
            branches.iter().any(|b| b["enum"].as_array().is_some_and(|words| words.iter().any(|w| w == key.as_str())));
        let decision = suggest(key, FORMS).filter(|_| context.decidable && known.is_empty());
        problem.help = if let Some(owner) = owner {
            Some(format!("it belongs to `{}`: indent it further", owner.key))
        } else if alone {
            Some(format!("`{key}` stands alone, without a colon"))
        } else if let Some(form) = decision.filter(|_| suggest(key, free.iter().copied()).is_none()) {
            Some(format!("did you mean `{form}`?"))
        } else if suggest(key, free.iter().copied()).is_some() {
            did_you_mean(key, &free)
        } else {
            // It may be known elsewhere.
            crate::places::example(key, &self.pointer, one_key)
                .map(|example| format!("it stands elsewhere: `{example}`"))
                .or_else(|| {
                    self.open_mapping(properties)
                        .map(|free| format!("as one of its options it stands below `{free}`: `{free}: {{{key}: …}}`"))
                })
                .or_else(|| did_you_mean(key, &keys))
                .or_else(|| Some("no key can stand here".into()))
        };
        self.problems.push(problem);
        suggest(key, free)
    }

    /// The key whose value may have any keys, such as the options of a strategy.
    fn open_mapping<'k>(&self, properties: &'k Map<String, Json>) -> Option<&'k str> {
        let open = |schema: &Json| {
            let schema = resolve(self.definitions, schema);
            schema["type"] == "object"
                && schema.get("properties").is_none()
                && !schema["additionalProperties"].is_object()
        };
        properties.iter().find(|(_, schema)| open(schema)).map(|(key, _)| key.as_str())
    }

    /// What a place takes that is no decision.
    fn settings(&self, schema: &'s Json) -> Json {
        let schema = resolve(self.definitions, schema);
        let decided = schema["if"].get("$ref").is_some();
        if decided { schema["else"].clone() } else { schema.clone() }
    }

    fn one_key(&mut self, properties: &Map<String, Json>, entries: &[Entry], known: &[&Entry], context: Context<'_>) {
        let keys: Vec<&str> = properties.keys().map(String::as_str).collect();
        if known.len() > 1 {
            let names: Vec<&str> = known.iter().map(|entry| entry.key.as_str()).collect();
            let mut problem = self.error("several-keys", format!("only one key can stand here, found {}", and(&names)));
            if context.item {
                problem.help = Some(format!("begin an item for each: `- {}: …`, `- {}: …`", names[0], names[1]));
            }
            push_token(&mut problem.pointer, names[1]);
            self.problems.push(problem.at_key());
        } else if entries.is_empty() {
            let mut problem = self.error("missing-key", "a key is missing here").at_key();
            problem.help =
                Some(format!("one of {}", keys.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")));
            self.problems.push(problem);
        }
    }
}

/// A value in the mapping that belongs around it, where that has one key only: `{trials: 100}`.
fn wrapped(object: &Json, node: &Node) -> Option<String> {
    let required: Vec<&str> = object["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    let properties = object["properties"].as_object()?;
    let key = match required.as_slice() {
        [only] => only,
        [] if object["maxProperties"] == 1 => properties.keys().next()?.as_str(),
        _ => return None,
    };
    node.text.as_deref().map(|text| format!("write `{{{key}: {text}}}`"))
}

/// Several numbers where one belongs: a decision between them, or one that counts for all sides.
fn between(items: &[Node], context: Context<'_>) -> Option<String> {
    let texts: Vec<&str> = items.iter().map(|item| item.text.as_deref()).collect::<Option<_>>()?;
    match texts.as_slice() {
        [first, rest @ ..] if rest.iter().all(|text| text == first) => Some(format!("write {first}")),
        [_, ..] if context.decidable => {
            Some(format!("to decide between them, write `{{one_of: [{}]}}`", texts.join(", ")))
        }
        _ => None,
    }
}

/// How a key with its value looks.
fn example(key: &str, schema: &Json, definitions: &Map<String, Json>) -> String {
    let schema = resolve(definitions, schema);
    let schema = if schema["if"].get("$ref").is_some() { &schema["else"] } else { schema };
    let branch = branches(definitions, schema).into_iter().next().unwrap_or(schema);
    let such_as = match branch["type"].as_str() {
        Some("array") => "[…]".to_owned(),
        Some("object") => {
            let required = branch["required"].as_array().into_iter().flatten().filter_map(Json::as_str);
            format!("{{{}}}", required.map(|key| format!("{key}: …")).collect::<Vec<_>>().join(", "))
        }
        _ => match branch["enum"].as_array().and_then(|words| words.first()).and_then(Json::as_str) {
            Some(word) => return format!("write `{key}: …`, such as `{key}: {word}`"),
            None => "…".to_owned(),
        },
    };
    format!("write `{key}: {such_as}`")
}

/// Whether a value is of a schema's type. A whole number is written without a point.
fn fits_type(schema: &Json, node: &Node) -> bool {
    match schema["type"].as_str() {
        None => true,
        Some("string") => matches!(node.value, Value::String(_)),
        Some("array") => matches!(node.value, Value::List(_)),
        Some("object") => matches!(node.value, Value::Map(_)),
        Some("boolean") => matches!(node.value, Value::Bool(_)),
        Some("integer") => matches!(&node.value, Value::Number(number) if !number.is_f64()),
        Some("number") => matches!(node.value, Value::Number(_)),
        Some(_) => false,
    }
}

/// What a schema takes, in words.
fn expectation(schema: &Json) -> String {
    const FEW: usize = 4;
    match schema["type"].as_str() {
        Some("string") => match schema["enum"].as_array() {
            Some(words) if words.len() <= FEW => {
                alternatives(&words.iter().filter_map(Json::as_str).collect::<Vec<_>>())
            }
            Some(_) => "a name".into(),
            None => "a text".into(),
        },
        Some("array") => "a list".into(),
        Some("object") => "a mapping".into(),
        Some("integer") => "a whole number".into(),
        Some("number") => "a number".into(),
        Some("boolean") => "true or false".into(),
        _ => "a value".into(),
    }
}

fn and(words: &[&str]) -> String {
    join(words.iter().map(|word| format!("`{word}`")).collect(), "and")
}

/// A limit without needless `.0`.
fn plain(number: &Json) -> String {
    match number.as_f64() {
        Some(value) if number.is_f64() => value.to_string(),
        _ => number.to_string(),
    }
}

fn first_sentence(description: &str) -> String {
    let line = description.split("\n\n").next().unwrap_or(description).replace('\n', " ");
    let end = line.find(". ").map_or(line.len(), |end| end + 1);
    line[..end].trim_end_matches('.').to_owned()
}
