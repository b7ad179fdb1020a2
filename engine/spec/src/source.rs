//! Files as read: their labels, their text, and the way from a byte to a line and a column.

/// Which file a span lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(u32);

/// A range of bytes in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// The first byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
}

/// A line and a column, both from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// One file: what it is called and what it holds.
#[derive(Debug, Clone)]
pub struct SourceFile {
    label: String,
    text: String,
    /// The byte at which each line starts.
    lines: Vec<usize>,
}

impl SourceFile {
    fn new(label: &str, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let bytes = text.as_bytes();
        let mut lines = vec![0];
        for (index, &byte) in bytes.iter().enumerate() {
            // `\r\n` is one break; a lone `\r` is one too, as in YAML.
            if byte == b'\n' || (byte == b'\r' && bytes.get(index + 1) != Some(&b'\n')) {
                lines.push(index + 1);
            }
        }
        SourceFile { label: label.to_owned(), text: text.to_owned(), lines }
    }

    /// What the file is called in messages: its path, or `--set`.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The text, without a byte order mark.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where a byte stands. A byte inside a character counts as that character, one past the end as the end.
    pub fn position(&self, byte: usize) -> Position {
        let mut byte = byte.min(self.text.len());
        while !self.text.is_char_boundary(byte) {
            byte -= 1;
        }
        let line = self.lines.partition_point(|&start| start <= byte) - 1;
        let column = self.text[self.lines[line]..byte].chars().count() + 1;
        Position { line: line + 1, column }
    }

    /// The text of a line (from 1) without its break; empty where there is no such line.
    pub fn line(&self, line: usize) -> &str {
        let Some(&start) = line.checked_sub(1).and_then(|index| self.lines.get(index)) else { return "" };
        let end = self.lines.get(line).copied().unwrap_or(self.text.len());
        self.text[start..end].trim_end_matches(['\n', '\r'])
    }
}

/// All files that a document was read from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    /// Takes in a file. A byte order mark at its start is dropped.
    pub fn add(&mut self, label: &str, text: &str) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).expect("fewer than 2^32 files are read"));
        self.files.push(SourceFile::new(label, text));
        id
    }

    /// The file of that id.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(text: &str, byte: usize) -> (usize, usize) {
        let mut sources = Sources::default();
        let id = sources.add("f", text);
        let position = sources.file(id).position(byte);
        (position.line, position.column)
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(position("ä: ö\nb", 4), (1, 4));
        assert_eq!(position("ä: ö\nb", 7), (2, 1));
        assert_eq!(position("ä", 1), (1, 1));
        assert_eq!(position("a", 99), (1, 2));
        assert_eq!(position("", 0), (1, 1));
    }

    #[test]
    fn every_kind_of_line_break_counts_once() {
        assert_eq!(position("a\r\nb\rc\nd", 3), (2, 1));
        assert_eq!(position("a\r\nb\rc\nd", 5), (3, 1));
        assert_eq!(position("a\r\nb\rc\nd", 7), (4, 1));
    }

    #[test]
    fn lines_come_without_breaks_and_marks() {
        let mut sources = Sources::default();
        let id = sources.add("f", "\u{feff}one\r\ntwo\n");
        let file = sources.file(id);
        assert_eq!((file.line(1), file.line(2), file.line(3), file.line(9), file.line(0)), ("one", "two", "", "", ""));
    }
}
