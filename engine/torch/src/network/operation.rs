use super::sequence;
use crate::{Failure, native};
use pleach_space::{Op, Shape};
use pleach_spec::{ActivationKind, PoolKind};
use tch::{Kind, TchError, Tensor};

/// What an operation computes with.
pub(super) struct Arguments<'a> {
    /// The outputs of the nodes that it takes, with the batch axis first.
    pub inputs: &'a [&'a Tensor],
    /// The tensors that it owns, in the order of [`Op::tensors`].
    pub tensors: &'a [Tensor],
    /// The network's input: how many examples there are.
    pub batch: &'a Tensor,
    /// The shape of the output, without the batch axis.
    pub shape: &'a Shape,
    /// Whether statistics of the batch and random zeroes are used.
    pub training: bool,
    /// Whether the first input may be written over.
    pub first_is_free: bool,
}

/// Computes an operation.
pub(super) fn apply(op: &Op, arguments: &Arguments) -> Result<Tensor, Failure> {
    let Arguments { inputs, tensors, batch, shape, training, first_is_free } = *arguments;
    let first = || inputs.first().copied().ok_or_else(|| Failure::infeasible(format!("{} has no input", op.name())));
    let output = match *op {
        Op::Input => batch.shallow_clone(),
        Op::Conv { stride, padding, dilation, groups, .. } => first()?.f_conv2d(
            &tensors[0],
            tensors.get(1),
            [stride as i64; 2],
            [padding as i64; 2],
            [dilation as i64; 2],
            groups as i64,
        )?,
        Op::Conv1d { stride, padding, dilation, groups, .. } => first()?.f_conv1d(
            &tensors[0],
            tensors.get(1),
            [stride as i64],
            [padding as i64],
            [dilation as i64],
            groups as i64,
        )?,
        Op::Linear { .. } if shape.is_sequence() => sequence::linear(first()?, tensors)?,
        Op::Linear { .. } => first()?.f_linear(&tensors[0], tensors.get(1))?,
        Op::Recurrent { kind, features, bidirectional, .. } => {
            let directions = 1 + usize::from(bidirectional);
            let start = zeros(batch, &Shape::sequence(directions, features))?;
            // libtorch has no kernel for bfloat16 on every processor.
            native::with_full_precision(batch.device(), || {
                Ok(sequence::recurrent(kind, first()?, &start, tensors, bidirectional, training)?)
            })?
        }
        Op::Attention { heads, dropout } => sequence::attention(first()?, shape, heads, dropout, training)?,
        Op::Position { .. } => first()?.f_add(&tensors[0])?,
        Op::ToSequence => first()?.f_flatten(2, -1)?,
        Op::ToImage { height, width } => first()?.f_unflatten(2, [height as i64, width as i64])?,
        Op::BatchNorm { momentum, epsilon, affine, .. } => {
            let statistics = &tensors[if affine { 2 } else { 0 }..];
            let affine = |index: usize| affine.then(|| &tensors[index]);
            let norm = |input: &Tensor| {
                input.f_batch_norm(
                    affine(0),
                    affine(1),
                    Some(&statistics[0]),
                    Some(&statistics[1]),
                    training,
                    momentum,
                    epsilon,
                    true,
                )
            };
            // As an image one pixel high: libtorch has fast kernels for images whose channels lie together, as tokens' do.
            if shape.is_sequence() { norm(&first()?.f_unsqueeze(2)?)?.f_squeeze_dim(2)? } else { norm(first()?)? }
        }
        Op::LayerNorm { epsilon, .. } if shape.is_sequence() => sequence::layer_norm(first()?, tensors, epsilon)?,
        Op::LayerNorm { epsilon, .. } => group_norm(first()?, tensors, 1, epsilon)?,
        Op::GroupNorm { groups, epsilon, .. } => group_norm(first()?, tensors, groups, epsilon)?,
        Op::Activation(ActivationKind::Relu) if first_is_free => first()?.shallow_clone().f_relu_()?,
        Op::Activation(kind) => activate(first()?, kind)?,
        Op::MaxPool { kernel, stride, padding } => {
            first()?.f_max_pool2d([kernel as i64; 2], [stride as i64; 2], [padding as i64; 2], [1, 1], false)?
        }
        Op::AvgPool { kernel, stride, padding } => first()?.f_avg_pool2d(
            [kernel as i64; 2],
            [stride as i64; 2],
            [padding as i64; 2],
            false,
            false,
            None::<i64>,
        )?,
        Op::AdaptivePool { size, kind: PoolKind::Average } => first()?.f_adaptive_avg_pool2d([size as i64; 2])?,
        Op::AdaptivePool { size, kind: PoolKind::Max } => first()?.f_adaptive_max_pool2d([size as i64; 2])?.0,
        Op::GlobalPool { kind: PoolKind::Average } if first()?.dim() == 3 => {
            first()?.f_mean_dim([2i64].as_slice(), false, None::<Kind>)?
        }
        Op::GlobalPool { kind: PoolKind::Max } if first()?.dim() == 3 => first()?.f_amax([2i64], false)?,
        Op::GlobalPool { kind: PoolKind::Average } => first()?.f_mean_dim([2i64, 3].as_slice(), false, None::<Kind>)?,
        Op::GlobalPool { kind: PoolKind::Max } => first()?.f_amax([2i64, 3], false)?,
        Op::Flatten => first()?.f_flatten(1, -1)?,
        Op::Dropout { probability } => drop_out(first()?, probability, training)?,
        Op::DropPath { probability } => drop_path(first()?, probability, training)?,
        // Negative padding cuts off.
        Op::Shift => first()?.f_constant_pad_nd([-1, 1, -1, 1])?,
        Op::Add => sum(inputs, first()?, first_is_free)?,
        Op::Concat => Tensor::f_cat(inputs, 1)?,
        Op::Multiply => match *inputs {
            [value, factor] if value.dim() == 4 && factor.dim() == 2 => {
                value.f_mul(&factor.f_unsqueeze(-1)?.f_unsqueeze(-1)?)?
            }
            [value, factor] => value.f_mul(factor)?,
            _ => return Err(Failure::infeasible("multiply takes two inputs")),
        },
        Op::Zero => zeros(batch, shape)?,
    };
    Ok(output)
}

/// Over one group of channels it is layer norm over channels, height and width, with one scale a channel.
fn group_norm(input: &Tensor, tensors: &[Tensor], groups: usize, epsilon: f64) -> Result<Tensor, TchError> {
    input.f_group_norm(groups as i64, tensors.first(), tensors.get(1), epsilon, true)
}

fn activate(input: &Tensor, kind: ActivationKind) -> Result<Tensor, TchError> {
    match kind {
        ActivationKind::None => Ok(input.shallow_clone()),
        ActivationKind::Relu => input.f_relu(),
        ActivationKind::Relu6 => input.f_relu6(),
        ActivationKind::LeakyRelu => input.f_leaky_relu(),
        ActivationKind::Elu => input.f_elu(),
        ActivationKind::Gelu => input.f_gelu("none"),
        ActivationKind::Silu => input.f_silu(),
        ActivationKind::HardSwish => input.f_hardswish(),
        ActivationKind::HardSigmoid => input.f_hardsigmoid(),
        ActivationKind::Sigmoid => input.f_sigmoid(),
        ActivationKind::Tanh => input.f_tanh(),
        ActivationKind::Softplus => input.f_softplus(),
    }
}

fn drop_out(input: &Tensor, probability: f64, training: bool) -> Result<Tensor, TchError> {
    if training && probability > 0.0 { input.f_dropout(probability, true) } else { Ok(input.shallow_clone()) }
}

/// One draw an example (Larsson et al. 2017, in the form of Huang et al. 2016).
fn drop_path(input: &Tensor, probability: f64, training: bool) -> Result<Tensor, TchError> {
    if !training || probability == 0.0 {
        return Ok(input.shallow_clone());
    }
    let mut size = vec![1; input.dim()];
    size[0] = input.size()[0];
    let keep = 1.0 - probability;
    let mut kept = Tensor::f_empty(&size, (input.f_kind()?, input.device()))?;
    let _ = kept.f_bernoulli_float_(keep)?;
    if keep > 0.0 {
        let _ = kept.f_div_scalar_(keep)?;
    }
    input.f_mul(&kept)
}

/// In place only on what nothing else needs, and not where bfloat16 meets 32 bits, since the sum of both has 32; the gradient
/// of a sum needs no value.
fn sum(inputs: &[&Tensor], first: &Tensor, first_is_free: bool) -> Result<Tensor, TchError> {
    let (mut total, mut free) = (first.shallow_clone(), first_is_free);
    for input in inputs.iter().skip(1) {
        let in_place = free && total.f_kind()? == input.f_kind()?;
        total = if in_place { total.f_add_(input)? } else { total.f_add(input)? };
        free = true;
    }
    Ok(total)
}

/// Zeros as a function of the input, so that a traced network does not hold the number of examples.
fn zeros(batch: &Tensor, shape: &Shape) -> Result<Tensor, TchError> {
    let one = batch.f_detach()?.f_flatten(1, -1)?.f_slice(1, 0, 1, 1)?.f_zeros_like()?;
    let mut size = vec![-1];
    size.resize(shape.0.len() + 1, 1);
    let one = one.f_view(size.as_slice())?;
    size[1..].iter_mut().zip(&shape.0).for_each(|(axis, &extent)| *axis = extent as i64);
    one.f_expand(&size, false)
}
