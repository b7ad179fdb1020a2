//! The types of the contract, generated from `plugins/wit/strategy.wit`; see there for what each field means.
//!
//! All are plain data that can be compared, cloned and written with serde, since requests are recorded and compared when
//! a search is replayed.

pub(crate) mod generated {
    #![allow(missing_docs)]

    wasmtime::component::bindgen!({
        path: "../../plugins/wit",
        world: "strategy-plugin",
        imports: { default: trappable },
        additional_derives: [PartialEq, Clone, serde::Serialize, serde::Deserialize],
    });
}

pub use generated::exports::pleach::strategy::strategy::{Answer, Context, Known, Task};
pub use generated::pleach::strategy::engine::{Architecture, Level, Node, Prediction};
pub use generated::pleach::strategy::space::{
    Condition, Decision, Domain, Genotype, IntegerRange, RealRange, Role, Slot,
};
pub use generated::pleach::strategy::trial::{
    Failure, Job, Measurement, Origin, Outcome, Reason, Request, SharedScoring, SharedTraining, Sharing, Training,
};

/// The version of the contract that this host speaks.
pub const VERSION: &str = "0.1.0";

/// The signal of the fidelity that a training went on from: a context that lists it says that trainings can be resumed.
pub const RESUMED: &str = "resumed";

/// The package whose interfaces are the only ones that a strategy may import.
pub(crate) const PACKAGE: &str = "pleach:strategy";
