//! Layers made of layers: repetitions, residual connections, branches, named blocks; and how values are joined.

use super::{BuildError, Builder, Id, Result};
use crate::network::{Op, Shape};
use pleach_spec::{ActivationKind, Join, Layer, Parallel, ParallelValue, Repeat, Residual, ResidualValue, UseValue};
use smallvec::SmallVec;
use std::sync::Arc;

impl Builder<'_> {
    /// Builds a layer at a step of the path.
    fn inside(&mut self, step: &str, layer: &Layer, x: Id) -> Result<Id> {
        let length = self.path.len();
        self.path.push_str(step);
        let result = self.layer(layer, x);
        self.path.truncate(length);
        result
    }

    pub(super) fn repeat(&mut self, repeat: &Repeat, x: Id) -> Result<Id> {
        let mut x = x;
        for repetition in 0..repeat.times {
            x = self.inside(&format!("[{repetition}]"), &repeat.body, x).map_err(|error| error.at("body"))?;
        }
        Ok(x)
    }

    pub(super) fn use_block(&mut self, value: &UseValue, x: Id) -> Result<Id> {
        let name = match value {
            UseValue::Name(name) => name,
            UseValue::Full(settings) => &settings.block,
        };
        let Some((_, layer)) = self.blocks.iter().find(|(block, _)| block == name) else {
            return Err(BuildError::new(format!("there is no block `{name}`")));
        };
        self.inside(&format!("({name})"), layer, x).map_err(|error| error.at(name).at("blocks"))
    }

    pub(super) fn residual(&mut self, value: &ResidualValue, x: Id, path: &Arc<str>) -> Result<Id> {
        let short;
        let settings = match value {
            ResidualValue::Full(settings) => settings,
            ResidualValue::Body(layers) => {
                short = Residual {
                    body: Layer::Sequence(layers.clone()),
                    shortcut: None,
                    project: false,
                    activation: ActivationKind::None,
                    drop_path: 0.0,
                };
                &short
            }
        };
        let is_list = matches!(value, ResidualValue::Body(_));
        let mut y =
            self.inside("", &settings.body, x).map_err(|error| if is_list { error } else { error.at("body") })?;
        let mut s = match &settings.shortcut {
            None => x,
            Some(shortcut) => self.inside(".shortcut", shortcut, x).map_err(|error| error.at("shortcut"))?,
        };
        if self.shape(s) != self.shape(y) && settings.project {
            let target = self.shape(y).clone();
            s = self.project(s, &target, path)?;
        }
        if self.shape(s) != self.shape(y) {
            let message = format!("the body gives {}, which cannot be added to {}", self.shape(y), self.shape(s));
            let help = "write `residual: {body: [...], project: true}`, or keep channels and stride in the body";
            return Err(BuildError::new(message).help(help));
        }
        if settings.drop_path > 0.0 {
            y = self.same(Op::DropPath { probability: settings.drop_path }, y, path)?;
        }
        let sum = self.sum(&[s, y], path)?;
        self.activation(settings.activation, sum, path)
    }

    pub(super) fn parallel(&mut self, value: &ParallelValue, x: Id) -> Result<Id> {
        let short;
        let (settings, is_list) = match value {
            ParallelValue::Full(settings) => (settings, false),
            ParallelValue::Branches(branches) => {
                short = Parallel { branches: branches.clone(), join: Join::Add, project: false };
                (&short, true)
            }
        };
        let path: Arc<str> = Arc::from(self.path.as_str());
        let mut outputs: SmallVec<[Id; 2]> = SmallVec::new();
        for (i, branch) in settings.branches.iter().enumerate() {
            let place = |error: BuildError| if is_list { error.at(i) } else { error.at(i).at("branches") };
            let mut y = self.inside(&format!("[{i}]"), branch, x).map_err(place)?;
            if let Some(&first) = outputs.first() {
                let target = self.shape(first).clone();
                if settings.project && *self.shape(y) != target {
                    y = self.project(y, &target, &path).map_err(place)?;
                }
                let fits = match settings.join {
                    Join::Add => *self.shape(y) == target,
                    Join::Concat => self.shape(y).places() == target.places(),
                };
                if !fits {
                    let how = if settings.join == Join::Add { "added to" } else { "concatenated with" };
                    let message =
                        format!("this branch gives {}, which cannot be {how} the first one's {target}", self.shape(y));
                    return Err(place(BuildError::new(message).help(
                        "keep strides and channels alike, or write `parallel: {branches: [...], project: true}`",
                    )));
                }
            }
            outputs.push(y);
        }
        match settings.join {
            Join::Add => self.sum(&outputs, &path),
            Join::Concat => self.concat(&outputs, &path),
        }
    }

    /// Brings a value to a shape by a 1x1 convolution with batch norm; a vector or a sequence by a linear layer.
    fn project(&mut self, x: Id, target: &Shape, path: &Arc<str>) -> Result<Id> {
        let shape = self.shape(x).clone();
        match (shape.size(), target.size()) {
            (Some((height, width)), Some((out_height, out_width))) => {
                let stride = height.div_ceil(out_height.max(1)).max(1);
                let y = self.pointwise(target.channels(), stride, x, path)?;
                if self.shape(y) == target {
                    Ok(y)
                } else {
                    let message = format!("no stride brings {height}x{width} to {out_height}x{out_width}");
                    Err(BuildError::new(message))
                }
            }
            _ if shape.places() == target.places() => self.dense(target.channels(), false, x, path),
            _ => Err(BuildError::new(format!("{shape} cannot be projected to {target}"))),
        }
    }

    /// The sum of values of one shape; a single one is itself.
    pub(super) fn sum(&mut self, inputs: &[Id], path: &Arc<str>) -> Result<Id> {
        if let [only] = inputs {
            return Ok(*only);
        }
        let shape = self.shape(inputs[0]).clone();
        if let Some(other) = inputs.iter().find(|&&input| *self.shape(input) != shape) {
            let message = format!("{} cannot be added to {shape}", self.shape(*other));
            return Err(BuildError::new(message));
        }
        self.add(Op::Add, SmallVec::from_slice(inputs), shape, path)
    }

    /// Channels one after another; a single value is itself.
    pub(super) fn concat(&mut self, inputs: &[Id], path: &Arc<str>) -> Result<Id> {
        if let [only] = inputs {
            return Ok(*only);
        }
        let first = self.shape(inputs[0]).clone();
        if let Some(other) = inputs.iter().find(|&&input| self.shape(input).places() != first.places()) {
            let message = format!("{} cannot be concatenated with {first}", self.shape(*other));
            return Err(BuildError::new(message));
        }
        let channels = inputs.iter().map(|&input| self.shape(input).channels()).sum();
        let shape = first.with_channels(channels);
        self.add(Op::Concat, SmallVec::from_slice(inputs), shape, path)
    }
}
