use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A tabular benchmark: a file whose rows are candidates with known results.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// A file with a description like this one, relative to the file that names it; the keys beside it win over the file's.
    #[serde(default)]
    pub from: Option<String>,
    /// The table: CSV with a header line, gzip or not, or Parquet.
    #[serde(default)]
    pub file: Option<TableFile>,
    /// Further files about the same candidates, by name; their columns are called `NAME.COLUMN`.
    #[serde(default)]
    pub join: IndexMap<String, TableJoin>,
    /// The column that holds one character a decision, in the order of the decisions that have no column of their own.
    #[serde(default)]
    pub code: Option<TableCode>,
    /// The column of each decision, by the decision's name or path; its cells hold the option's label or the number.
    #[serde(default)]
    pub columns: IndexMap<String, Column>,
    /// The metrics of a full evaluation, by name.
    #[serde(default)]
    pub metrics: IndexMap<String, Cells>,
    /// The seconds that a full evaluation costs; without it, 1.
    #[serde(default)]
    pub cost: Option<Cells>,
    /// Which of several seeds a trial is told.
    #[serde(default)]
    pub seeds: TableSeeds,
    /// Results of less than a full evaluation.
    #[serde(default)]
    pub fidelities: Option<TableFidelities>,
    /// Training-free scores, for strategies that ask for them.
    #[serde(default)]
    pub proxies: Option<TableProxies>,
    /// What was measured on devices, by device, then metric: `latency` of `raspi4` is the metric `latency(raspi4)`. It is the same
    /// at every fidelity.
    #[serde(default)]
    pub devices: IndexMap<String, IndexMap<String, Cells>>,
    /// Which candidates are one and the same, so that the row of one stands for all; each is its own, unless told.
    #[serde(default)]
    pub merge: Option<TableMerge>,
    /// The rows are all that there is: a search samples, mutates and looks for neighbours among them only.
    #[serde(default)]
    pub pool: bool,
}

/// Where a table lies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TableFile {
    /// A path, relative to the file in which it is written.
    Path(String),
    /// A published table in the cache.
    Published(Published),
}

/// A published table that `pleach data fetch` puts into the cache.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// The collection and its file, such as `nas-bench-201/cifar10.parquet`.
    pub fetched: String,
}

/// A further file about the same candidates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableJoin {
    /// The file.
    pub file: TableFile,
    /// The column by which rows belong together; both files have it, and here each value stands once.
    pub on: String,
}

/// The name of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Column(pub String);

/// A column of codes, one character a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableCode {
    /// The column.
    pub column: String,
    /// The character of each option in order; `0123…` unless told.
    #[serde(default)]
    pub characters: Option<String>,
}

/// Where a value stands: a column, or more about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Cells {
    /// The column.
    Column(String),
    /// One column, or one a seed, and what its numbers mean.
    Described(DescribedCells),
}

/// One column, or one a seed, and what its numbers mean.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DescribedCells {
    /// The column.
    #[serde(default)]
    pub column: Option<String>,
    /// In place of it, one column a training seed; a row may lack some.
    #[serde(default)]
    pub seeds: Vec<String>,
    /// Multiplies each value, such as 0.01 for percent; at a fidelity, unless told, that of the full evaluation.
    #[serde(default)]
    pub scale: Option<f64>,
    /// Which way is better: an objective the other way is warned of.
    #[serde(default)]
    pub direction: Option<Direction>,
    /// The unit of the scaled value, for people.
    #[serde(default)]
    pub unit: Option<String>,
}

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The larger, the better.
    Maximize,
    /// The smaller, the better.
    Minimize,
}

/// Which of several seeds a trial is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TableSeeds {
    /// The mean over the seeds that the row has.
    #[default]
    Mean,
    /// One of them, drawn by the run's seed, the row and the trial's repeat; repeats take different ones while there are some.
    Sampled,
}

/// What a fidelity is in a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TableFidelities {
    /// Trainings of their own schedules: each costs all of its seconds, and none goes on from another.
    Scaled(Vec<TableLevel>),
    /// Parts of one training: a trial that goes on from an earlier one costs the difference.
    Full(Vec<TableLevel>),
    /// The same, with a value at every epoch: a trial sees the curve as far as it has paid for it.
    Curve(TableCurve),
}

/// The results at one fidelity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableLevel {
    /// The share of a full evaluation.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub share: f64,
    /// The metrics, by name; one that is left out has no value here.
    pub metrics: IndexMap<String, Cells>,
    /// The seconds that it costs; without it, the share of those of a full evaluation.
    #[serde(default)]
    pub cost: Option<Cells>,
}

/// A value at every epoch of a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableCurve {
    /// The number of epochs; the fidelities are their shares.
    #[schemars(range(min = 1, max = 10_000))]
    pub epochs: u32,
    /// The columns of each metric, with `{epoch}` in place of the epoch, from 1; the last is the full evaluation.
    #[schemars(extend("minProperties" = 1))]
    pub metrics: IndexMap<String, Cells>,
}

/// Training-free scores of each row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableProxies {
    /// The scores, by name. A score that a row lacks is NaN; a row without any is infeasible.
    #[schemars(extend("minProperties" = 1))]
    pub scores: IndexMap<String, Cells>,
    /// The seconds that asking for them costs.
    #[serde(default = "one")]
    #[schemars(range(min = 0.0))]
    pub seconds: f64,
}

/// Which candidates are one and the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TableMerge {
    /// Those that build the same network.
    Canonical,
    /// Those whose nodes form the same tree under other numbers.
    Tree(TableTree),
}

/// Decisions that form a tree: each node has an operation and takes the output of one earlier node, or the input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableTree {
    /// The decision that says what each node takes, in order: 0 is the input, 1 the first node.
    #[schemars(length(min = 1))]
    pub links: Vec<String>,
    /// The decision that says what each node does.
    #[schemars(length(min = 1))]
    pub operations: Vec<String>,
    /// The operation that passes on its input: such a node that feeds others, is alone on its input, or stands on nothing but its
    /// like, is the same at the beginning.
    #[serde(default)]
    pub identity: Option<String>,
}

fn one() -> f64 {
    1.0
}

impl Cells {
    /// The columns: one, or one a seed.
    pub fn columns(&self) -> Vec<&str> {
        match self {
            Cells::Column(column) => vec![column],
            Cells::Described(cells) => match &cells.column {
                Some(column) => vec![column],
                None => cells.seeds.iter().map(String::as_str).collect(),
            },
        }
    }

    /// The pointers of [`Cells::columns`] below that of the cells.
    pub fn pointers(&self) -> Vec<String> {
        match self {
            Cells::Column(_) => vec![String::new()],
            Cells::Described(cells) if cells.column.is_some() => vec!["/column".to_owned()],
            Cells::Described(cells) => (0..cells.seeds.len()).map(|place| format!("/seeds/{place}")).collect(),
        }
    }

    /// What each value is multiplied by, where that is told.
    pub fn scale(&self) -> Option<f64> {
        self.described()?.scale
    }

    /// Which way is better, where that is told.
    pub fn direction(&self) -> Option<Direction> {
        self.described()?.direction
    }

    fn described(&self) -> Option<&DescribedCells> {
        match self {
            Cells::Column(_) => None,
            Cells::Described(cells) => Some(cells),
        }
    }
}

impl Table {
    /// The metrics of a full evaluation with their cells, by name: those of `metrics`, then of a curve's end, then of devices.
    pub fn all_metrics(&self) -> IndexMap<String, &Cells> {
        let mut all: IndexMap<String, &Cells> =
            self.metrics.iter().map(|(name, cells)| (name.clone(), cells)).collect();
        if let Some(TableFidelities::Curve(curve)) = &self.fidelities {
            all.extend(curve.metrics.iter().map(|(name, cells)| (name.clone(), cells)));
        }
        for (device, metrics) in &self.devices {
            all.extend(metrics.iter().map(|(name, cells)| (format!("{name}({device})"), cells)));
        }
        all
    }

    /// The fidelities that can be asked for, rising to 1.
    pub fn shares(&self) -> Vec<f64> {
        let mut shares: Vec<f64> = match &self.fidelities {
            None => Vec::new(),
            Some(TableFidelities::Scaled(levels) | TableFidelities::Full(levels)) => {
                levels.iter().map(|level| level.share).collect()
            }
            Some(TableFidelities::Curve(curve)) => {
                (1..curve.epochs).map(|epoch| f64::from(epoch) / f64::from(curve.epochs)).collect()
            }
        };
        shares.sort_by(f64::total_cmp);
        shares.push(1.0);
        shares
    }

    /// Whether fidelities are parts of one training, so that a trial can go on from an earlier one.
    pub fn resumes(&self) -> bool {
        matches!(self.fidelities, Some(TableFidelities::Full(_) | TableFidelities::Curve(_)))
    }
}
