//! A random forest (Breiman 2001) of regression trees.

use crate::candidate::Candidate;
use crate::{Model, Prediction, over_members};
use pleach_random::{Generator, derive};
use rayon::prelude::*;

/// A column's values are told apart by at most so many thresholds.
const MOST_BINS: usize = 64;

/// Trees, each on outcomes drawn with replacement; every split is the best of a third of the columns, drawn anew.
#[derive(Debug)]
pub(crate) struct Forest {
    trees: Vec<Tree>,
}

impl Forest {
    pub(crate) fn fit(settings: &pleach_spec::Forest, candidates: &[&Candidate], targets: &[f64], seed: u64) -> Self {
        let rows: Vec<Vec<f64>> = candidates.iter().map(|candidate| features(candidate)).collect();
        let binned = Binned::of(&rows);
        let leaf = f64::from(settings.leaf);
        // The order of the results is that of the seeds, whoever grows which tree.
        let grow = |tree: u32| {
            let mut generator = Generator::new(derive(seed, &["tree", &tree.to_string()]));
            let mut weights = vec![0.0; targets.len()];
            for _ in 0..targets.len() {
                weights[generator.below(targets.len() as u64) as usize] += 1.0;
            }
            Tree::grow(&binned, targets, &weights, leaf, &mut generator)
        };
        Self { trees: (0..settings.trees).into_par_iter().map(grow).collect() }
    }
}

impl Model for Forest {
    fn predict(&self, of: &[&Candidate]) -> Vec<Prediction> {
        let predict = |candidate: &&Candidate| {
            let row = features(candidate);
            over_members(self.trees.iter().map(|tree| tree.value(&row)).collect::<Vec<_>>().into_iter())
        };
        of.iter().map(predict).collect()
    }
}

/// What trees split by: the genotype's columns and the fidelity.
pub(crate) fn features(candidate: &Candidate) -> Vec<f64> {
    let mut features = candidate.row.clone();
    features.push(candidate.fidelity_feature());
    features
}

/// Columns as numbers of bins.
#[derive(Debug)]
struct Binned {
    columns: Vec<BinnedColumn>,
}

#[derive(Debug)]
struct BinnedColumn {
    /// The bin of each row.
    bins: Vec<u8>,
    /// What lies at most here belongs to the bin or to one before it; the last bin has no bound.
    bounds: Vec<f64>,
}

impl Binned {
    fn of(rows: &[Vec<f64>]) -> Self {
        let width = rows.first().map_or(0, Vec::len);
        let column = |place: usize| {
            let mut values: Vec<f64> = rows.iter().map(|row| row[place]).collect();
            values.sort_by(f64::total_cmp);
            values.dedup();
            // Between neighbouring values; of many values between every so many.
            let bins = values.len().min(MOST_BINS);
            let bound = |bin: usize| {
                let above = bin * values.len() / bins;
                0.5 * (values[above - 1] + values[above])
            };
            let bounds: Vec<f64> = (1..bins).map(bound).collect();
            let bin = |row: &Vec<f64>| bounds.partition_point(|bound| *bound < row[place]) as u8;
            BinnedColumn { bins: rows.iter().map(bin).collect(), bounds }
        };
        Self { columns: (0..width).map(column).collect() }
    }
}

/// A regression tree.
#[derive(Debug)]
struct Tree {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Copy)]
enum Node {
    Leaf(f64),
    /// At most `bound` goes on at the next node, more at `above`.
    Split {
        column: usize,
        bound: f64,
        above: usize,
    },
}

struct Split {
    gain: f64,
    column: usize,
    bin: usize,
}

impl Tree {
    fn grow(binned: &Binned, targets: &[f64], weights: &[f64], leaf: f64, generator: &mut Generator) -> Self {
        let rows: Vec<u32> = (0..targets.len() as u32).filter(|&row| weights[row as usize] > 0.0).collect();
        let mut growing = Growing {
            binned,
            targets,
            weights,
            leaf,
            order: (0..binned.columns.len()).collect(),
            generator,
            nodes: Vec::new(),
        };
        // What is still to be grown, and the split that it hangs on as the part above.
        let mut open = vec![(rows, None)];
        while let Some((rows, below)) = open.pop() {
            if let Some(split) = below {
                let next = growing.nodes.len();
                if let Node::Split { above, .. } = &mut growing.nodes[split as usize] {
                    *above = next;
                }
            }
            let number = growing.nodes.len() as u32;
            if let Some((low, high)) = growing.node(rows) {
                open.push((high, Some(number)));
                open.push((low, None));
            }
        }
        Self { nodes: growing.nodes }
    }

    fn value(&self, row: &[f64]) -> f64 {
        let mut place = 0;
        loop {
            match self.nodes[place] {
                Node::Leaf(value) => return value,
                Node::Split { column, bound, above } => place = if row[column] <= bound { place + 1 } else { above },
            }
        }
    }
}

struct Growing<'a> {
    binned: &'a Binned,
    targets: &'a [f64],
    weights: &'a [f64],
    leaf: f64,
    order: Vec<usize>,
    generator: &'a mut Generator,
    nodes: Vec<Node>,
}

impl Growing<'_> {
    /// Adds a node; gives the rows below and above its split, if it has one.
    fn node(&mut self, rows: Vec<u32>) -> Option<(Vec<u32>, Vec<u32>)> {
        let (mut weight, mut sum) = (0.0, 0.0);
        for &row in &rows {
            weight += self.weights[row as usize];
            sum += self.weights[row as usize] * self.targets[row as usize];
        }
        match self.split(&rows, weight, sum) {
            None => {
                self.nodes.push(Node::Leaf(sum / weight));
                None
            }
            Some(Split { column, bin, .. }) => {
                let BinnedColumn { bins, bounds } = &self.binned.columns[column];
                self.nodes.push(Node::Split { column, bound: bounds[bin], above: 0 });
                Some(rows.into_iter().partition(|&row| usize::from(bins[row as usize]) <= bin))
            }
        }
    }

    /// The split that explains most, of a third of the columns that vary here.
    fn split(&mut self, rows: &[u32], weight: f64, sum: f64) -> Option<Split> {
        let first = self.targets[rows[0] as usize];
        if weight < 2.0 * self.leaf || rows.iter().all(|&row| self.targets[row as usize] == first) {
            return None;
        }
        let wanted = self.order.len().div_ceil(3);
        let mut tried = 0;
        let mut best: Option<Split> = None;
        for place in 0..self.order.len() {
            if tried == wanted {
                break;
            }
            let other = place + self.generator.below((self.order.len() - place) as u64) as usize;
            self.order.swap(place, other);
            let column = self.order[place];
            let BinnedColumn { bins, bounds } = &self.binned.columns[column];
            if bounds.is_empty() {
                continue;
            }
            let mut parts = [(0.0, 0.0); MOST_BINS];
            for &row in rows {
                let part = &mut parts[usize::from(bins[row as usize])];
                part.0 += self.weights[row as usize];
                part.1 += self.weights[row as usize] * self.targets[row as usize];
            }
            let (mut below, mut below_sum) = (0.0, 0.0);
            let mut varies = false;
            for (bin, part) in parts[..bounds.len()].iter().enumerate() {
                below += part.0;
                below_sum += part.1;
                let above = weight - below;
                if part.0 == 0.0 || below == 0.0 || above == 0.0 {
                    continue;
                }
                varies = true;
                if below < self.leaf || above < self.leaf {
                    continue;
                }
                let above_sum = sum - below_sum;
                let gain = below_sum * below_sum / below + above_sum * above_sum / above;
                if best.as_ref().is_none_or(|best| gain > best.gain) {
                    best = Some(Split { gain, column, bin });
                }
            }
            tried += usize::from(varies);
        }
        best
    }
}
