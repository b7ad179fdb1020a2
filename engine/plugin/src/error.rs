use std::fmt;

use thiserror::Error;

use crate::Need;
use crate::contract::VERSION;

/// Why a plugin cannot be used, or what it did wrong.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum PluginError {
    /// The bytes are no component at all, or one that this engine cannot compile.
    #[error("{origin} is not a WebAssembly component: {detail}")]
    NotComponent { origin: String, detail: String },
    /// It is more than the engine compiles or sets up for a strategy.
    #[error("{origin} is too large for a strategy: {detail}")]
    TooLarge { origin: String, detail: String },
    /// It wants something from outside that strategies do not get.
    #[error("{origin} imports `{import}`, and strategies get nothing but `pleach:strategy`: {help}")]
    ForbiddenImport { origin: String, import: String, help: &'static str },
    /// It was built for another version of the contract.
    #[error(
        "{origin} was built for version {built_for} of the strategy contract, and this engine speaks {VERSION}: rebuild it \
         with the pleach-sdk that comes with this engine"
    )]
    ContractVersion { origin: String, built_for: String },
    /// Its exports or the types of its imports are not the contract's.
    #[error("{origin} is a component but not a strategy: {detail}")]
    NotStrategy { origin: String, detail: String },
    /// It was not made by `pleach plugin build`, which stores the manifest in the file.
    #[error("{origin} holds no manifest: build it with `pleach plugin build`")]
    NoManifest { origin: String },
    /// The manifest cannot be read or says what makes no sense.
    #[error("{origin} has an invalid manifest: {detail}")]
    InvalidManifest { origin: String, detail: String },
    /// What the component says of itself is not what the manifest in the file says.
    #[error(
        "plugin `{plugin}` describes itself otherwise than its file: {field} is {described}, in the file {embedded}; build \
         it again with `pleach plugin build`"
    )]
    ManifestDiffers { plugin: String, field: &'static str, embedded: String, described: String },
    /// A call ended with a fault, after which the search cannot go on.
    #[error("plugin `{plugin}`, {call}: {fault}")]
    Call { plugin: String, call: Call, fault: Box<Fault> },
}

impl PluginError {
    /// What a call did wrong, where it is that kind of error.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Call { fault, .. } => Some(fault),
            _ => None,
        }
    }
}

/// A call of a plugin, counted from 1 within a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Describe,
    Start,
    Ask { number: u64, room: u32 },
    Tell { number: u64, outcomes: usize },
    Recommend,
    Save,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Describe => write!(f, "describe"),
            Self::Start => write!(f, "start"),
            Self::Ask { number, room } => write!(f, "ask {number} (room {room})"),
            Self::Tell { number, outcomes } => write!(f, "tell {number} ({outcomes} outcomes)"),
            Self::Recommend => write!(f, "recommend"),
            Self::Save => write!(f, "save"),
        }
    }
}

/// What went wrong in a call of a plugin.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum Fault {
    /// More instructions than allowed: an endless loop, or a limit to raise.
    #[error("used up its {limit} units of fuel{}", place(frames))]
    Fuel { limit: u64, frames: Vec<String> },
    /// More memory than allowed.
    #[error("wants {wanted} bytes of memory where {limit} are allowed{}", place(frames))]
    Memory { wanted: u64, limit: u64, frames: Vec<String> },
    /// More table elements than allowed.
    #[error("wants tables of {wanted} elements where {limit} are allowed")]
    Table { wanted: u64, limit: u64 },
    /// Calls nested too deeply.
    #[error("used up its stack of {limit} bytes{}", place(frames))]
    Stack { limit: u64, frames: Vec<String> },
    /// More data handed to the engine in one piece than allowed.
    #[error("hands more than {limit} bytes to the engine at once")]
    Payload { limit: u64 },
    /// More log text in one call than allowed.
    #[error("logs more than {limit} bytes in one call")]
    Log { limit: u64 },
    /// More work asked of the engine within one call than allowed.
    #[error("asks the engine for work on more than {limit} genotypes within one call (in `{function}`)")]
    EngineWork { limit: u64, function: &'static str },
    /// An answer that the engine would need too much memory for.
    #[error("asks the engine for an answer of more than {limit} bytes (of `{function}`)")]
    EngineAnswer { limit: u64, function: &'static str },
    /// A call of the engine that the engine cannot serve.
    #[error("engine call `{function}`: {message}")]
    Engine { function: &'static str, message: String },
    /// `describe` must not depend on anything.
    #[error("calls `{function}` of the engine before it is started")]
    EngineTooEarly { function: &'static str },
    /// The guest panicked.
    #[error("panicked: {message}, at {location}{}", place(frames))]
    Panicked { message: String, location: String, frames: Vec<String> },
    /// Any other trap: a division by zero, an access out of bounds.
    #[error("trapped: {reason}{}", place(frames))]
    Trapped { reason: String, frames: Vec<String> },
    /// The strategy itself said that it cannot go on.
    #[error("{message}")]
    Refused { message: String },
    /// An answer without requests must be `wait` or `finished`.
    #[error("answers with no requests: `wait` and `finished` say why there are none")]
    NoRequests,
    /// More requests than asked for.
    #[error("makes {requests} requests where there is room for {room}")]
    TooManyRequests { requests: usize, room: u32 },
    /// Nothing that it waits for can come.
    #[error("waits although nothing is in flight")]
    WaitsForNothing,
    /// Ids rise by one from 0.
    #[error("numbers a request {found} where {expected} comes next")]
    RequestId { expected: u64, found: u64 },
    /// A request of a kind that the manifest does not announce.
    #[error("request {request} uses `{need}`, which the manifest's needs do not name")]
    Undeclared { request: u64, need: Need },
    /// A genotype that is no member of the space; without a request it was recommended.
    #[error("{} has an invalid genotype: {message}", subject(*request))]
    Genotype { request: Option<u64>, message: String },
    /// Any other value that cannot be.
    #[error("request {request}: {message}")]
    Request { request: u64, message: String },
    /// An outcome for a request that is not in flight: the engine's mistake.
    #[error("is told an outcome of request {request}, which is not in flight")]
    NotInFlight { request: u64 },
    /// The search ended with an earlier fault.
    #[error("called after it failed")]
    AfterFailure,
}

fn subject(request: Option<u64>) -> String {
    request.map_or_else(|| "the recommendation".to_owned(), |id| format!("request {id}"))
}

/// Where in the guest, innermost function first.
fn place(frames: &[String]) -> String {
    if frames.is_empty() { String::new() } else { format!(" (in {})", frames.join(" < ")) }
}
