use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::contract::generated::exports::pleach::strategy::strategy as contract;
use crate::section::{Kind, append_custom_section, before_last, custom_sections, kind};
use crate::{COMPONENT_BYTES, PluginError, schema};

/// The custom section that holds the manifest as JSON.
const SECTION: &str = "pleach:manifest";

/// What a strategy uses of the engine; an experiment that cannot serve it is refused before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    Train,
    Resume,
    Inherit,
    Proxies,
    Share,
    Score,
    Predict,
    SeveralObjectives,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// What a plugin says of itself, readable without running it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The name that experiments use: lower-case words joined by hyphens.
    pub name: String,
    /// The plugin's own version.
    pub version: String,
    /// One sentence for lists.
    pub summary: String,
    /// A JSON Schema for what stands below `with:` in an experiment, defaults included.
    pub options_schema: Value,
    /// What it uses of the engine.
    pub needs: Vec<Need>,
}

/// Where the schema of an option says what the option needs unless it holds its default.
const OPTION_NEEDS: &str = "x-needs";

impl Manifest {
    /// Whether it uses something of the engine, whatever its options.
    pub fn needs(&self, need: Need) -> bool {
        self.needs.contains(&need)
    }

    /// What its options need beside [`Manifest::needs`], each with the option: where an option does not hold its default, what
    /// stands at `x-needs` in the option's schema.
    pub fn options_need<'m>(&'m self, options: &'m Map<String, Value>) -> impl Iterator<Item = (&'m str, Need)> {
        options.iter().filter_map(|(name, value)| {
            let schema = &self.options_schema["properties"][name];
            let need = Need::deserialize(schema.get(OPTION_NEEDS)?).ok()?;
            (schema.get("default") != Some(value)).then_some((name.as_str(), need))
        })
    }

    /// Whether it uses something of the engine with these options.
    pub fn uses(&self, need: Need, options: &Map<String, Value>) -> bool {
        self.needs(need) || self.options_need(options).any(|(_, other)| other == need)
    }

    /// The manifest that a component's `describe` answered.
    pub(crate) fn from_described(described: contract::Manifest) -> Result<Self, String> {
        let need = |word: String| {
            serde_json::from_value(Value::String(word.clone()))
                .map_err(|_| format!("`{word}` is no need of a strategy"))
        };
        let manifest = Self {
            name: described.name,
            version: described.version,
            summary: described.summary,
            options_schema: serde_json::from_str(&described.options_schema)
                .map_err(|error| format!("the options' schema is not JSON: {error}"))?,
            needs: described.needs.into_iter().map(need).collect::<Result<_, _>>()?,
        };
        manifest.check()?;
        Ok(manifest)
    }

    /// What the schemas of JSON and the file's types do not say.
    fn check(&self) -> Result<(), String> {
        let word = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        if !self.name.split('-').all(word) || self.name.len() > 64 {
            return Err(format!("the name `{}` is not made of lower-case words joined by hyphens", self.name));
        }
        schema::check(&self.options_schema)?;
        for (name, schema) in self.options_schema["properties"].as_object().into_iter().flatten() {
            if let Some(need) = schema.get(OPTION_NEEDS).filter(|need| Need::deserialize(*need).is_err()) {
                return Err(format!("option `{name}` has `{OPTION_NEEDS}: {need}`, which is no need of a strategy"));
            }
        }
        Ok(())
    }

    /// The first field in which two manifests differ, with both values as text.
    pub(crate) fn difference(&self, other: &Self) -> Option<(&'static str, String, String)> {
        let fields = |manifest: &Self| {
            [
                ("name", manifest.name.clone()),
                ("version", manifest.version.clone()),
                ("summary", manifest.summary.clone()),
                ("options_schema", manifest.options_schema.to_string()),
                ("needs", manifest.needs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
            ]
        };
        let pairs = fields(self).into_iter().zip(fields(other));
        pairs.map(|((field, one), (_, two))| (field, one, two)).find(|(_, one, two)| one != two)
    }

    /// Writes the manifest into a component.
    pub(crate) fn append_to(&self, component: &mut Vec<u8>) {
        let json = serde_json::to_vec(self).expect("a manifest is strings and JSON, which can be written");
        append_custom_section(component, SECTION, &json);
    }
}

/// The options with the schema's defaults in place of those not given, in the schema's order.
pub fn with_defaults(schema: &Value, given: Map<String, Value>) -> Map<String, Value> {
    let mut options = Map::new();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = given.get(name).or_else(|| property.get("default")) {
            options.insert(name.clone(), value.clone());
        }
    }
    for (name, value) in given {
        options.entry(name).or_insert(value);
    }
    options
}

/// The component alone, as it was before its manifest was appended: what is compiled, so that a build that asked it to
/// describe itself has filled the cache for the loads that follow.
pub(crate) fn without_manifest(bytes: &[u8]) -> &[u8] {
    before_last(bytes, SECTION)
}

/// Reads a plugin's manifest without compiling or running it. `origin` names the file in errors.
///
/// # Errors
/// Where the bytes are no component, or it holds no manifest, or an invalid one.
pub fn read_manifest(bytes: &[u8], origin: &str) -> Result<Manifest, PluginError> {
    let origin = origin.to_owned();
    if bytes.len() > COMPONENT_BYTES {
        let detail = format!("it has more than the {COMPONENT_BYTES} bytes that are allowed");
        return Err(PluginError::TooLarge { origin, detail });
    }
    match kind(bytes) {
        Kind::Component => {}
        Kind::CoreModule => {
            let detail = "it is a core module, which `pleach plugin build` makes a component".to_owned();
            return Err(PluginError::NotComponent { origin, detail });
        }
        Kind::Other => {
            let detail = "it does not begin as one".to_owned();
            return Err(PluginError::NotComponent { origin, detail });
        }
    }
    let sections = match custom_sections(bytes, SECTION) {
        Ok(sections) => sections,
        Err(detail) => return Err(PluginError::NotComponent { origin, detail }),
    };
    let [section] = sections[..] else {
        if sections.is_empty() {
            return Err(PluginError::NoManifest { origin });
        }
        let detail = format!("there are {} of them", sections.len());
        return Err(PluginError::InvalidManifest { origin, detail });
    };
    let read = serde_json::from_slice(section).map_err(|error| error.to_string());
    let checked = read.and_then(|manifest: Manifest| manifest.check().map(|()| manifest));
    checked.map_err(|detail| PluginError::InvalidManifest { origin, detail })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        Manifest {
            name: "hill-climbing".to_owned(),
            version: "0.1.0".to_owned(),
            summary: "Climbs.".to_owned(),
            options_schema: serde_json::json!({"type": "object", "properties": {"steps": {"default": 3}}}),
            needs: vec![Need::Train, Need::SeveralObjectives],
        }
    }

    fn with_section(content: &[u8]) -> Vec<u8> {
        let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
        append_custom_section(&mut bytes, SECTION, content);
        bytes
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
        manifest().append_to(&mut bytes);
        assert_eq!(read_manifest(&bytes, "x.wasm").unwrap(), manifest());
        manifest().append_to(&mut bytes);
        assert!(read_manifest(&bytes, "x.wasm").unwrap_err().to_string().contains("there are 2 of them"));
    }

    #[test]
    fn errors_say_what_to_do() {
        let message = |bytes: &[u8]| read_manifest(bytes, "x.wasm").unwrap_err().to_string();
        assert_eq!(message(b"hello"), "x.wasm is not a WebAssembly component: it does not begin as one");
        assert!(message(b"\0asm\x01\0\0\0").contains("core module"));
        assert!(message(b"\0asm\x0d\0\x01\0").contains("pleach plugin build"));
        assert!(message(&with_section(b"{}")).contains("missing field `name`"));
        let renamed = serde_json::to_vec(&Manifest { name: "Hill Climbing".to_owned(), ..manifest() }).unwrap();
        assert!(message(&with_section(&renamed)).contains("lower-case words"));
    }

    #[test]
    fn needs_have_their_words() {
        assert_eq!(Need::SeveralObjectives.to_string(), "several-objectives");
        let other = Manifest { needs: vec![Need::Train], ..manifest() };
        let (field, one, two) = manifest().difference(&other).unwrap();
        assert_eq!((field, one.as_str(), two.as_str()), ("needs", "train, several-objectives", "train"));
        assert_eq!(manifest().difference(&manifest()), None);
    }

    #[test]
    fn defaults_fill_what_is_not_given() {
        let schema = serde_json::json!({"properties": {
            "population": {"type": "integer", "default": 50}, "sample": {"type": "integer", "default": 10}
        }});
        let given = serde_json::json!({"sample": 4}).as_object().unwrap().clone();
        let filled = with_defaults(&schema, given);
        assert_eq!(Value::Object(filled), serde_json::json!({"population": 50, "sample": 4}));
    }
}
