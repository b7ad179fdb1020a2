//! What the manifest says.

use super::{Check, verdict};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "manifest-texts",
        what: "the version is one, and the summary is one line of at most 200 characters",
        run: |bench| {
            let manifest = bench.plugin.manifest();
            let (version, summary) = (manifest.version.as_str(), manifest.summary.as_str());
            verdict(
                if !version.starts_with(|first: char| first.is_ascii_digit()) || version.contains(char::is_whitespace) {
                    Err(format!("the version is `{version}`, and should be one such as 1.2.0"))
                } else if summary.trim().is_empty() || summary.contains('\n') || summary.chars().count() > 200 {
                    Err(format!("the summary is `{summary}`"))
                } else {
                    Ok(())
                },
            )
        },
    },
    Check {
        name: "manifest-needs",
        what: "it needs something that measures, and nothing twice",
        run: |bench| {
            let mut needs = bench.plugin.manifest().needs.clone();
            let count = needs.len();
            needs.sort();
            needs.dedup();
            use pleach_plugin::Need::{Proxies, Score, Train};
            let measures = [Train, Proxies, Score].into_iter().any(|need| needs.contains(&need));
            verdict(if needs.len() != count {
                Err("a need is named twice".to_owned())
            } else if !measures {
                Err("it names neither `train` nor `proxies` nor `score`, so it can ask for nothing".to_owned())
            } else {
                Ok(())
            })
        },
    },
    Check {
        name: "imports",
        what: "it imports nothing but the contract",
        run: |bench| {
            let other = bench.plugin.imports().into_iter().find(|import| !import.starts_with("pleach:strategy/"));
            verdict(other.map_or(Ok(()), |import| Err(format!("it imports `{import}`"))))
        },
    },
];
