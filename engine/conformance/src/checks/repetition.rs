//! The same again, and something else.

use super::{Check, spaces};
use crate::case::{Case, Results};
use crate::report::Verdict;
use crate::search::replay;
use pleach_plugin::contract::Reason;

/// Two searches of this case are alike.
fn twice(bench: &super::Bench<'_>, case: &Case) -> Verdict {
    bench.searched(case, |one| {
        let other = bench.search(case)?;
        let differs = one.events.iter().zip(&other.events).position(|(one, other)| one != other);
        match differs {
            Some(step) => Err(format!("call {step} of the search comes out otherwise the second time")),
            None if one.events.len() != other.events.len() => Err("one search is longer than the other".to_owned()),
            None if one.recommended != other.recommended => {
                Err("it recommends something else the second time".to_owned())
            }
            None if one.saved != other.saved => Err("it saves something else the second time".to_owned()),
            None if one.fuel != other.fuel => Err(format!("it uses {} units of fuel, then {}", one.fuel, other.fuel)),
            None => Ok(()),
        }
    })
}

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "same-seed",
        what: "equal seeds give equal searches, to the last unit of fuel",
        run: |bench| twice(bench, &bench.usual()),
    },
    Check {
        name: "same-seed-conditional",
        what: "so they do under conditions, with failures",
        run: |bench| {
            twice(bench, &Case { results: Results::Failing(Reason::Diverged), ..bench.case(spaces::conditional()) })
        },
    },
    Check {
        name: "other-seed",
        what: "other seeds give other proposals",
        run: |bench| {
            let case = bench.usual();
            bench.searched(&case, |one| {
                for offset in 1..=3 {
                    let other = bench.search(&Case { seed: case.seed.wrapping_add(offset), ..case.clone() })?;
                    if one.genotypes() != other.genotypes() {
                        return Ok(());
                    }
                }
                Err("four seeds give the same proposals: is `context.seed` used?".to_owned())
            })
        },
    },
    Check {
        name: "replay",
        what: "told the same again, a new instance asks for the same at every step",
        run: |bench| {
            let case = bench.usual();
            bench.searched(&case, |history| replay(bench.plugin, &case, history, &bench.usage))
        },
    },
    Check {
        name: "replay-with-failures",
        what: "so it does where trainings failed, one at a time",
        run: |bench| {
            let results = Results::Failing(Reason::Lost);
            let case = Case { results, concurrency: 1, ..bench.case(spaces::conditional()) };
            bench.searched(&case, |history| replay(bench.plugin, &case, history, &bench.usage))
        },
    },
    Check {
        name: "instances-side-by-side",
        what: "two searches at once do not disturb each other",
        run: |bench| {
            let case = bench.usual();
            bench.searched(&case, |alone| {
                let beside = std::thread::scope(|scope| {
                    let search = || {
                        let usage = std::cell::RefCell::default();
                        crate::search::search(bench.plugin, &case, &usage)
                    };
                    let threads = [scope.spawn(search), scope.spawn(search)];
                    threads.map(|thread| {
                        thread.join().map_err(|_| "the search panicked".to_owned()).and_then(|found| found)
                    })
                });
                for history in beside {
                    if history? != *alone {
                        return Err("a search beside another comes out otherwise than alone".to_owned());
                    }
                }
                Ok(())
            })
        },
    },
];
