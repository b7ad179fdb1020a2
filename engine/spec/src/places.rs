//! Where keys of an experiment stand, for those that were written elsewhere.

use crate::foreign;
use crate::schema::{branches, experiment, resolve};
use crate::tree::tokens;
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::LazyLock;

/// How a key that stands at a pointer is written where it belongs, such as `space: {training: {epochs: …}}`; also what others call it.
/// Of several places the one nearest to the pointer; with `near`, only one in the same section. None where it stands nowhere, or only around the pointer.
pub(crate) fn example(key: &str, pointer: &str, near: bool) -> Option<String> {
    let plain: String = key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let places = PLACES.get(key).or_else(|| foreign::ours(&plain).find_map(|ours| PLACES.get(ours)))?;
    let here: Vec<String> = tokens(pointer).collect();
    // The name of a step is any.
    let same = |(index, (a, b)): (usize, (&String, &String))| a == b || (index == 1 && a == "STEP");
    let common = |place: &[String]| place.iter().zip(&here).enumerate().take_while(|pair| same(*pair)).count();
    let elsewhere = places.iter().filter(|place| common(place) < place.len() && (!near || common(place) > 0));
    let place = elsewhere.min_by_key(|place| (usize::MAX - common(place), place.len()))?;
    let (last, outer) = place.split_last()?;
    let open: String = outer.iter().map(|key| format!("{key}: {{")).collect();
    Some(format!("{open}{last}: …{}", "}".repeat(outer.len())))
}

/// The keys that lead to each key, those nearest to the root first. What stands below a name or in a list has no place of its own, but for steps.
static PLACES: LazyLock<HashMap<String, Vec<Vec<String>>>> = LazyLock::new(|| {
    static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
    let schema = experiment();
    let definitions = schema["$defs"].as_object().unwrap_or(&NONE);
    let mut places: HashMap<String, Vec<Vec<String>>> = HashMap::new();
    let mut seen = HashSet::new();
    let mut waiting = VecDeque::from([(schema, Vec::<String>::new())]);
    while let Some((schema, path)) = waiting.pop_front() {
        let mut schema = resolve(definitions, schema);
        // What may be decided: the value itself.
        while schema.get("if").is_some_and(|condition| condition.get("type").is_none()) {
            schema = resolve(definitions, &schema["else"]);
        }
        if !seen.insert(std::ptr::from_ref(schema)) {
            continue;
        }
        for branch in branches(definitions, schema) {
            for (key, value) in branch["properties"].as_object().into_iter().flatten() {
                let path: Vec<String> = path.iter().chain([key]).cloned().collect();
                places.entry(key.clone()).or_default().push(path.clone());
                waiting.push_back((value, path));
            }
            if path == ["steps"] {
                waiting.push_back((&branch["additionalProperties"], vec!["steps".into(), "STEP".into()]));
            }
        }
    }
    places
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_shown_where_they_belong() {
        let shown = |key: &str, pointer: &str| example(key, pointer, false).unwrap();
        assert_eq!(shown("epochs", ""), "space: {training: {epochs: …}}");
        assert_eq!(shown("strategy", "/steps/explore"), "steps: {STEP: {search: {strategy: …}}}");
        assert_eq!(shown("n_trials", "/steps/explore/search"), "steps: {STEP: {search: {budget: {trials: …}}}}");
        assert_eq!(shown("lr", "/space/training"), "space: {training: {optimizer: {sgd: {rate: …}}}}");
        assert_eq!(example("direction", "/objectives/0", true), None);
        assert_eq!(example("colour", "", false), None);
    }
}
