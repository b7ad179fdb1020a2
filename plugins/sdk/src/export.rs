/// Makes a [`Strategy`](crate::Strategy) the exports of the component. Once per crate, whose type is `cdylib` and `rlib`.
///
/// In a native build it does nothing, so that the crate also links as a library for tests.
#[macro_export]
macro_rules! export_strategy {
    ($strategy:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::bindings::exports::pleach::strategy::strategy as contract;

            ::std::thread_local! {
                static RUNNING: ::std::cell::RefCell<::core::option::Option<$strategy>> =
                    const { ::std::cell::RefCell::new(::core::option::Option::None) };
            }

            struct Component;

            impl contract::Guest for Component {
                fn describe() -> contract::Manifest {
                    $crate::glue::describe::<$strategy>()
                }
                fn start(context: contract::Context) -> ::core::result::Result<(), ::std::string::String> {
                    let strategy = $crate::glue::start::<$strategy>(context)?;
                    RUNNING.set(::core::option::Option::Some(strategy));
                    ::core::result::Result::Ok(())
                }
                fn ask(room: u32) -> ::core::result::Result<contract::Answer, ::std::string::String> {
                    RUNNING.with_borrow_mut(|strategy| $crate::glue::ask(strategy, room))
                }
                fn tell(
                    outcomes: ::std::vec::Vec<contract::Outcome>,
                ) -> ::core::result::Result<(), ::std::string::String> {
                    RUNNING.with_borrow_mut(|strategy| $crate::glue::tell(strategy, outcomes))
                }
                fn recommend() -> ::std::vec::Vec<contract::Genotype> {
                    RUNNING.with_borrow_mut($crate::glue::recommend)
                }
                fn save() -> ::std::vec::Vec<u8> {
                    RUNNING.with_borrow_mut($crate::glue::save)
                }
            }

    $crate::bindings::export!(Component with_types_in $crate::bindings);
        };
    };
}

/// What [`export_strategy`] calls, so that the macro holds no logic.
#[doc(hidden)]
#[cfg(target_arch = "wasm32")]
pub mod glue {
    use std::sync::Once;

    use crate::bindings::exports::pleach::strategy::strategy::Manifest;
    use crate::bindings::pleach::strategy::engine as imported;
    use crate::{Answer, Architecture, Context, Engine, Genotype, Level, Outcome, Prediction, Strategy};

    const NOT_STARTED: &str = "called before a successful start";

    /// The engine on the other side of the component boundary.
    struct Host;

    impl Engine for Host {
        fn log(&self, level: Level, message: &str) {
            imported::log(level, message);
        }
        fn sample(&self, count: u32, seed: u64) -> Vec<Genotype> {
            imported::sample(count, seed)
        }
        fn mutate(&self, parents: &[Genotype], seed: u64) -> Vec<Genotype> {
            imported::mutate(parents, seed)
        }
        fn repair(&self, genotypes: &[Genotype], seed: u64) -> Vec<Genotype> {
            imported::repair(genotypes, seed)
        }
        fn neighbours(&self, of: &[Genotype]) -> Vec<Vec<Genotype>> {
            imported::neighbours(of)
        }
        fn members(&self, limit: u32) -> Option<Vec<Genotype>> {
            imported::members(limit)
        }
        fn fingerprint(&self, of: &[Genotype]) -> Vec<u64> {
            imported::fingerprint(of)
        }
        fn path_counts(&self, of: &[Genotype]) -> Vec<Vec<f32>> {
            imported::path_counts(of)
        }
        fn graph(&self, of: &[Genotype]) -> Vec<Architecture> {
            imported::graph(of)
        }
        fn costs(&self, of: &[Genotype]) -> Vec<Vec<f64>> {
            imported::costs(of)
        }
        fn predict(&self, of: &[Genotype], objective: u32, pending: &[Genotype]) -> Vec<Prediction> {
            imported::predict(of, objective, pending)
        }
        fn extrapolate(&self, requests: &[u64], objective: u32) -> Vec<Prediction> {
            imported::extrapolate(requests, objective)
        }
        fn quality(&self, objective: u32) -> Option<f64> {
            imported::quality(objective)
        }
    }

    /// A trap carries no message, so the panic's goes to the engine before it.
    fn report_panics() {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            std::panic::set_hook(Box::new(|panic| {
                let message = panic.payload_as_str().unwrap_or("a panic without a text");
                let location = panic.location().map(ToString::to_string).unwrap_or_default();
                imported::panicked(message, &location);
            }));
        });
    }

    pub fn describe<S: Strategy>() -> Manifest {
        report_panics();
        crate::strategy::manifest::<S>()
    }

    pub fn start<S: Strategy>(context: Context) -> Result<S, String> {
        report_panics();
        let options = serde_json::from_str(&context.options)
            .map_err(|error| format!("the options do not fit the strategy: {error}"))?;
        S::start(context, options, &Host)
    }

    pub fn ask<S: Strategy>(strategy: &mut Option<S>, room: u32) -> Result<Answer, String> {
        strategy.as_mut().ok_or(NOT_STARTED)?.ask(room, &Host)
    }

    pub fn tell<S: Strategy>(strategy: &mut Option<S>, outcomes: Vec<Outcome>) -> Result<(), String> {
        strategy.as_mut().ok_or(NOT_STARTED)?.tell(outcomes, &Host)
    }

    pub fn recommend<S: Strategy>(strategy: &mut Option<S>) -> Vec<Genotype> {
        strategy.as_mut().expect(NOT_STARTED).recommend(&Host)
    }

    pub fn save<S: Strategy>(strategy: &mut Option<S>) -> Vec<u8> {
        strategy.as_mut().expect(NOT_STARTED).save(&Host)
    }
}

/// Native builds have no component boundary.
#[doc(hidden)]
#[cfg(not(target_arch = "wasm32"))]
pub mod glue {}
