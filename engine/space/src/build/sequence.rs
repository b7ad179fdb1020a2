//! Layers along sequences, and what makes sequences of images.

use super::convolution::{Plain, same_padding};
use super::{BuildError, Builder, Id, Result, window};
use crate::network::{Op, RecurrentKind, Shape};
use pleach_spec::{Conv1d, NormKind, Padding, Part, PatchEmbed, PositionKind, Recurrent};
use smallvec::smallvec;
use std::sync::Arc;

impl Builder<'_> {
    /// The channels and tokens of a sequence, or an error that names the layer.
    fn sequence_of(&self, x: Id, layer: &str, instead: &str) -> Result<(usize, usize)> {
        let shape = self.shape(x);
        if let [channels, length] = *shape.0 {
            return Ok((channels, length));
        }
        let found = if shape.is_image() { format!("an image of {shape}") } else { format!("{shape} features") };
        let message = format!("`{layer}` needs a sequence (channels, length), but gets {found}");
        Err(BuildError::new(message).help(instead))
    }

    pub(super) fn conv1d(&mut self, conv: &Conv1d, x: Id, path: &Arc<str>) -> Result<Id> {
        let instead = "take `conv` for images, or `patch_embed` before it";
        let (channels, _) = self.sequence_of(x, "conv1d", instead)?;
        let has_norm = conv.norm != NormKind::None && conv.order.contains(&Part::Norm);
        let plain = Plain {
            channels: conv.channels.unwrap_or(channels),
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
            let (in_channels, length) = builder.sequence_of(y, "conv1d", instead)?;
            let Plain { channels, kernel, stride, padding, dilation, groups, bias } = plain.checked(in_channels)?;
            let Some(out_length) = window(length, kernel, stride, padding, dilation) else {
                let message = format!("`conv1d` of kernel {kernel} does not fit into a sequence of length {length}");
                let help = "take a smaller kernel, more padding, or fewer strides before it";
                return Err(BuildError::new(message).help(help));
            };
            let op =
                Op::Conv1d { in_channels, out_channels: channels, kernel, stride, padding, dilation, groups, bias };
            builder.add(op, smallvec![y], Shape::sequence(channels, out_length), path)
        })
    }

    pub(super) fn recurrent(
        &mut self,
        kind: RecurrentKind,
        settings: &Recurrent,
        x: Id,
        path: &Arc<str>,
    ) -> Result<Id> {
        let layer = if kind == RecurrentKind::Lstm { "lstm" } else { "gru" };
        let (channels, length) = self.sequence_of(x, layer, "put `patch_embed` before it for images")?;
        let features = settings.features.unwrap_or(channels);
        if features == 0 || settings.layers == 0 {
            return Err(BuildError::new("`features` and `layers` must be at least 1"));
        }
        let bidirectional = settings.bidirectional;
        let shape = Shape::sequence(features * (1 + usize::from(bidirectional)), length);
        let mut y = x;
        for number in 0..settings.layers {
            if number > 0 && settings.dropout > 0.0 {
                y = self.same(Op::Dropout { probability: settings.dropout }, y, path)?;
            }
            let in_channels = self.shape(y).channels();
            let op = Op::Recurrent { kind, in_channels, features, bidirectional };
            y = self.add(op, smallvec![y], shape.clone(), path)?;
        }
        Ok(y)
    }

    pub(super) fn patch_embed(&mut self, settings: &PatchEmbed, x: Id, path: &Arc<str>) -> Result<Id> {
        let (_, height, width) = self.image(x, "patch_embed")?;
        let PatchEmbed { patch, channels, norm } = *settings;
        if patch == 0 || !height.is_multiple_of(patch) || !width.is_multiple_of(patch) {
            let message = format!("patches of {patch}x{patch} do not divide an image of {height}x{width}");
            let fitting = divisors(height).filter(|patch| width.is_multiple_of(*patch));
            return Err(BuildError::new(message).help(format!("take `patch: {}`", alternatives(fitting))));
        }
        let conv = Plain { channels, kernel: patch, stride: patch, padding: 0, dilation: 1, groups: 1, bias: true };
        let y = self.convolve(&conv, x, "patch_embed", path)?;
        let y = self.tokens(y, path)?;
        self.norm(norm, y, path)
    }

    pub(super) fn position(&mut self, kind: PositionKind, x: Id, path: &Arc<str>) -> Result<Id> {
        self.over_tokens("position", x, path, |builder, y| {
            let &[channels, length] = builder.shape(y).0.as_slice() else { unreachable!("tokens are a sequence") };
            builder.same(Op::Position { channels, length, kind }, y, path)
        })
    }

    /// An image as a sequence of its pixels; a sequence is itself.
    fn tokens(&mut self, x: Id, path: &Arc<str>) -> Result<Id> {
        let shape = self.shape(x);
        match shape.size() {
            None => Ok(x),
            Some((height, width)) => {
                let shape = Shape::sequence(shape.channels(), height.saturating_mul(width));
                self.add(Op::ToSequence, smallvec![x], shape, path)
            }
        }
    }

    /// Does something with a sequence; of an image with the sequence of its pixels, and makes an image again of what comes out.
    pub(super) fn over_tokens(
        &mut self,
        layer: &str,
        x: Id,
        path: &Arc<str>,
        work: impl FnOnce(&mut Self, Id) -> Result<Id>,
    ) -> Result<Id> {
        if self.shape(x).is_vector() {
            let message = format!("`{layer}` needs a sequence or an image, but gets {} features", self.shape(x));
            return Err(BuildError::new(message).help("put it before `global_pool` or `flatten`"));
        }
        let size = self.shape(x).size();
        let y = self.tokens(x, path)?;
        let y = work(self, y)?;
        match size {
            None => Ok(y),
            Some((height, width)) => {
                let shape = Shape::image(self.shape(y).channels(), height, width);
                self.add(Op::ToImage { height, width }, smallvec![y], shape, path)
            }
        }
    }
}

/// The numbers that divide another without rest.
pub(super) fn divisors(number: usize) -> impl Iterator<Item = usize> {
    (1..=number.min(1024)).filter(move |divisor| number.is_multiple_of(*divisor))
}

/// `1, 2 or 4`
pub(super) fn alternatives(numbers: impl Iterator<Item = usize>) -> String {
    let words: Vec<String> = numbers.map(|number| number.to_string()).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => "1".to_owned(),
    }
}
