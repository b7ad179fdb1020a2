use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A corruption of images at severities 1 to 5, named and graded as in the common-corruptions benchmark (Hendrycks and
/// Dietterich 2019): the constants of CIFAR-10-C for images below 64 pixels, of ImageNet-C above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Corruption {
    /// Noise of a normal distribution.
    GaussianNoise,
    /// Noise of the number of photons, which follows a Poisson distribution.
    ShotNoise,
    /// Pixels that turn black or white.
    ImpulseNoise,
    /// Out of focus: blurred by a disk.
    DefocusBlur,
    /// Blurred by a normal distribution.
    GaussianBlur,
    /// Brighter.
    Brightness,
    /// Less contrast.
    Contrast,
    /// Made smaller and larger again without interpolation.
    Pixelate,
    /// Lossy compression as JPEG.
    JpegCompression,
}

impl Corruption {
    /// All corruptions.
    pub const ALL: [Corruption; 9] = [
        Corruption::GaussianNoise,
        Corruption::ShotNoise,
        Corruption::ImpulseNoise,
        Corruption::DefocusBlur,
        Corruption::GaussianBlur,
        Corruption::Brightness,
        Corruption::Contrast,
        Corruption::Pixelate,
        Corruption::JpegCompression,
    ];

    /// The name as written in the YAML.
    pub fn name(self) -> &'static str {
        match self {
            Corruption::GaussianNoise => "gaussian_noise",
            Corruption::ShotNoise => "shot_noise",
            Corruption::ImpulseNoise => "impulse_noise",
            Corruption::DefocusBlur => "defocus_blur",
            Corruption::GaussianBlur => "gaussian_blur",
            Corruption::Brightness => "brightness",
            Corruption::Contrast => "contrast",
            Corruption::Pixelate => "pixelate",
            Corruption::JpegCompression => "jpeg_compression",
        }
    }

    /// The corruption of this name.
    pub fn of(name: &str) -> Option<Corruption> {
        Self::ALL.into_iter().find(|corruption| corruption.name() == name)
    }
}

/// An attack: a small change of an input, in the L-infinity norm, that makes a network err. Epsilons are in units of data
/// scaled to 0..1, and attacked inputs stay within the data's range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Attack {
    /// Fast gradient sign method (Goodfellow et al. 2015): one step along the gradient's sign.
    Fgsm(Fgsm),
    /// Projected gradient descent (Madry et al. 2018): several steps, each projected back.
    Pgd(Pgd),
    /// Square attack (Andriushchenko et al. 2020): random squares, kept where they help; sees outputs only.
    Square(Square),
}

impl Attack {
    /// The largest change of a value, in units of data scaled to 0..1.
    pub fn epsilon(&self) -> f64 {
        match self {
            Attack::Fgsm(attack) => attack.epsilon,
            Attack::Pgd(attack) => attack.epsilon,
            Attack::Square(attack) => attack.epsilon,
        }
    }
}

/// The fast gradient sign method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fgsm {
    /// The largest change of a value, in units of data scaled to 0..1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub epsilon: f64,
}

/// Projected gradient descent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pgd {
    /// The largest change of a value, in units of data scaled to 0..1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub epsilon: f64,
    /// Steps.
    #[serde(default = "default_steps")]
    #[schemars(range(min = 1, max = 10_000))]
    pub steps: u32,
    /// The length of a step, in the same units; 2.5 epsilon / steps unless told, at most epsilon.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub step_size: Option<f64>,
    /// Whether to begin at a random place within epsilon.
    #[serde(default = "yes")]
    pub random_start: bool,
}

impl Pgd {
    /// The length of a step.
    pub fn step(&self) -> f64 {
        self.step_size.unwrap_or((2.5 * self.epsilon / f64::from(self.steps)).min(self.epsilon))
    }
}

/// The Square attack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Square {
    /// The largest change of a value, in units of data scaled to 0..1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub epsilon: f64,
    /// How often the network may be asked about an example.
    #[serde(default = "default_queries")]
    #[schemars(range(min = 1, max = 100_000))]
    pub queries: u32,
    /// The share of pixels that the first squares change.
    #[serde(default = "default_share")]
    #[schemars(range(min = 0.001, max = 1.0))]
    pub initial_share: f64,
}

fn default_steps() -> u32 {
    10
}

fn yes() -> bool {
    true
}

fn default_queries() -> u32 {
    100
}

fn default_share() -> f64 {
    0.8
}
