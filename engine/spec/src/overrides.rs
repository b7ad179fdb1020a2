//! Overrides from the command line: `--set path=value`.

use crate::diagnostic::Flaw;
use crate::parse::parse;
use crate::source::{Sources, Span};
use crate::tree::{Entry, Node, Value};

/// What overrides are called in messages.
const LABEL: &str = "--set";

/// One override.
pub(crate) struct Override {
    path: Vec<Segment>,
    value: Node,
}

struct Segment {
    step: Step,
    span: Span,
}

enum Step {
    Key(String),
    Index(usize),
}

impl Override {
    /// Parses arguments such as `steps.explore.search.budget.trials=200` or `space.network[0].conv.kernel=5`.
    pub fn parse_all(sources: &mut Sources, arguments: &[String], flaws: &mut Vec<Flaw>) -> Vec<Override> {
        arguments.iter().filter_map(|argument| Self::parse(sources, argument, flaws)).collect()
    }

    fn parse(sources: &mut Sources, argument: &str, flaws: &mut Vec<Flaw>) -> Option<Override> {
        let file = sources.add(LABEL, argument);
        let argument = sources.file(file).text().to_owned();
        let span = |start, end| Span { file, start, end };
        let Some(equals) = argument.find('=') else {
            let flaw = Flaw::new(span(0, argument.len()), "override", "an override needs a value after `=`");
            flaws.push(flaw.help("write `--set path.to.key=value`"));
            return None;
        };
        let mut path = Vec::new();
        let mut start = 0;
        for part in argument[..equals].split('.') {
            let (key, indexes) = part.split_at(part.find('[').unwrap_or(part.len()));
            let bad = |start: usize, end: usize| {
                Flaw::new(span(start, end), "override", format!("`{part}` is no part of a path"))
                    .help("a path is made of keys and indexes, such as `space.network[0].conv.kernel`")
            };
            if key.trim().is_empty() {
                flaws.push(bad(start, start + part.len()));
                return None;
            }
            path.push(Segment { step: Step::Key(key.trim().to_owned()), span: span(start, start + key.len()) });
            let mut at = start + key.len();
            for index in indexes.split_inclusive(']') {
                let number = index.strip_prefix('[').and_then(|i| i.strip_suffix(']')).and_then(|i| i.parse().ok());
                let Some(number) = number else {
                    flaws.push(bad(at, at + index.len()));
                    return None;
                };
                path.push(Segment { step: Step::Index(number), span: span(at, at + index.len()) });
                at += index.len();
            }
            start += part.len() + 1;
        }
        let (value, found) = parse(sources, file, equals + 1);
        let broken = !found.is_empty();
        flaws.extend(found);
        let nothing = Node { value: Value::Null, span: span(equals, equals + 1), text: None };
        match value {
            None if broken => None,
            value => Some(Override { path, value: value.unwrap_or(nothing) }),
        }
    }

    /// Whether it sets the value at exactly these keys.
    pub fn is_at(&self, keys: &[&str]) -> bool {
        self.path.len() == keys.len()
            && self.path.iter().zip(keys).all(|(segment, key)| matches!(&segment.step, Step::Key(k) if k == key))
    }

    /// Puts the value in place. Keys that do not exist are added; whether they may is the schema's to say.
    pub fn apply(self, root: &mut Node, flaws: &mut Vec<Flaw>) {
        let mut node = root;
        let mut so_far = String::new();
        for Segment { step, span } in self.path {
            match step {
                Step::Key(key) => {
                    if node.value == Value::Null {
                        node.value = Value::Map(Vec::new());
                    }
                    let found = node.value.describe();
                    let Value::Map(entries) = &mut node.value else {
                        flaws.push(refused(span, &so_far, &found, "a mapping", &key));
                        return;
                    };
                    if !so_far.is_empty() {
                        so_far.push('.');
                    }
                    so_far.push_str(&key);
                    let index = entries.iter().position(|entry| entry.key == key).unwrap_or_else(|| {
                        let value = Node { value: Value::Null, span, text: None };
                        entries.push(Entry { key, key_span: span, value });
                        entries.len() - 1
                    });
                    node = &mut entries[index].value;
                }
                Step::Index(index) => {
                    let found = node.value.describe();
                    let Value::List(items) = &mut node.value else {
                        flaws.push(refused(span, &so_far, &found, "a list", &format!("[{index}]")));
                        return;
                    };
                    let length = items.len();
                    let Some(item) = items.get_mut(index) else {
                        let message = format!("`{so_far}` has {length} items, so that there is no [{index}]");
                        flaws.push(Flaw::new(span, "override", message).help("items are counted from 0"));
                        return;
                    };
                    so_far.push_str(&format!("[{index}]"));
                    node = item;
                }
            }
        }
        *node = self.value;
    }
}

fn refused(span: Span, so_far: &str, found: &str, wanted: &str, step: &str) -> Flaw {
    let here = if so_far.is_empty() { "the file".to_owned() } else { format!("`{so_far}`") };
    Flaw::new(span, "override", format!("{here} is {found}, not {wanted}, so that `{step}` cannot be set"))
}

#[cfg(test)]
mod tests {
    use crate::Document;
    use serde_json::json;

    fn set(text: &str, sets: &[&str]) -> (serde_json::Value, Vec<String>) {
        let none = |_: &str| Err(std::io::ErrorKind::NotFound.into());
        let document = Document::load("e.yaml", text, &none, &sets.iter().map(|&s| s.to_owned()).collect::<Vec<_>>());
        let flaws = document.report(&[]);
        let words = flaws.iter().map(|d| format!("{}:{}:{} {}", d.file, d.line, d.column, d.message)).collect();
        (document.root().unwrap().to_json(), words)
    }

    #[test]
    fn values_are_replaced_and_added() {
        let (json, flaws) = set(
            "a: {b: [1, {c: 2}]}\nd:\n",
            &["a.b[1].c=[5, x]", "a.b[0]=1e-3", "d.e.f=true", "g=hello = there", "a.h="],
        );
        assert!(flaws.is_empty(), "{flaws:?}");
        let expected =
            json!({"a": {"b": [1e-3, {"c": [5, "x"]}], "h": null}, "d": {"e": {"f": true}}, "g": "hello = there"});
        assert_eq!(json, expected);
    }

    #[test]
    fn mistakes_point_into_the_argument() {
        for (argument, expected) in [
            ("a", "--set:1:1 an override needs a value after `=`"),
            ("a..b=1", "--set:1:3 `` is no part of a path"),
            ("a[x]=1", "--set:1:2 `a[x]` is no part of a path"),
            ("a.b.c=1", "--set:1:5 `a.b` is the number 1, not a mapping, so that `c` cannot be set"),
            ("l[2]=1", "--set:1:2 `l` has 2 items, so that there is no [2]"),
            ("a[0]=1", "--set:1:2 `a` is a mapping, not a list, so that `[0]` cannot be set"),
            ("a.b=012", "--set:1:5 `012` looks like an octal number"),
        ] {
            assert_eq!(set("a: {b: 1}\nl: [1, 2]\n", &[argument]).1, [expected], "{argument}");
        }
    }

    #[test]
    fn what_the_schema_refuses_points_into_the_argument() {
        let none = |_: &str| Err(std::io::ErrorKind::NotFound.into());
        let document =
            Document::load("e.yaml", "version: 1\n", &none, &["concurency=3".to_owned(), "seed=-1".to_owned()]);
        let found = document.check();
        assert!(
            found.iter().any(|d| d.file == "--set" && d.code == "unknown-key" && d.column == 1 && d.end_column == 11)
        );
        assert!(found.iter().any(|d| d.file == "--set" && d.code == "out-of-range" && d.column == 6));
    }
}
