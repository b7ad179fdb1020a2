//! A space: its decisions, and what a genotype builds.

use crate::build::{BuildError, build};
use crate::canonical::{Fingerprint, canonical, fingerprint};
use crate::compile::compile;
use crate::cost::Costs;
use crate::decision::{Decision, Genotype};
use crate::network::{Network, Shape};
use crate::problem::SpaceProblem;
use crate::sample;
use crate::template::Template;
use pleach_random::Generator;
use pleach_spec::{Layer, Requirement, Training};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use smallvec::SmallVec;
use std::borrow::Cow;

/// A space section, compiled: a list of decisions, and for every genotype a network and a training recipe.
#[derive(Debug)]
pub struct Space {
    decisions: Vec<Decision>,
    network: Option<Template>,
    blocks: Vec<(String, Template)>,
    training: Template,
    values: Option<Template>,
    input: Option<Shape>,
    classes: Option<usize>,
    requirements: Vec<Requirement>,
    base: String,
    /// Layers of the network and blocks without decisions inside, read once: by index of the network's list.
    constant_layers: Vec<Option<Layer>>,
}

/// A check of a space works on at most so many layers and operations, which is about a second; one network may exceed it.
const MOST_WORK: usize = 3_000_000;
/// Distinct networks are counted where all together have at most so many layers and operations.
const MOST_COUNTING: f64 = 50e6;

/// What a genotype builds.
#[derive(Debug, Clone, PartialEq)]
pub struct Built {
    /// The network in canonical form: what is trained.
    pub network: Network,
    /// Its costs, as declared and canonical.
    pub costs: Costs,
    /// Equal for genotypes that build the same network.
    pub fingerprint: Fingerprint,
}

/// Canonical form, costs and fingerprint of a network as declared.
fn built(declared: &Network) -> Built {
    let network = canonical(declared);
    let costs = Costs::of(declared, &network);
    let fingerprint = fingerprint(&network);
    Built { network, costs, fingerprint }
}

impl Space {
    /// Compiles the space section that stands at the JSON pointer `base` (`/space`, or nothing for a space file alone). The
    /// data's shape and number of classes win over the section's own. Problems that are warnings leave the space usable.
    pub fn compile(section: &Value, base: &str, data: Option<(Shape, usize)>) -> (Option<Space>, Vec<SpaceProblem>) {
        let compiled = compile(section, base);
        let mut problems = compiled.problems;
        let mut requirements = Vec::new();
        for (i, text) in section.get("require").and_then(Value::as_array).into_iter().flatten().enumerate() {
            match text.as_str().unwrap_or_default().parse::<Requirement>() {
                Ok(requirement) => requirements.push(requirement),
                Err(error) => problems.push(SpaceProblem {
                    pointer: format!("{base}/require/{i}"),
                    code: "requirement-form",
                    message: error.to_string(),
                    help: None,
                    warning: false,
                }),
            }
        }
        let own_input = section.get("input").and_then(Value::as_array).map(|axes| {
            Shape(axes.iter().filter_map(Value::as_u64).map(|axis| axis as usize).collect::<SmallVec<_>>())
        });
        let own_classes = section.get("classes").and_then(Value::as_u64).map(|n| n as usize);
        let (input, classes) = match data {
            Some((shape, classes)) => (Some(shape), Some(classes)),
            None => (own_input, own_classes),
        };
        if let (Some(_), None) = (&compiled.network, &input) {
            problems.push(SpaceProblem {
                pointer: format!("{base}/network"),
                code: "unknown-input",
                message: "the shape of the network's input is not known".into(),
                help: Some("set `data`, or `input: [channels, height, width]` in the space".into()),
                warning: false,
            });
        }
        if problems.iter().any(|problem| !problem.warning) {
            return (None, problems);
        }
        let constant_layer = |template: &Template| match template {
            Template::Constant(value) => Layer::deserialize(value).ok(),
            _ => None,
        };
        let constant_layers = match &compiled.network {
            Some(Template::List(items)) => items.iter().map(constant_layer).collect(),
            _ => Vec::new(),
        };
        let space = Space {
            decisions: compiled.decisions,
            network: compiled.network,
            blocks: compiled.blocks,
            training: compiled.training.unwrap_or_else(|| Template::Constant(json!({}))),
            values: compiled.values,
            input,
            classes,
            requirements,
            base: base.to_owned(),
            constant_layers,
        };
        (Some(space), problems)
    }

    /// The decisions, each after the one that it depends on.
    pub fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// What candidates must keep to.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Whether there is a network.
    pub fn has_network(&self) -> bool {
        self.network.is_some()
    }

    /// The shape of the network's input.
    pub fn input(&self) -> Option<&Shape> {
        self.input.as_ref()
    }

    /// The number of classes.
    pub fn classes(&self) -> Option<usize> {
        self.classes
    }

    /// The genotype in which every decision holds its default.
    pub fn defaults(&self) -> Genotype {
        let mut genotype: Genotype = self.decisions.iter().map(|decision| decision.default).collect();
        sample::clear_inactive(&self.decisions, &mut genotype);
        genotype
    }

    /// The layers of the network and of the named blocks that a genotype gives.
    #[allow(clippy::type_complexity)]
    pub(crate) fn layers(&self, genotype: &[f64]) -> Result<(Vec<Cow<'_, Layer>>, Vec<(String, Layer)>), SpaceProblem> {
        let Some(template) = &self.network else {
            return Err(self.problem("no-network", "/network", "the space has no network".into(), None));
        };
        let layers = match template {
            Template::List(items) if !self.constant_layers.is_empty() => items
                .iter()
                .zip(&self.constant_layers)
                .map(|(item, constant)| match constant {
                    Some(layer) => Ok(Cow::Borrowed(layer)),
                    None => Layer::deserialize(item.resolve(genotype)).map(Cow::Owned),
                })
                .collect::<Result<Vec<Cow<'_, Layer>>, _>>(),
            template => Vec::<Layer>::deserialize(template.resolve(genotype))
                .map(|layers| layers.into_iter().map(Cow::Owned).collect()),
        }
        .map_err(|error| self.problem("layer-form", "/network", error.to_string(), None))?;
        let mut blocks = Vec::with_capacity(self.blocks.len());
        for (name, template) in &self.blocks {
            let layer = Layer::deserialize(template.resolve(genotype))
                .map_err(|error| self.problem("layer-form", &format!("/blocks/{name}"), error.to_string(), None))?;
            blocks.push((name.clone(), layer));
        }
        Ok((layers, blocks))
    }

    /// The network as declared, dead operations included.
    ///
    /// # Errors
    /// If the layers' shapes do not fit, with the place of the layer.
    pub fn network(&self, genotype: &[f64]) -> Result<Network, SpaceProblem> {
        self.network_and_work(genotype).0
    }

    /// The network as declared, and how many layers, operations and decisions were worked on for it.
    fn network_and_work(&self, genotype: &[f64]) -> (Result<Network, SpaceProblem>, usize) {
        let (layers, blocks) = match self.layers(genotype) {
            Ok(found) => found,
            Err(problem) => return (Err(problem), genotype.len()),
        };
        let layers: Vec<Layer> = layers.into_iter().map(Cow::into_owned).collect();
        let input = self.input.as_ref().expect("a space with a network has an input");
        let (network, work) = build(&layers, &blocks, input, self.classes);
        let network = network.map_err(|error| self.build_problem(genotype, &error));
        (network.and_then(|network| self.fitting_output(network)), work + genotype.len())
    }

    fn fitting_output(&self, network: Network) -> Result<Network, SpaceProblem> {
        let output = network.output_shape();
        match self.classes {
            Some(classes) if !output.is_vector() || output.channels() != classes => Err(self.problem(
                "network-output",
                "/network",
                format!("the network gives {output}, but there are {classes} classes"),
                Some("end it with `linear: classes`, after `global_pool` or `flatten`".into()),
            )),
            _ => Ok(network),
        }
    }

    /// The canonical network with costs and fingerprint.
    ///
    /// # Errors
    /// As [`Space::network`].
    pub fn build(&self, genotype: &[f64]) -> Result<Built, SpaceProblem> {
        self.network(genotype).map(|declared| built(&declared))
    }

    /// The training recipe.
    ///
    /// # Errors
    /// If the values make no recipe, which the schema rules out.
    pub fn training(&self, genotype: &[f64]) -> Result<Training, SpaceProblem> {
        Training::deserialize(self.training.resolve(genotype))
            .map_err(|error| self.problem("training-form", "/training", error.to_string(), None))
    }

    /// The values for a `command` or `table` evaluator.
    pub fn values(&self, genotype: &[f64]) -> Value {
        self.values.as_ref().map_or_else(|| json!({}), |values| values.resolve(genotype))
    }

    /// The space section without decisions: the network of one genotype, as it can be written back as YAML.
    pub fn resolved(&self, genotype: &[f64]) -> Value {
        let mut section = Map::new();
        if let Some(input) = &self.input {
            section.insert("input".into(), json!(input.0.as_slice()));
        }
        if let Some(classes) = self.classes {
            section.insert("classes".into(), json!(classes));
        }
        let named: Map<String, Value> = self
            .blocks
            .iter()
            .filter(|(_, template)| *template != Template::Constant(Value::Array(Vec::new())))
            .map(|(name, template)| (name.clone(), template.resolve(genotype)))
            .collect();
        if !named.is_empty() {
            section.insert("blocks".into(), Value::Object(named));
        }
        if let Some(network) = &self.network {
            section.insert("network".into(), network.resolve(genotype));
        }
        section.insert("training".into(), self.training.resolve(genotype));
        if let Some(values) = &self.values {
            section.insert("values".into(), values.resolve(genotype));
        }
        Value::Object(section)
    }

    /// Builds every option of every decision in at least one network, and `random` random genotypes; what does not fit is
    /// said once a place. If hardly any genotype keeps to the hard requirements, that is said too.
    ///
    /// The work is bounded: of large networks fewer random genotypes are built, and of a space so large that not even every
    /// option can be built, that is said.
    pub fn check(&self, random: usize) -> Vec<SpaceProblem> {
        let mut problems: Vec<SpaceProblem> = Vec::new();
        let mut note = |problem: SpaceProblem| {
            if !problems.iter().any(|known| known.pointer == problem.pointer && known.code == problem.code) {
                problems.push(problem);
            }
        };
        let hard: Vec<&Requirement> =
            self.requirements.iter().filter(|r| Costs::NAMES.contains(&r.metric.name.as_str())).collect();
        let mut kept = 0usize;
        let mut fitting = 0usize;
        let mut work = 0usize;
        let mut visit = |genotype: &[f64], counts: bool| {
            if let Err(problem) = self.training(genotype) {
                note(problem);
            }
            if !self.has_network() {
                work += genotype.len();
                return work < MOST_WORK;
            }
            let (network, effort) = self.network_and_work(genotype);
            work += effort;
            match network {
                Err(problem) => note(problem),
                Ok(network) if counts => {
                    fitting += 1;
                    let costs = (!hard.is_empty()).then(|| built(&network).costs);
                    let keeps = costs.is_none_or(|costs| {
                        hard.iter().all(|r| costs.metric(&r.metric.name).is_some_and(|v| r.violation(v) <= 0.0))
                    });
                    kept += usize::from(keeps);
                }
                Ok(_) => {}
            }
            work < MOST_WORK
        };
        visit(&self.defaults(), false);
        let mut options = sample::every_option(&self.decisions);
        options.by_ref().all(|genotype| visit(&genotype, false));
        let unbuilt = options.count();
        let small = self.genotypes().is_some_and(|count| count <= random as f64);
        if small {
            sample::all(&self.decisions).all(|genotype| visit(&genotype, true));
        } else {
            let mut generator = Generator::new(0);
            (0..random).all(|_| visit(&sample::draw(&self.decisions, &mut generator), true));
        }
        if unbuilt > 0 {
            let message = format!("the space is so large that {unbuilt} options were built in no network");
            let help = "mistakes in them show when a search builds them; fewer decisions or layers can be checked";
            let mut problem = self.problem("not-all-checked", "", message, Some(help.into()));
            problem.warning = true;
            note(problem);
        }
        if !hard.is_empty() && fitting > 0 && kept * 50 < fitting {
            let share = 100.0 * kept as f64 / fitting as f64;
            let of = if small && work < MOST_WORK { "all" } else { "random" };
            let mut problem = self.problem(
                "hard-to-require",
                "/require",
                format!("only {kept} of {fitting} {of} genotypes ({share:.1} %) keep to `require`"),
                Some("loosen it, or narrow the decisions so that more candidates pass".into()),
            );
            problem.warning = kept > 0;
            note(problem);
        }
        problems
    }

    /// The number of genotypes; none where it is not finite.
    pub fn genotypes(&self) -> Option<f64> {
        sample::count(&self.decisions)
    }

    /// The number of distinct networks, where there are at most `limit` genotypes, of networks that are not so large that
    /// counting takes minutes.
    pub fn unique(&self, limit: u64) -> Option<u64> {
        use rayon::prelude::*;
        let genotypes = self.genotypes()?;
        if !self.has_network() || genotypes > limit as f64 {
            return None;
        }
        let (_, work) = self.network_and_work(&self.defaults());
        if work as f64 * genotypes > MOST_COUNTING {
            return None;
        }
        let genotypes: Vec<Genotype> = sample::all(&self.decisions).collect();
        let mut fingerprints: Vec<Fingerprint> =
            genotypes.par_iter().filter_map(|genotype| Some(self.build(genotype).ok()?.fingerprint)).collect();
        fingerprints.sort_unstable();
        fingerprints.dedup();
        Some(fingerprints.len() as u64)
    }

    fn problem(&self, code: &'static str, place: &str, message: String, help: Option<String>) -> SpaceProblem {
        SpaceProblem { pointer: format!("{}{place}", self.base), code, message, help, warning: false }
    }

    /// Finds the layer in the source that the error is about.
    fn build_problem(&self, genotype: &[f64], error: &BuildError) -> SpaceProblem {
        let place = error.place();
        let mut pointer = self.base.clone();
        match place.split_first().map(|(first, rest)| (first.as_str(), rest)) {
            Some(("network", rest)) => {
                pointer.push_str("/network");
                if let Some(template) = &self.network {
                    template.source_pointer(genotype, rest, &mut pointer);
                }
            }
            Some(("blocks", rest)) => {
                if let Some((name, rest)) = rest.split_first() {
                    pointer.push_str(&format!("/blocks/{name}"));
                    if let Some((_, template)) = self.blocks.iter().find(|(block, _)| block == name) {
                        template.source_pointer(genotype, rest, &mut pointer);
                    }
                }
            }
            _ => pointer.push_str("/network"),
        }
        let (message, help) = (error.message.clone(), error.help.clone());
        SpaceProblem { pointer, code: "shape", message, help, warning: false }
    }
}
