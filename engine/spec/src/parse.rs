//! From YAML text to the tree, with all mistakes that do not make the text unreadable.

use crate::diagnostic::{Flaw, Severity};
use crate::scalar::{self, Scalar};
use crate::source::{FileId, Sources, Span};
use crate::syntax::describe;
use crate::tree::{Entry, Node, Value};
use granit_parser::{Event, Parser, ScalarStyle, ScanError, StructureStyle, Tag};
use std::borrow::Cow;
use std::collections::HashMap;

/// Lists and mappings may stand so deep in each other.
pub(crate) const DEPTH: usize = 64;
/// A document holds at most so many values, those behind aliases counted wherever they are used.
const NODES: usize = 50_000;

/// Parses a file from a byte on. A syntax error leaves no tree; all other mistakes leave one.
pub(crate) fn parse(sources: &Sources, file: FileId, from: usize) -> (Option<Node>, Vec<Flaw>) {
    let text = sources.file(file).text().get(from..).unwrap_or("");
    let mut builder = Builder {
        sources,
        file,
        from,
        text,
        open: Vec::new(),
        anchors: HashMap::new(),
        root: None,
        nodes: 0,
        flaws: Vec::new(),
        documents: 0,
    };
    let options = granit_parser::options! {
        emit_unresolved_aliases: true,
        emit_comments: false,
        flow_nesting_limit: DEPTH,
        block_nesting_limit: DEPTH,
    };
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((event, span)) => {
                if !builder.event(event, span) {
                    return (None, builder.flaws);
                }
            }
            Err(error) => {
                builder.syntax(&error);
                return (None, builder.flaws);
            }
        }
    }
    (builder.root.map(|(node, _)| node), builder.flaws)
}

/// How many values a node holds, itself included, and how deep they stand.
#[derive(Clone, Copy)]
struct Size {
    nodes: usize,
    depth: usize,
}

const LEAF: Size = Size { nodes: 1, depth: 1 };

/// A list or mapping whose end has not come.
struct Open {
    children: Children,
    start: usize,
    end: usize,
    anchor: usize,
    block: bool,
    size: Size,
}

enum Children {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, key: Option<Key> },
}

enum Key {
    Text(String, Span),
    /// A key that was refused, whose value is dropped.
    Refused,
}

struct Builder<'t> {
    sources: &'t Sources,
    file: FileId,
    from: usize,
    text: &'t str,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, Size)>,
    root: Option<(Node, Size)>,
    nodes: usize,
    flaws: Vec<Flaw>,
    documents: usize,
}

impl Builder<'_> {
    fn span(&self, span: granit_parser::Span) -> Span {
        let range = span.byte_range().unwrap_or(0..0);
        Span { file: self.file, start: self.from + range.start, end: self.from + range.end.max(range.start) }
    }

    /// Takes in one event; false where reading on makes no sense.
    fn event(&mut self, event: Event<'_>, at: granit_parser::Span) -> bool {
        let span = self.span(at);
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let span = Span { end: span.start + 3, ..span };
                    self.flaws.push(
                        Flaw::new(span, "several-documents", "a second document begins here")
                            .help("a file holds one document: leave the line `---` away, or use a file for each"),
                    );
                    return false;
                }
            }
            Event::Scalar(text, style, anchor, tag) => self.scalar(text, style, anchor, tag.as_deref(), span),
            Event::SequenceStart(style, anchor, tag) => {
                self.tag(tag.as_deref(), &["seq"], span);
                self.start(Children::List(Vec::new()), span, anchor, style);
            }
            Event::MappingStart(style, anchor, tag) => {
                self.tag(tag.as_deref(), &["map"], span);
                self.start(Children::Map { entries: Vec::new(), key: None }, span, anchor, style);
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Alias(anchor) => return self.alias(anchor, span),
            Event::UnresolvedAlias(name) => {
                self.flaws.push(
                    Flaw::new(span, "unknown-alias", format!("no anchor `&{name}` stands above"))
                        .help("a text that begins with `*` needs quotes"),
                );
                self.place(Node { value: Value::Null, span, text: None }, LEAF, 0);
            }
            _ => {}
        }
        if self.nodes > NODES {
            self.flaws.push(
                Flaw::new(span, "too-large", format!("more than {NODES} values"))
                    .help("a range such as `{int: [1, 1000]}` stands for many values"),
            );
            return false;
        }
        true
    }

    fn scalar(&mut self, text: Cow<'_, str>, style: ScalarStyle, anchor: usize, tag: Option<&Tag>, span: Span) {
        self.tag(tag, &["str"], span);
        let mut span = span;
        if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            // The parser's range of a block scalar reaches into the next line.
            let written = &self.sources.file(self.file).text()[span.start..span.end];
            span.end = span.start + written.trim_end().len();
        }
        let plain = style == ScalarStyle::Plain;
        if self.expects_key() {
            return self.key(text.into_owned(), plain, span);
        }
        let value = if plain && tag.is_none() { self.resolve(&text, span) } else { Value::String(text.to_string()) };
        // Nothing at all comes as `~`, which nobody wrote.
        let text = (plain && span.start < span.end).then(|| Box::from(&*text));
        self.place(Node { value, span, text }, LEAF, anchor);
    }

    fn resolve(&mut self, text: &str, span: Span) -> Value {
        match scalar::resolve(text) {
            Scalar::Null => Value::Null,
            Scalar::Bool(value) => Value::Bool(value),
            Scalar::Number(value) => Value::Number(value),
            Scalar::Text => Value::String(text.to_owned()),
            Scalar::LeadingZero(number) => {
                self.flaws.push(
                    Flaw::new(span, "leading-zero", format!("`{text}` looks like an octal number"))
                        .help(format!("write {number}, or '{text}' for the text")),
                );
                Value::Number(number.parse::<i64>().map_or_else(|_| 0.into(), Into::into))
            }
            Scalar::NotFinite => {
                self.flaws.push(
                    Flaw::new(span, "not-finite", format!("`{text}` is no finite number"))
                        .help(format!("write a number that fits 64 bits, or '{text}' for the text")),
                );
                Value::Number(0.into())
            }
        }
    }

    /// Tags have no use here; those that change nothing are let through.
    fn tag(&mut self, tag: Option<&Tag>, harmless: &[&str], span: Span) {
        let Some(tag) = tag else { return };
        if !harmless.iter().any(|name| tag.is_yaml_core_schema_tag(name)) {
            let message = format!("the tag `{}` has no meaning here", tag.original());
            self.flaws.push(Flaw::new(span, "tag", message).help("leave the tag away"));
        }
    }

    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { children: Children::Map { key: None, .. }, .. }))
    }

    fn key(&mut self, text: String, plain: bool, span: Span) {
        let key = if plain && text == "<<" {
            self.flaws.push(
                Flaw::new(span, "merge-key", "merge keys (`<<`) are not part of YAML 1.2")
                    .help("write the keys out, or use an alias for the whole value"),
            );
            Key::Refused
        } else if plain && text.is_empty() {
            self.flaws.push(Flaw::new(span, "empty-key", "a key is missing before this colon"));
            Key::Refused
        } else {
            Key::Text(text, span)
        };
        self.set_key(key);
    }

    fn set_key(&mut self, new: Key) {
        if let Some(Open { children: Children::Map { key, .. }, .. }) = self.open.last_mut() {
            *key = Some(new);
        }
    }

    fn start(&mut self, children: Children, span: Span, anchor: usize, style: StructureStyle) {
        let block = style == StructureStyle::Block;
        self.open.push(Open { children, start: span.start, end: span.end, anchor, block, size: LEAF });
    }

    fn end(&mut self, span: Span) {
        let Some(open) = self.open.pop() else { return };
        let end = if open.block { open.end } else { span.end };
        let value = match open.children {
            Children::List(items) => Value::List(if open.block { items } else { self.join_items(items) }),
            Children::Map { entries, .. } => {
                let entries = if open.block { entries } else { self.join_entries(entries) };
                Value::Map(self.unique(entries))
            }
        };
        let span = Span { file: self.file, start: open.start, end: end.max(open.start) };
        self.place(Node { value, span, text: None }, open.size, open.anchor);
    }

    /// The entries with each key once, the first one kept.
    fn unique(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
        let mut lines: HashMap<String, usize> = HashMap::new();
        for entry in entries {
            let line = self.sources.file(self.file).position(entry.key_span.start).line;
            if let Some(first) = lines.get(&entry.key) {
                let message = format!("the key `{}` stands here a second time", entry.key);
                let flaw = Flaw::new(entry.key_span, "duplicate-key", message);
                self.flaws.push(flaw.help(format!("it stands first in line {first}")));
            } else {
                lines.insert(entry.key.clone(), line);
                kept.push(entry);
            }
        }
        kept
    }

    /// Puts together the texts that commas inside parentheses took apart, as in `{candidates: top(explore, 3)}`.
    fn join_entries(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
        let mut entries = entries.into_iter().peekable();
        while let Some(mut entry) = entries.next() {
            while is_open_call(&entry.value) {
                let bare = |e: &Entry| e.value.value == Value::Null && e.value.span.start == e.value.span.end;
                let Some(next) = entries.next_if(bare) else { break };
                self.join(&mut entry.value, next.key_span);
            }
            kept.push(entry);
        }
        kept.iter().for_each(|entry| self.joined(&entry.value));
        kept
    }

    fn join_items(&mut self, items: Vec<Node>) -> Vec<Node> {
        let mut kept: Vec<Node> = Vec::with_capacity(items.len());
        let mut items = items.into_iter().peekable();
        while let Some(mut item) = items.next() {
            while is_open_call(&item) {
                let Some(next) = items.next_if(|next| next.text.is_some()) else { break };
                self.join(&mut item, next.span);
            }
            kept.push(item);
        }
        kept.iter().for_each(|item| self.joined(item));
        kept
    }

    fn join(&self, node: &mut Node, next: Span) {
        node.span.end = next.end.max(node.span.end);
        let text = self.sources.file(self.file).text().get(node.span.start..node.span.end).unwrap_or_default();
        node.value = Value::String(text.to_owned());
    }

    /// Warns of a text that was put together: its text as written is longer than what the parser took for one.
    fn joined(&mut self, node: &Node) {
        if let (Value::String(whole), Some(first)) = (&node.value, &node.text)
            && whole.len() > first.len()
        {
            let mut flaw =
                Flaw::new(node.span, "comma", format!("a comma between brackets ends a text; read as `{whole}`"))
                    .help(format!("other programs need quotes here: '{whole}'"));
            flaw.severity = Severity::Warning;
            self.flaws.push(flaw);
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) -> bool {
        let Some((node, size)) = self.anchors.get(&anchor) else {
            self.flaws.push(Flaw::new(span, "alias", "this alias stands inside its own anchor"));
            self.place(Node { value: Value::Null, span, text: None }, LEAF, 0);
            return true;
        };
        if self.nodes + size.nodes > NODES || self.open.len() + size.depth > DEPTH {
            let message = format!("with this alias, values stand deeper than {DEPTH}, or are more than {NODES}");
            self.flaws.push(Flaw::new(span, "too-large", message));
            return false;
        }
        self.nodes += size.nodes - 1;
        let (node, size) = (node.clone(), *size);
        // What ends the surrounding list or mapping is the alias, wherever the anchor stands.
        self.place(node, size, 0);
        if let Some(open) = self.open.last_mut() {
            open.end = open.end.max(span.end);
        }
        true
    }

    /// Puts a complete node where it belongs.
    fn place(&mut self, node: Node, size: Size, anchor: usize) {
        self.nodes += 1;
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        if self.expects_key() {
            self.flaws.push(
                Flaw::new(self.first_line(node.span), "complex-key", "a key must be a text")
                    .help("a `{` or `[` that begins a text, and an alias as key, need quotes or other words"),
            );
            return self.set_key(Key::Refused);
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some((node, size));
            return;
        };
        open.size.nodes += size.nodes;
        open.size.depth = open.size.depth.max(size.depth + 1);
        if node.span.start >= open.start {
            open.end = open.end.max(node.span.end);
        }
        match &mut open.children {
            Children::List(items) => items.push(node),
            Children::Map { entries, key } => match key.take() {
                Some(Key::Text(key, key_span)) => {
                    open.end = open.end.max(key_span.end);
                    entries.push(Entry { key, key_span, value: node });
                }
                Some(Key::Refused) | None => {}
            },
        }
    }

    fn first_line(&self, span: Span) -> Span {
        let text = &self.sources.file(self.file).text()[span.start..span.end.max(span.start)];
        Span { end: span.start + text.find(['\n', '\r']).unwrap_or(text.len()), ..span }
    }

    fn syntax(&mut self, error: &ScanError) {
        let start = error.marker().byte_offset().unwrap_or(0).min(self.text.len());
        let length = self.text[start..].chars().next().filter(|c| !c.is_whitespace()).map_or(0, char::len_utf8);
        let span = Span { file: self.file, start: self.from + start, end: self.from + start + length };
        let (message, help) = describe(error);
        let mut flaw = Flaw::new(span, "syntax", message);
        flaw.help = help.map(Into::into);
        // What is never closed makes a later line wrong.
        let file = self.sources.file(self.file);
        let line = |byte| file.position(byte).line;
        if let Some(open) = self.open.iter().find(|open| !open.block)
            && line(open.start) < line(span.start)
        {
            let bracket = file.text().get(open.start..).and_then(|text| text.chars().next()).unwrap_or('[');
            flaw.help = Some(format!("is the `{bracket}` in line {} closed?", line(open.start)));
        }
        self.flaws.push(flaw);
    }
}

/// Whether this is the beginning of a call such as `top(explore`, whose parenthesis is not closed.
fn is_open_call(node: &Node) -> bool {
    let (Value::String(text), Some(_)) = (&node.value, &node.text) else { return false };
    let count = |c| text.matches(c).count();
    let name = text.split('(').next().unwrap_or_default();
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && count('(') > count(')')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> (Option<Node>, Vec<String>) {
        let mut sources = Sources::default();
        let file = sources.add("f", text);
        let (node, flaws) = parse(&sources, file, 0);
        let words = flaws
            .into_iter()
            .map(|flaw| {
                let at = sources.file(file).position(flaw.span.start);
                format!("{}:{} {}", at.line, at.column, flaw.code)
            })
            .collect();
        (node, words)
    }

    fn slice<'t>(text: &'t str, node: &Node) -> &'t str {
        &text[node.span.start..node.span.end]
    }

    #[test]
    fn spans_cover_what_is_written() {
        let text = "a: {ä: 'ö ö', c: []}\nlist:\n  - one\n  - {x: 1}\n  -\nempty: {}\nblock: |\n  two\n  lines\n\nlast: \"q\"\n";
        let (tree, flaws) = parsed(text);
        let tree = tree.unwrap();
        assert!(flaws.is_empty());
        for (pointer, expected) in [
            ("/a", "{ä: 'ö ö', c: []}"),
            ("/a/ä", "'ö ö'"),
            ("/a/c", "[]"),
            ("/list", "- one\n  - {x: 1}\n  -"),
            ("/list/0", "one"),
            ("/list/1", "{x: 1}"),
            ("/list/1/x", "1"),
            ("/list/2", ""),
            ("/empty", "{}"),
            ("/block", "two\n  lines"),
            ("/last", "\"q\""),
            ("", text.trim_end()),
        ] {
            assert_eq!(slice(text, tree.at(pointer).unwrap()), expected, "{pointer}");
        }
        let key = tree.key_span("/a/ä").unwrap();
        assert_eq!(&text[key.start..key.end], "ä");
    }

    #[test]
    fn line_breaks_of_other_systems_and_byte_order_marks_are_fine() {
        let (tree, flaws) = parsed("\u{feff}a: 1\r\nb:\r\n  - x\r\n");
        assert!(flaws.is_empty(), "{flaws:?}");
        assert_eq!(tree.unwrap().to_json(), serde_json::json!({"a": 1, "b": ["x"]}));
    }

    #[test]
    fn mistakes_are_collected() {
        let (tree, flaws) =
            parsed("a: 012\nb: .inf\na: 2\n<<: {x: 1}\n? [complex]\n: 3\nc: !mine 4\nd: *nowhere\ne: !!str 12\n");
        assert_eq!(
            flaws,
            [
                "1:4 leading-zero",
                "2:4 not-finite",
                "4:1 merge-key",
                "5:3 complex-key",
                "7:10 tag",
                "8:4 unknown-alias",
                "3:1 duplicate-key"
            ]
        );
        let tree = tree.unwrap();
        assert_eq!(tree.at("/a").unwrap().text.as_deref(), Some("012"));
        assert_eq!(tree.at("/e").unwrap().value, Value::String("12".into()));
    }

    #[test]
    fn a_syntax_error_leaves_no_tree_but_its_place() {
        for (text, place) in [
            ("a: [1, 2\n", "1:4 syntax"),
            ("a: {b: 1]\n", "1:4 syntax"),
            ("a:\n\tb: 1\n", "2:2 syntax"),
            ("a: b: c\n", "1:5 syntax"),
            ("a: @b\n", "1:4 syntax"),
        ] {
            let (tree, flaws) = parsed(text);
            assert!(tree.is_none(), "{text}");
            assert_eq!(flaws, [place], "{text}");
        }
    }

    #[test]
    fn a_second_document_is_refused() {
        assert_eq!(parsed("a: 1\n---\nb: 2\n").1, ["2:1 several-documents"]);
        assert!(parsed("---\na: 1\n...\n").1.is_empty());
    }

    #[test]
    fn aliases_have_the_place_of_their_anchor() {
        let text = "a: &x {k: 1}\nb: *x\nc: [*x]\n";
        let (tree, flaws) = parsed(text);
        let tree = tree.unwrap();
        assert!(flaws.is_empty());
        assert_eq!(slice(text, tree.at("/b/k").unwrap()), "1");
        assert_eq!(tree.at("/b").unwrap().span, tree.at("/a").unwrap().span);
        assert_eq!(slice(text, tree.at("/c").unwrap()), "[*x]");
        assert_eq!(parsed("a: &x [*x]\n").1, ["1:8 alias"]);
    }

    #[test]
    fn calls_with_commas_are_put_together_with_a_warning() {
        let text = "{a: top(x, 3), b: top(y, 3), c: [f(1, 2, z) >= 0.5, q], d: g(x, e: 1}\n";
        let (tree, flaws) = parsed(text);
        assert_eq!(
            tree.unwrap().to_json(),
            serde_json::json!({"a": "top(x, 3)", "b": "top(y, 3)", "c": ["f(1, 2, z) >= 0.5", "q"], "d": "g(x", "e": 1})
        );
        assert_eq!(flaws, ["1:34 comma", "1:5 comma", "1:19 comma"]);
    }

    #[test]
    fn alias_bombs_and_depth_are_bounded() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..30 {
            let below = format!("*a{}", level - 1);
            bomb += &format!("a{level}: &a{level} [{}]\n", vec![below; 10].join(", "));
        }
        assert_eq!(parsed(&bomb).1.len(), 1);
        let mut chain = "a0: &a0 [x]\n".to_owned();
        for level in 1..100 {
            chain += &format!("a{level}: &a{level} [*a{}]\n", level - 1);
        }
        assert_eq!(parsed(&chain).1.len(), 1);
        assert_eq!(parsed(&"[".repeat(10_000)).1, ["1:65 syntax"]);
        assert_eq!(parsed(&format!("{}x", "- ".repeat(10_000))).1.len(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn no_text_makes_it_panic(text in r#"[a-c:{}\[\],&*!|>'"%@`#?\- \n\t~0-9.é]{0,80}"#) {
            let (tree, flaws) = parsed(&text);
            if let Some(tree) = tree {
                tree.to_json();
            } else {
                prop_assert!(!flaws.is_empty() || text.trim().is_empty() || text.contains(['#', '-', '.', '%']));
            }
        }
    }
}
