//! What a component may be made of, counted before anything is compiled.
//!
//! A few bytes can stand for very much: a component that instantiates another ten times, which instantiates a third ten
//! times, and so on, is unfolded by the compiler; a module with a million globals takes their memory again in every
//! instance. Both are counted from the sections alone, in one pass over the file.

use wasmparser::{ComponentInstance, ComponentTypeRef, Encoding, Instance, Parser, Payload};

/// Instances of core modules, with all nested components unfolded. A plugin of Rust has 3, interpreted ones some 30.
const INSTANCES: u64 = 500;
/// Functions, globals, tables and the like of the largest module, times the instances: what instantiation sets up.
const ITEMS: u64 = 4_000_000;

/// One component that is being read.
#[derive(Default)]
struct Level {
    /// Instances of core modules of its own.
    instances: u64,
    /// Components that it instantiates.
    components: u64,
}

/// Says what a component has too much of. What cannot be parsed is left to the compiler, which says it better.
pub(crate) fn check_extent(bytes: &[u8]) -> Result<(), String> {
    // Of the components read so far, the most instances that one of them makes: what is instantiated was read before.
    let mut largest = 0_u64;
    let (mut items, mut most_items) = (0_u64, 0_u64);
    let mut levels: Vec<Level> = Vec::new();
    // Modules and components end with the same payload.
    let mut open: Vec<Encoding> = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let Ok(payload) = payload else { return Ok(()) };
        match payload {
            Payload::Version { encoding, .. } => {
                open.push(encoding);
                match encoding {
                    Encoding::Component => levels.push(Level::default()),
                    Encoding::Module => items = 0,
                }
            }
            Payload::End(_) => match open.pop() {
                Some(Encoding::Module) => most_items = most_items.max(items),
                Some(Encoding::Component) => {
                    let level = levels.pop().unwrap_or_default();
                    let unfolded = level.instances.saturating_add(level.components.saturating_mul(largest.max(1)));
                    if unfolded > INSTANCES {
                        return Err(format!("it makes {unfolded} instances where {INSTANCES} are allowed"));
                    }
                    largest = largest.max(unfolded);
                }
                None => {}
            },
            Payload::InstanceSection(section) => {
                let made = section.into_iter().flatten().filter(|one| matches!(one, Instance::Instantiate { .. }));
                if let Some(level) = levels.last_mut() {
                    level.instances += made.count() as u64;
                }
            }
            Payload::ComponentInstanceSection(section) => {
                let instantiates = |one: &ComponentInstance<'_>| matches!(one, ComponentInstance::Instantiate { .. });
                if let Some(level) = levels.last_mut() {
                    level.components += section.into_iter().flatten().filter(instantiates).count() as u64;
                }
            }
            // What is instantiated could then be read later.
            Payload::ComponentImportSection(section)
                if section
                    .clone()
                    .into_iter()
                    .flatten()
                    .any(|one| matches!(one.ty, ComponentTypeRef::Component(_))) =>
            {
                return Err("a component in it imports a component".to_owned());
            }
            Payload::FunctionSection(section) => items += u64::from(section.count()),
            Payload::GlobalSection(section) => items += u64::from(section.count()),
            Payload::ImportSection(section) => items += u64::from(section.count()),
            Payload::TableSection(section) => items += u64::from(section.count()),
            Payload::ElementSection(section) => items += u64::from(section.count()),
            Payload::DataSection(section) => items += u64::from(section.count()),
            _ => {}
        }
    }
    match largest.saturating_mul(most_items) {
        wanted if wanted > ITEMS => Err(format!(
            "its instances may have {wanted} functions, globals, tables and segments where {ITEMS} are allowed"
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), String> {
        check_extent(&wat::parse_str(text).unwrap())
    }

    #[test]
    fn what_unfolds_is_counted() {
        let nested = |levels: u32, times: usize| {
            let inner =
                "(component $c (core module $m) ".to_owned() + &"(core instance (instantiate $m)) ".repeat(times) + ")";
            let wrap =
                |inner: String, _| format!("(component $c {inner} {})", "(instance (instantiate $c)) ".repeat(times));
            (0..levels).fold(inner, wrap)
        };
        assert_eq!(check(&nested(1, 10)), Ok(()));
        // 10^9 instances of half a kilobyte.
        let refused = check(&nested(8, 10)).unwrap_err();
        assert_eq!(refused, "it makes 1000 instances where 500 are allowed");
    }

    #[test]
    fn instances_of_large_modules_are_counted() {
        let module = format!("(core module $m {})", "(global i64 (i64.const 0))".repeat(9000));
        let made = |count: usize| format!("(component {module} {})", "(core instance (instantiate $m)) ".repeat(count));
        assert_eq!(check(&made(3)), Ok(()));
        assert!(check(&made(480)).unwrap_err().contains("4320000 functions, globals"));
    }

    #[test]
    fn later_components_cannot_be_handed_to_earlier_ones() {
        let text = "(component (component $c (import \"x\" (component $x)) (instance (instantiate $x))))";
        assert!(check(text).unwrap_err().contains("imports a component"));
        assert_eq!(check_extent(b"no component"), Ok(()));
    }
}
