//! The options and their schema.

use serde_json::{Value, json};

use super::{Check, failed, skipped, verdict};
use crate::report::Verdict;
use crate::search;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "options-schema",
        what: "the options' schema is a JSON Schema",
        run: |bench| {
            let schema = &bench.plugin.manifest().options_schema;
            verdict(jsonschema::validator_for(schema).map(|_| ()).map_err(|error| error.to_string()))
        },
    },
    Check {
        name: "options-defaults",
        what: "the defaults are valid by the schema, and it starts with them",
        run: |bench| {
            let Ok(validator) = jsonschema::validator_for(&bench.plugin.manifest().options_schema) else {
                return skipped("the schema is none");
            };
            let defaults = bench.options();
            if let Err(error) = validator.validate(&defaults) {
                return failed(format!("the schema refuses its own defaults {defaults}: {error}"));
            }
            verdict(search::start(bench.plugin, &bench.usual(), &bench.usage).map(|_| ()))
        },
    },
    Check {
        name: "options-described",
        what: "every option has a description",
        run: |bench| {
            let properties = bench.plugin.manifest().options_schema["properties"].as_object();
            let bare = properties.into_iter().flatten().find(|(_, schema)| schema["description"].as_str().is_none());
            verdict(bare.map_or(Ok(()), |(name, _)| Err(format!("option `{name}` has no `description`"))))
        },
    },
    Check {
        name: "options-unknown",
        what: "an option that there is not is refused by the schema, and by a message at the start",
        run: |bench| {
            let mut options = bench.options();
            options["no-such-option"] = json!(1);
            refused(bench, options)
        },
    },
    Check {
        name: "options-of-wrong-type",
        what: "an option of a wrong type is refused by the schema, and by a message at the start",
        run: |bench| {
            let mut options = bench.options();
            let Some(name) = options.as_object().and_then(|options| options.keys().next().cloned()) else {
                return skipped("it has no options");
            };
            options[name] = json!({"neither": ["a number", "nor a word"]});
            refused(bench, options)
        },
    },
];

/// Options that schema and plugin must refuse, the plugin by a message and not by a trap.
fn refused(bench: &super::Bench<'_>, options: Value) -> Verdict {
    let Ok(validator) = jsonschema::validator_for(&bench.plugin.manifest().options_schema) else {
        return skipped("the schema is none");
    };
    if validator.is_valid(&options) {
        return failed(format!("the schema takes {options} (is `additionalProperties: false` missing?)"));
    }
    let case = crate::case::Case { options: options.to_string(), ..bench.usual() };
    let context = case.context();
    let services = Box::new(crate::world::World(case.space));
    match bench.plugin.start(services, &context, pleach_plugin::Limits::default()) {
        Ok(_) => failed(format!("it starts with {options}")),
        Err(error) => match error.fault() {
            Some(pleach_plugin::Fault::Refused { .. }) => Verdict::Passed,
            _ => failed(format!("it does not refuse {options} by a message: {error}")),
        },
    }
}
