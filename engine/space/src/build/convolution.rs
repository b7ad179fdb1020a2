//! Convolution blocks: convolution, norm and activation in the order that the layer states.

use super::{BuildError, Builder, Id, Result, too_small, window};
use crate::network::{Op, Shape};
use pleach_spec::{ActivationKind, Conv, DepthwiseConv, DilatedConv, Mbconv, NormKind, Padding, Part, SeparableConv};
use smallvec::smallvec;
use std::sync::Arc;

/// A convolution with square kernel.
#[derive(Clone, Copy)]
pub(super) struct Plain {
    pub(super) channels: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) padding: usize,
    pub(super) dilation: usize,
    pub(super) groups: usize,
    pub(super) bias: bool,
}

impl Plain {
    /// The same, if there is such a convolution. The schema bounds plain values; a decision's range may reach below.
    pub(super) fn checked(self, in_channels: usize) -> Result<Plain> {
        let Plain { channels, kernel, stride, dilation, groups, .. } = self;
        for (name, value) in
            [("channels", channels), ("kernel", kernel), ("stride", stride), ("dilation", dilation), ("groups", groups)]
        {
            if value == 0 {
                return Err(BuildError::new(format!("`{name}` must be at least 1")).at(name));
            }
        }
        if !in_channels.is_multiple_of(groups) || !channels.is_multiple_of(groups) {
            let message = format!("{groups} groups do not divide {in_channels} input and {channels} output channels");
            return Err(BuildError::new(message));
        }
        Ok(self)
    }
}

pub(super) fn same_padding(kernel: usize, dilation: usize) -> usize {
    dilation * kernel.saturating_sub(1) / 2
}

impl Builder<'_> {
    pub(super) fn convolve(&mut self, conv: &Plain, x: Id, layer: &str, path: &Arc<str>) -> Result<Id> {
        let (in_channels, height, width) = self.image(x, layer)?;
        let Plain { channels, kernel, stride, padding, dilation, groups, bias } = conv.checked(in_channels)?;
        let size = |side| window(side, kernel, stride, padding, dilation);
        let (Some(out_height), Some(out_width)) = (size(height), size(width)) else {
            return Err(too_small(layer, kernel, height, width));
        };
        let op = Op::Conv { in_channels, out_channels: channels, kernel, stride, padding, dilation, groups, bias };
        self.add(op, smallvec![x], Shape::image(channels, out_height, out_width), path)
    }

    /// A 1x1 convolution and batch norm, without activation.
    pub(super) fn pointwise(&mut self, channels: usize, stride: usize, x: Id, path: &Arc<str>) -> Result<Id> {
        let conv = Plain { channels, kernel: 1, stride, padding: 0, dilation: 1, groups: 1, bias: false };
        let y = self.convolve(&conv, x, "conv", path)?;
        self.norm(NormKind::Batch, y, path)
    }

    /// ReLU, 1x1 convolution, batch norm: how a DARTS cell takes its inputs.
    pub(super) fn preprocess(&mut self, channels: usize, x: Id, path: &Arc<str>) -> Result<Id> {
        let y = self.activation(ActivationKind::Relu, x, path)?;
        self.pointwise(channels, 1, y, path)
    }

    /// The parts in the order stated; `convolve` does the part `conv`.
    pub(super) fn block(
        &mut self,
        order: &[Part],
        norm: NormKind,
        activation: ActivationKind,
        x: Id,
        path: &Arc<str>,
        mut convolve: impl FnMut(&mut Self, Id) -> Result<Id>,
    ) -> Result<Id> {
        let mut y = x;
        for (i, part) in order.iter().enumerate() {
            if order[..i].contains(part) {
                return Err(BuildError::new("a part stands twice in `order`").at("order"));
            }
            y = match part {
                Part::Conv => convolve(self, y)?,
                Part::Norm => self.norm(norm, y, path)?,
                Part::Activation => self.activation(activation, y, path)?,
            };
        }
        if !order.contains(&Part::Conv) {
            return Err(BuildError::new("`order` leaves the convolution away").at("order"));
        }
        Ok(y)
    }

    pub(super) fn conv(&mut self, conv: &Conv, x: Id, path: &Arc<str>) -> Result<Id> {
        let (in_channels, ..) = self.image(x, "conv")?;
        let has_norm = conv.norm != NormKind::None && conv.order.contains(&Part::Norm);
        let plain = Plain {
            channels: conv.channels.unwrap_or(in_channels),
            kernel: conv.kernel,
            stride: conv.stride,
            padding: match conv.padding {
                Padding::Pixels(pixels) => pixels,
                Padding::Same(_) => same_padding(conv.kernel, conv.dilation),
            },
            dilation: conv.dilation,
            groups: conv.groups,
            bias: conv.bias.unwrap_or(!has_norm),
        };
        self.block(&conv.order, conv.norm, conv.activation, x, path, |builder, y| {
            builder.convolve(&plain, y, "conv", path)
        })
    }

    pub(super) fn dilated_conv(&mut self, conv: &DilatedConv, x: Id, path: &Arc<str>) -> Result<Id> {
        let conv = Conv {
            channels: conv.channels,
            kernel: conv.kernel,
            stride: conv.stride,
            dilation: conv.dilation,
            norm: conv.norm,
            activation: conv.activation,
            order: conv.order.clone(),
            ..Conv::default()
        };
        self.conv(&conv, x, path)
    }

    pub(super) fn depthwise_conv(&mut self, conv: &DepthwiseConv, x: Id, path: &Arc<str>) -> Result<Id> {
        let (channels, ..) = self.image(x, "depthwise_conv")?;
        let plain = Plain {
            channels: channels * conv.multiplier,
            kernel: conv.kernel,
            stride: conv.stride,
            padding: same_padding(conv.kernel, conv.dilation),
            dilation: conv.dilation,
            groups: channels,
            bias: conv.norm == NormKind::None,
        };
        self.block(&conv.order, conv.norm, conv.activation, x, path, |builder, y| {
            builder.convolve(&plain, y, "depthwise_conv", path)
        })
    }

    pub(super) fn separable_conv(&mut self, conv: &SeparableConv, x: Id, path: &Arc<str>) -> Result<Id> {
        let mut y = x;
        for repetition in 0..conv.repeats {
            let (in_channels, ..) = self.image(y, "separable_conv")?;
            let depthwise = Plain {
                channels: in_channels,
                kernel: conv.kernel,
                stride: if repetition == 0 { conv.stride } else { 1 },
                padding: same_padding(conv.kernel, conv.dilation),
                dilation: conv.dilation,
                groups: in_channels,
                bias: false,
            };
            // As in DARTS, only the last repetition changes the number of channels.
            let last = repetition + 1 == conv.repeats;
            let pointwise = Plain {
                channels: if last { conv.channels.unwrap_or(in_channels) } else { in_channels },
                kernel: 1,
                stride: 1,
                padding: 0,
                dilation: 1,
                groups: 1,
                bias: conv.norm == NormKind::None,
            };
            y = self.block(&conv.order, conv.norm, conv.activation, y, path, |builder, y| {
                let y = builder.convolve(&depthwise, y, "separable_conv", path)?;
                builder.convolve(&pointwise, y, "separable_conv", path)
            })?;
        }
        Ok(y)
    }

    pub(super) fn mbconv(&mut self, conv: &Mbconv, x: Id, path: &Arc<str>) -> Result<Id> {
        let (in_channels, ..) = self.image(x, "mbconv")?;
        let channels = conv.channels.unwrap_or(in_channels);
        let inner = ((in_channels as f64 * conv.expansion).round() as usize).max(1);
        let mut y = x;
        if conv.expansion != 1.0 {
            y = self.pointwise(inner, 1, y, path)?;
            y = self.activation(conv.activation, y, path)?;
        }
        let depthwise = Plain {
            channels: inner,
            kernel: conv.kernel,
            stride: conv.stride,
            padding: same_padding(conv.kernel, 1),
            dilation: 1,
            groups: inner,
            bias: false,
        };
        y = self.convolve(&depthwise, y, "mbconv", path)?;
        y = self.norm(NormKind::Batch, y, path)?;
        y = self.activation(conv.activation, y, path)?;
        if conv.squeeze_excite > 0.0 {
            y = self.squeeze_excite(conv.squeeze_excite, ActivationKind::Relu, y, path)?;
        }
        y = self.pointwise(channels, 1, y, path)?;
        if conv.residual && self.shape(y) == self.shape(x) {
            if conv.drop_path > 0.0 {
                y = self.same(Op::DropPath { probability: conv.drop_path }, y, path)?;
            }
            y = self.sum(&[x, y], path)?;
        }
        Ok(y)
    }

    pub(super) fn squeeze_excite(
        &mut self,
        ratio: f64,
        activation: ActivationKind,
        x: Id,
        path: &Arc<str>,
    ) -> Result<Id> {
        let (channels, ..) = self.image(x, "squeeze_excite")?;
        let squeezed = ((channels as f64 * ratio).round() as usize).max(1);
        let dense = |channels| Plain { channels, kernel: 1, stride: 1, padding: 0, dilation: 1, groups: 1, bias: true };
        let pool = Op::AdaptivePool { size: 1, kind: pleach_spec::PoolKind::Average };
        let y = self.add(pool, smallvec![x], Shape::image(channels, 1, 1), path)?;
        let y = self.convolve(&dense(squeezed), y, "squeeze_excite", path)?;
        let y = self.activation(activation, y, path)?;
        let y = self.convolve(&dense(channels), y, "squeeze_excite", path)?;
        let y = self.activation(ActivationKind::Sigmoid, y, path)?;
        let shape = self.shape(x).clone();
        self.add(Op::Multiply, smallvec![x, y], shape, path)
    }

    /// ReLU, then two 1x1 convolutions of stride 2, the second one on the image moved by one pixel, concatenated; batch norm
    /// (DARTS's factorized reduction).
    pub(super) fn factorized_reduce(&mut self, channels: Option<usize>, x: Id, path: &Arc<str>) -> Result<Id> {
        let (in_channels, ..) = self.image(x, "factorized_reduce")?;
        let channels = channels.unwrap_or(in_channels);
        if !channels.is_multiple_of(2) {
            return Err(BuildError::new(format!(
                "`factorized_reduce` needs an even number of channels, not {channels}"
            )));
        }
        let half =
            Plain { channels: channels / 2, kernel: 1, stride: 2, padding: 0, dilation: 1, groups: 1, bias: false };
        let x = self.activation(ActivationKind::Relu, x, path)?;
        let a = self.convolve(&half, x, "factorized_reduce", path)?;
        let shifted = self.same(Op::Shift, x, path)?;
        let b = self.convolve(&half, shifted, "factorized_reduce", path)?;
        let joined = self.concat(&[a, b], path)?;
        self.norm(NormKind::Batch, joined, path)
    }
}
