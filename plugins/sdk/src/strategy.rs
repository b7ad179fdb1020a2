use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{Answer, Context, Engine, Genotype, Outcome};

/// What a strategy uses of the engine; an experiment that cannot serve it is refused before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Trains networks on weights of their own.
    Train,
    /// Goes on with earlier trainings at a higher fidelity, where [`Context::resumes`] says so.
    Resume,
    /// Starts trainings from the weights of other networks.
    Inherit,
    /// Asks for training-free scores.
    Proxies,
    /// Trains shared weights.
    Share,
    /// Scores networks with shared weights.
    Score,
    /// Asks the experiment's predictor.
    Predict,
    /// Makes no sense with one objective.
    SeveralObjectives,
}

impl Need {
    /// The word for it in the manifest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Need::Train => "train",
            Need::Resume => "resume",
            Need::Inherit => "inherit",
            Need::Proxies => "proxies",
            Need::Share => "share",
            Need::Score => "score",
            Need::Predict => "predict",
            Need::SeveralObjectives => "several-objectives",
        }
    }
}

/// What a strategy says of itself; its options are described by [`Strategy::Options`].
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// The name that experiments use: lower-case words joined by hyphens.
    pub name: &'static str,
    /// Usually `env!("CARGO_PKG_VERSION")`.
    pub version: &'static str,
    /// One sentence for lists; name the paper here.
    pub summary: &'static str,
    /// What it uses of the engine.
    pub needs: &'static [Need],
}

/// A search strategy: one struct, made by [`start`](Strategy::start) once per search.
///
/// All methods return an error's message where the search cannot go on; a panic ends it too, with its message.
pub trait Strategy: Sized {
    /// What stands below `with:` in an experiment. The schema made from the type is checked before anything runs, and
    /// fills in the defaults (`#[serde(default)]`); use `#[serde(deny_unknown_fields)]` so that misspelt names are found.
    type Options: DeserializeOwned + JsonSchema;

    /// Name, version, summary and needs.
    const ABOUT: About;

    /// Begins a search.
    ///
    /// # Errors
    /// A message where the context does not suit the strategy.
    fn start(context: Context, options: Self::Options, engine: &dyn Engine) -> Result<Self, String>;

    /// The next requests: at least one and at most `room`, or [`Answer::Wait`] for the next outcome (only with requests
    /// in flight), or [`Answer::Finished`].
    ///
    /// # Errors
    /// A message where the search cannot go on.
    fn ask(&mut self, room: u32, engine: &dyn Engine) -> Result<Answer, String>;

    /// How requests came out: all that end at one instant of the virtual clock, in the order in which they were asked.
    ///
    /// # Errors
    /// A message where the search cannot go on.
    fn tell(&mut self, outcomes: Vec<Outcome>, engine: &dyn Engine) -> Result<(), String>;

    /// What the strategy recommends at the end, best or front first; empty: the best measured.
    fn recommend(&mut self, engine: &dyn Engine) -> Vec<Genotype> {
        let _ = engine;
        Vec::new()
    }

    /// What a later search with this strategy can begin from ([`Context::saved`]); empty: nothing.
    fn save(&mut self, engine: &dyn Engine) -> Vec<u8> {
        let _ = engine;
        Vec::new()
    }
}

/// What `describe` answers. The schema loses what only documents of their own need (`$schema` and the Rust type's name).
pub(crate) fn manifest<S: Strategy>() -> crate::bindings::exports::pleach::strategy::strategy::Manifest {
    let mut schema = schemars::generate::SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.meta_schema = None;
            settings.inline_subschemas = true;
        })
        .into_generator()
        .into_root_schema_for::<S::Options>();
    schema.remove("title");
    crate::bindings::exports::pleach::strategy::strategy::Manifest {
        name: S::ABOUT.name.to_owned(),
        version: S::ABOUT.version.to_owned(),
        summary: S::ABOUT.summary.to_owned(),
        options_schema: schema.as_value().to_string(),
        needs: S::ABOUT.needs.iter().map(|need| need.as_str().to_owned()).collect(),
    }
}
