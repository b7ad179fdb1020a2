//! Files of plugins, sound or not: manifests, sections, components without code.

/// A manifest as JSON; the schema is given as JSON too.
pub fn manifest(name: &str, options_schema: &str, needs: &[&str]) -> String {
    let needs: Vec<String> = needs.iter().map(|need| format!("\"{need}\"")).collect();
    format!(
        r#"{{"name":"{name}","version":"0.1.0","summary":"A guest.","options_schema":{options_schema},"needs":[{}]}}"#,
        needs.join(",")
    )
}

/// A component with this manifest at its end.
pub fn with_manifest(mut component: Vec<u8>, manifest: &str) -> Vec<u8> {
    component.extend(custom_section("pleach:manifest", manifest.as_bytes()));
    component
}

/// A section of the file with a name and any content.
pub fn custom_section(name: &str, content: &[u8]) -> Vec<u8> {
    let mut section = size(name.len());
    section.extend(name.bytes().chain(content.iter().copied()));
    [vec![0], size(section.len()), section].concat()
}

/// A component given as text, with a manifest that would do.
pub fn bare_component(text: &str) -> Vec<u8> {
    with_manifest(wat::parse_str(text).expect("the component's text is WebAssembly"), &manifest("bare", "{}", &[]))
}

/// The text of a function of some 100 kB in which ten thousand variables meet at ten thousand branches: what compilers need
/// for it grows with the product.
pub fn enormous_function() -> String {
    let branch = |index: u32| {
        let (one, other) = (index % 10_000, index * 7919 % 10_000);
        format!("(if (local.get {one}) (then (local.set {one} (i32.add (local.get {other}) (i32.const 1)))))\n")
    };
    let branches: String = (0..10_000).map(branch).collect();
    format!("(func (local {}) {branches})", "i32 ".repeat(10_000))
}

/// A number of bytes as files have it (LEB128).
fn size(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}
