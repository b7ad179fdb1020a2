use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The data: which set, how it is split, how many examples a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// The data set: a name that Pleach knows (`digits`), or a kind with its path, such as `{folder: ./flowers}`.
    pub dataset: Dataset,
    /// Examples a training step.
    #[serde(default = "default_batch")]
    #[schemars(range(min = 1, max = 65_536))]
    pub batch: usize,
    /// How the examples are split into training, validation and test part.
    #[serde(default)]
    pub split: Split,
}

fn default_batch() -> usize {
    64
}

/// Shares of the examples; the experiment's seed decides which.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// The share of the examples for validation: what a search sees. Default: 0.2; where the set has a test part of its own, 0.1 of its training part.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 0.9))]
    pub validation: Option<f64>,
    /// The share of the examples for the test part, which no search sees. Default: the set's own test part where it has one, else 0.2.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 0.9))]
    pub test: Option<f64>,
    /// Use only this many examples of the training part, the first ones after shuffling by the seed; all unless told.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub limit: Option<usize>,
}

/// A data set: one that Pleach knows by name, or files of yours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dataset {
    /// 1,797 grey 8x8 images of handwritten digits, 10 classes; carried by Pleach itself.
    Digits,
    /// 70,000 grey 28x28 images of clothes, 10 classes; where `pleach data fetch fashion_mnist` or the Debian package
    /// `dataset-fashion-mnist` puts them.
    FashionMnist,
    /// A folder with the four files of MNIST or Fashion-MNIST in IDX form (`train-images-idx3-ubyte` …), gzip or not.
    Idx(String),
    /// A folder with the CIFAR-10 binary files (`data_batch_1.bin` … `test_batch.bin`, or `train.bin` and `test.bin`, gzip or not).
    #[serde(rename = "cifar_10")]
    Cifar10(String),
    /// A folder with the CIFAR-100 binary files (`train.bin`, `test.bin`, gzip or not); the fine labels are the classes.
    #[serde(rename = "cifar_100")]
    Cifar100(String),
    /// A folder with one subfolder of PNG or JPEG images a class; all images have one size, or are scaled to the first one's.
    Folder(String),
    /// A CSV file with a header: one row an example, numeric columns the features, one column the target.
    Csv(Csv),
    /// Made-up examples, for measuring speed.
    Synthetic(Synthetic),
}

/// A CSV file and which of its columns is the class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Csv {
    /// The file, gzip or not; at most 10,000,000 rows.
    pub path: String,
    /// The column that holds the class.
    pub target: String,
    /// Reads the features as an image of this shape (channels, height, width), row by row.
    #[serde(default)]
    #[schemars(length(min = 3, max = 3), inner(range(min = 1, max = 1_000_000)))]
    pub shape: Option<Vec<usize>>,
}

/// Made-up examples: normally distributed inputs, uniformly drawn classes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Synthetic {
    /// The shape of one input, such as `[3, 32, 32]`.
    #[schemars(length(min = 1, max = 3), inner(range(min = 1, max = 16_384)))]
    pub shape: Vec<usize>,
    /// The number of classes.
    #[schemars(range(min = 2, max = 1_000_000))]
    pub classes: usize,
    /// The number of examples.
    #[schemars(range(min = 10, max = 10_000_000))]
    pub examples: usize,
}
