//! The outermost sections of a component's binary format, as far as a custom section needs it.

/// The first bytes of every WebAssembly file.
const MAGIC: &[u8; 4] = b"\0asm";

/// What kind of file the bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Component,
    CoreModule,
    Other,
}

/// Tells a component from a core module by the preamble: version 13 in layer 1, against version 1 in layer 0.
pub(crate) fn kind(bytes: &[u8]) -> Kind {
    match bytes.get(..8) {
        Some(preamble) if &preamble[..4] != MAGIC => Kind::Other,
        Some(preamble) if preamble[6..8] == [1, 0] => Kind::Component,
        Some(preamble) if preamble[4..8] == [1, 0, 0, 0] => Kind::CoreModule,
        _ => Kind::Other,
    }
}

/// The contents of all outermost custom sections of this name.
pub(crate) fn custom_sections<'a>(bytes: &'a [u8], name: &str) -> Result<Vec<&'a [u8]>, String> {
    let mut found = Vec::new();
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some((&id, after)) = rest.split_first() {
        let section = sized(after)?;
        if id == 0 {
            let label = sized(section.content)?;
            if label.content == name.as_bytes() {
                found.push(label.rest);
            }
        }
        rest = section.rest;
    }
    Ok(found)
}

/// The bytes before a custom section of this name, where it is the last section; else all bytes.
pub(crate) fn before_last<'a>(bytes: &'a [u8], name: &str) -> &'a [u8] {
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some((&id, after)) = rest.split_first() {
        let Ok(section) = sized(after) else { return bytes };
        let named = || sized(section.content).is_ok_and(|label| label.content == name.as_bytes());
        if section.rest.is_empty() && id == 0 && named() {
            return &bytes[..bytes.len() - rest.len()];
        }
        rest = section.rest;
    }
    bytes
}

/// Adds a custom section at the end.
pub(crate) fn append_custom_section(bytes: &mut Vec<u8>, name: &str, content: &[u8]) {
    let mut section = Vec::with_capacity(content.len() + name.len() + 5);
    write_size(&mut section, name.len());
    section.extend_from_slice(name.as_bytes());
    section.extend_from_slice(content);
    bytes.push(0);
    write_size(bytes, section.len());
    bytes.extend_from_slice(&section);
}

struct Sized<'a> {
    content: &'a [u8],
    rest: &'a [u8],
}

/// Splits off what a size (LEB128, 32 bits) announces.
fn sized(bytes: &[u8]) -> Result<Sized<'_>, String> {
    let mut size = 0_u64;
    for (index, &byte) in bytes.iter().take(5).enumerate() {
        size |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let body = &bytes[index + 1..];
            return match usize::try_from(size).ok().and_then(|size| body.split_at_checked(size)) {
                Some((content, rest)) => Ok(Sized { content, rest }),
                None => Err(format!("a section of {size} bytes ends after {}", body.len())),
            };
        }
    }
    Err("a section's size cannot be read".to_owned())
}

fn write_size(bytes: &mut Vec<u8>, mut size: usize) {
    while size >= 0x80 {
        bytes.push((size & 0x7f) as u8 | 0x80);
        size >>= 7;
    }
    bytes.push(size as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: [u8; 8] = *b"\0asm\x0d\0\x01\0";

    #[test]
    fn what_is_appended_is_found() {
        let mut bytes = EMPTY.to_vec();
        append_custom_section(&mut bytes, "one", &[7; 300]);
        append_custom_section(&mut bytes, "two", b"");
        assert_eq!(custom_sections(&bytes, "one").unwrap(), [&[7; 300]]);
        assert_eq!(custom_sections(&bytes, "two").unwrap(), [b""]);
        assert!(custom_sections(&bytes, "on").unwrap().is_empty());
    }

    #[test]
    fn a_section_is_left_out_only_at_the_end() {
        let mut bytes = EMPTY.to_vec();
        append_custom_section(&mut bytes, "one", &[7; 300]);
        let one = bytes.clone();
        append_custom_section(&mut bytes, "two", b"two");
        assert_eq!(before_last(&bytes, "two"), one);
        assert_eq!(before_last(&bytes, "one"), bytes);
        assert_eq!(before_last(&one, "one"), EMPTY);
        assert_eq!(before_last(&bytes[..bytes.len() - 1], "two"), &bytes[..bytes.len() - 1]);
    }

    #[test]
    fn damaged_files_are_errors() {
        let mut bytes = EMPTY.to_vec();
        append_custom_section(&mut bytes, "one", &[7; 300]);
        for end in 9..bytes.len() {
            assert!(custom_sections(&bytes[..end], "one").is_err());
        }
        assert!(custom_sections(&[&EMPTY[..], &[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]].concat(), "one").is_err());
    }

    #[test]
    fn kinds_are_told_apart() {
        assert_eq!(kind(&EMPTY), Kind::Component);
        assert_eq!(kind(b"\0asm\x01\0\0\0"), Kind::CoreModule);
        assert_eq!(kind(b"\x7fELF\x02\x01\x01\0"), Kind::Other);
        assert_eq!(kind(b"\0asm"), Kind::Other);
    }
}
