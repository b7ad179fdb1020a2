use super::initialize::initial;
use super::operation::{Arguments, apply};
use super::plan::{Plan, may_be_overwritten};
use crate::{Failure, native};
use pleach_space::{Network, Op};
use std::ops::Range;
use tch::{Device, Kind, Tensor};

/// A network with its tensors on a device.
#[derive(Debug)]
pub struct Model {
    network: Network,
    names: Vec<String>,
    tensors: Vec<Tensor>,
    trainable: Vec<bool>,
    /// The tensors of each node.
    owned: Vec<Range<usize>>,
    plan: Plan,
    random: bool,
}

impl Model {
    /// A network with fresh weights, drawn from the seed alone: the same on every device and machine.
    ///
    /// # Errors
    /// If the list of nodes is no network, or memory runs out.
    pub fn initialize(network: &Network, seed: u64, device: Device) -> Result<Model, Failure> {
        Model::build(network, |op, spec, name| {
            let shape: Vec<i64> = spec.shape.iter().map(|&axis| axis as i64).collect();
            // The device's memory first: it says that it has too little, where a vector would end the process.
            let mut tensor = Tensor::f_zeros(&shape, (Kind::Float, device))?;
            let values = Tensor::f_from_slice(&initial(op, spec, name, seed))?;
            tensor.f_copy_(&values.f_view(shape.as_slice())?)?;
            Ok(tensor)
        })
    }

    /// A network with given weights; `tensor` answers with the tensor of a name, of 32-bit floating point.
    ///
    /// # Errors
    /// If a tensor is missing or its shape is another, the list of nodes is no network, or memory runs out.
    pub fn with_tensors(
        network: &Network,
        device: Device,
        mut tensor: impl FnMut(&str) -> Option<Tensor>,
    ) -> Result<Model, Failure> {
        Model::build(network, |_, spec, name| {
            let found = tensor(name)
                .ok_or_else(|| Failure::lost("the weights are of another network", format!("no tensor `{name}`")))?;
            let shape: Vec<i64> = spec.shape.iter().map(|&axis| axis as i64).collect();
            if found.size() != shape {
                let detail = format!("`{name}` is {:?}, expected {shape:?}", found.size());
                return Err(Failure::lost("the weights are of another network", detail));
            }
            Ok(found.f_to(device)?.f_to_kind(Kind::Float)?.f_contiguous()?)
        })
    }

    fn build(
        network: &Network,
        mut make: impl FnMut(&Op, &pleach_space::TensorSpec, &str) -> Result<Tensor, Failure>,
    ) -> Result<Model, Failure> {
        check(network)?;
        let mut model = Model {
            network: network.clone(),
            names: Vec::new(),
            tensors: Vec::new(),
            trainable: Vec::new(),
            owned: Vec::new(),
            plan: Plan::new(network),
            random: false,
        };
        for (index, node) in network.nodes.iter().enumerate() {
            let node_name = network.node_name(index);
            let start = model.tensors.len();
            for spec in node.op.tensors() {
                let name = format!("{node_name}.{}", spec.name);
                let tensor = make(&node.op, &spec, &name)?;
                model.tensors.push(tensor.f_set_requires_grad(spec.trainable)?);
                model.names.push(name);
                model.trainable.push(spec.trainable);
            }
            model.owned.push(start..model.tensors.len());
            let probability = match node.op {
                Op::Dropout { probability }
                | Op::DropPath { probability }
                | Op::Attention { dropout: probability, .. } => probability,
                _ => 0.0,
            };
            model.random |= probability > 0.0 && model.plan.uses[index] > 0;
        }
        Ok(model)
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// All tensors with their names, in the order of [`Network::tensors`].
    pub fn named_tensors(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.names.iter().map(String::as_str).zip(&self.tensors)
    }

    /// The tensors that training changes by gradient, with their names, in order.
    pub fn trainable(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.named_tensors().zip(&self.trainable).filter_map(|(named, &trainable)| trainable.then_some(named))
    }

    /// The number of trainable parameters, as libtorch counts the elements of its tensors.
    pub fn parameters(&self) -> u64 {
        self.tensors.iter().filter(|tensor| tensor.requires_grad()).map(|tensor| tensor.numel() as u64).sum()
    }

    /// Whether a forward pass in training draws random numbers of libtorch.
    pub fn draws(&self) -> bool {
        self.random
    }

    /// Stops all tensors from asking for gradients, for good: what is traced afterwards takes them as constants.
    pub fn freeze(&mut self) -> Result<(), Failure> {
        for tensor in &mut self.tensors {
            *tensor = tensor.f_set_requires_grad(false)?;
        }
        Ok(())
    }

    /// BLAKE3 of the bits of all tensors in order, in hexadecimal digits.
    pub fn digest(&self) -> Result<String, Failure> {
        let mut hasher = blake3::Hasher::new();
        for tensor in &self.tensors {
            hasher.update(&bytes(tensor)?);
        }
        Ok(hasher.finalize().to_hex().to_string())
    }

    /// Computes the network's output for a batch, `[examples, ...]`; `training` uses statistics of the batch, updates those
    /// that are kept, and zeroes at random.
    ///
    /// # Errors
    /// If libtorch refuses an operation, with its name and path, or memory runs out.
    pub fn forward(&self, batch: &Tensor, training: bool) -> Result<Tensor, Failure> {
        let plan = &self.plan;
        let mut values: Vec<Option<Tensor>> = Vec::new();
        values.resize_with(self.network.nodes.len(), || None);
        let mut uses = plan.uses.clone();
        // A ReLU that its batch norm has done already.
        let mut done = None;
        let missing = |index: usize| Failure::infeasible(format!("node {index} is used before it is computed"));
        for (index, node) in self.network.nodes.iter().enumerate() {
            if uses[index] == 0 {
                continue;
            }
            let taken = &plan.inputs[index];
            let mut inputs: Vec<&Tensor> = Vec::with_capacity(taken.len());
            for &input in taken {
                inputs.push(values[input as usize].as_ref().ok_or_else(|| missing(input as usize))?);
            }
            let first_is_free = training
                && taken.first().is_some_and(|&first| {
                    uses[first as usize] == 1 && may_be_overwritten(&self.network.nodes[first as usize])
                });
            let arguments = Arguments {
                inputs: &inputs,
                tensors: &self.tensors[self.owned[index].clone()],
                batch,
                shape: &node.shape,
                training,
                first_is_free,
            };
            let named = |mut failure: Failure| {
                failure.detail = format!("{} at {}: {}", self.network.node_name(index), node.path, failure.detail);
                failure
            };
            let fast = if done == Some(index as u32) {
                Some(inputs[0].shallow_clone())
            } else {
                let fast = self.fast(&node.op, &arguments, plan.relu[index].is_some()).map_err(named)?;
                if fast.is_some() && plan.relu[index].is_some() {
                    done = plan.relu[index];
                }
                fast
            };
            let output = match fast {
                Some(output) => output,
                None => apply(&node.op, &arguments).map_err(named)?,
            };
            for &input in taken {
                uses[input as usize] -= 1;
                if uses[input as usize] == 0 {
                    values[input as usize] = None;
                }
            }
            values[index] = Some(output);
        }
        let output = plan.output as usize;
        values[output].take().ok_or_else(|| missing(output))
    }

    /// An operation by a kernel of our own, where there is one.
    fn fast(&self, op: &Op, arguments: &Arguments, relu: bool) -> Result<Option<Tensor>, Failure> {
        match (op, arguments.inputs) {
            (Op::BatchNorm { momentum, epsilon, .. }, [input]) if arguments.training => {
                native::batch_norm(input, arguments.tensors, *momentum, *epsilon, relu)
            }
            (Op::AvgPool { kernel, stride, padding }, [input]) if arguments.training => {
                native::average_pool(input, *kernel, *stride, *padding)
            }
            _ => Ok(None),
        }
    }
}

/// The bytes of a tensor of 32-bit floating point, row by row, least significant byte first.
pub(crate) fn bytes(tensor: &Tensor) -> Result<Vec<u8>, Failure> {
    let tensor = tensor.f_detach()?.f_to(Device::Cpu)?.f_contiguous()?;
    let count = tensor.numel();
    let mut values = vec![0f32; count];
    tensor.f_copy_data(&mut values, count)?;
    Ok(values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

fn check(network: &Network) -> Result<(), Failure> {
    if !matches!(network.nodes.first(), Some(node) if node.op == Op::Input) {
        return Err(Failure::infeasible("the network's first node is not its input"));
    }
    if network.output as usize >= network.nodes.len() {
        return Err(Failure::infeasible("the network's output is none of its nodes"));
    }
    for (index, node) in network.nodes.iter().enumerate() {
        if node.inputs.iter().any(|&input| input as usize >= index) {
            return Err(Failure::infeasible(format!("node {index} takes the output of a later node")));
        }
        match node.op {
            Op::Conv { in_channels, out_channels, kernel, groups, .. }
            | Op::Conv1d { in_channels, out_channels, kernel, groups, .. } => {
                let divides = groups > 0 && in_channels % groups == 0 && out_channels % groups == 0;
                if !divides || in_channels == 0 || out_channels == 0 || kernel == 0 {
                    return Err(Failure::infeasible(format!("node {index} is a convolution that cannot be")));
                }
            }
            Op::Attention { heads, .. } if heads == 0 || !node.shape.is_sequence() => {
                return Err(Failure::infeasible(format!("node {index} is an attention that cannot be")));
            }
            Op::Recurrent { features: 0, .. } => {
                return Err(Failure::infeasible(format!("node {index} is a recurrent layer without features")));
            }
            Op::Linear { in_features: 0, .. } => {
                return Err(Failure::infeasible(format!("node {index} is a linear layer without inputs")));
            }
            _ => {}
        }
    }
    Ok(())
}
