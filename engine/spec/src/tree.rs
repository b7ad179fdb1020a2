//! The tree of a YAML document in which every key and value knows where it stands.

use crate::source::Span;
use serde_json::Number;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// The bytes it covers; of a value behind an alias, the bytes at the anchor.
    pub span: Span,
    /// The text of a plain (unquoted) scalar as written.
    pub text: Option<Box<str>>,
}

/// A value of YAML's core schema.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing: `null`, `~` or no text at all.
    Null,
    /// True or false.
    Bool(bool),
    /// A finite number; whole numbers stay whole.
    Number(Number),
    /// A text.
    String(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order written, each key once.
    Map(Vec<Entry>),
}

/// A key of a mapping with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The bytes the key covers.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

impl Value {
    /// What it is, in words, for messages: `a list`, `the number 8`, `the text `relu``.
    pub fn describe(&self) -> String {
        match self {
            Value::Null => "nothing".into(),
            Value::Bool(value) => format!("`{value}`"),
            Value::Number(value) => format!("the number {value}"),
            Value::String(value) if value.is_empty() => "an empty text".into(),
            Value::String(value) if value.chars().count() > 40 || value.contains('\n') => "a longer text".into(),
            Value::String(value) => format!("the text `{value}`"),
            Value::List(_) => "a list".into(),
            Value::Map(_) => "a mapping".into(),
        }
    }
}

impl Node {
    /// The value as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(value) => value.clone().into(),
            Value::String(value) => value.clone().into(),
            Value::List(items) => items.iter().map(Node::to_json).collect(),
            Value::Map(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }

    /// The value of a key, where this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        match &mut self.value {
            Value::Map(entries) => entries.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.value),
            _ => None,
        }
    }

    /// The entry of a key, where this is a mapping that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The entries; none where this is no mapping.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items; none where this is no list.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The text, where this is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number, where this is one.
    pub fn as_f64(&self) -> Option<f64> {
        match &self.value {
            Value::Number(number) => number.as_f64(),
            _ => None,
        }
    }

    /// The value at a JSON pointer (RFC 6901) from here: `/steps/explore/search`, or the empty text for this node.
    pub fn at(&self, pointer: &str) -> Option<&Node> {
        match self.walk(pointer) {
            Walk::Found { node, .. } => Some(node),
            Walk::Missing { .. } => None,
        }
    }

    /// The bytes of the key at a JSON pointer; none where it names the root, a list's item, or nothing.
    pub fn key_span(&self, pointer: &str) -> Option<Span> {
        match self.walk(pointer) {
            Walk::Found { key, .. } => key,
            Walk::Missing { .. } => None,
        }
    }

    /// Follows a pointer as far as it goes.
    pub(crate) fn walk(&self, pointer: &str) -> Walk<'_> {
        let (mut node, mut key) = (self, None);
        for token in tokens(pointer) {
            let next = match &node.value {
                Value::Map(entries) => {
                    entries.iter().find(|entry| entry.key == token).map(|entry| (&entry.value, Some(entry.key_span)))
                }
                Value::List(items) => {
                    token.parse::<usize>().ok().and_then(|index| items.get(index)).map(|item| (item, None))
                }
                _ => None,
            };
            match next {
                Some(found) => (node, key) = found,
                None => return Walk::Missing { node, key },
            }
        }
        Walk::Found { node, key }
    }
}

/// How far a pointer goes.
pub(crate) enum Walk<'n> {
    /// To the value, whose key stands there.
    Found { node: &'n Node, key: Option<Span> },
    /// To this nearest ancestor.
    Missing { node: &'n Node, key: Option<Span> },
}

/// The tokens of a JSON pointer, unescaped.
pub(crate) fn tokens(pointer: &str) -> impl Iterator<Item = String> + '_ {
    pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~"))
}

/// Appends a token to a JSON pointer.
pub fn push_token(pointer: &mut String, token: &str) {
    pointer.push('/');
    for c in token.chars() {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            c => pointer.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Sources;

    fn node(text: &str) -> Node {
        let mut sources = Sources::default();
        let file = sources.add("f", text);
        let (node, flaws) = crate::parse::parse(&sources, file, 0);
        assert!(flaws.is_empty(), "{flaws:?}");
        node.unwrap()
    }

    #[test]
    fn pointers_lead_to_values_and_keys() {
        let tree = node("a/b: {c~d: [1, {e: 2}]}");
        assert_eq!(tree.at("/a~1b/c~0d/1/e").unwrap().value, Value::Number(2.into()));
        assert_eq!(tree.at("").unwrap(), &tree);
        assert_eq!(tree.at("/a~1b/c~0d/7"), None);
        let key = tree.key_span("/a~1b/c~0d").unwrap();
        assert_eq!((key.start, key.end), (6, 9));
        assert_eq!(tree.key_span("/a~1b/c~0d/0"), None);
        let mut pointer = String::new();
        push_token(&mut pointer, "a/b");
        push_token(&mut pointer, "c~d");
        assert_eq!(pointer, "/a~1b/c~0d");
    }

    #[test]
    fn json_keeps_order_and_whole_numbers() {
        assert_eq!(node("{b: 1, a: [1.0, x, ~, true]}").to_json().to_string(), r#"{"b":1,"a":[1.0,"x",null,true]}"#);
    }
}
