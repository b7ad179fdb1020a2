//! Attention, and blocks made of it.

use super::sequence::{alternatives, divisors};
use super::{BuildError, Builder, Id, MOST_ELEMENTS, Result};
use crate::network::{Op, Shape};
use pleach_spec::{SelfAttention, TransformerBlock};
use smallvec::smallvec;
use std::sync::Arc;

impl Builder<'_> {
    pub(super) fn self_attention(&mut self, settings: &SelfAttention, x: Id, path: &Arc<str>) -> Result<Id> {
        self.over_tokens("self_attention", x, path, |builder, y| builder.attend(settings, y, path))
    }

    /// Queries, keys and values of all heads by one linear layer, attention, and a linear layer back to the channels.
    fn attend(&mut self, settings: &SelfAttention, x: Id, path: &Arc<str>) -> Result<Id> {
        let SelfAttention { heads, head_dim, dropout, bias } = *settings;
        let &[channels, length] = self.shape(x).0.as_slice() else { unreachable!("tokens are a sequence") };
        if heads == 0 || head_dim == Some(0) {
            return Err(BuildError::new("`heads` and `head_dim` must be at least 1"));
        }
        let head_dim = match head_dim {
            Some(head_dim) => head_dim,
            None if channels.is_multiple_of(heads) => channels / heads,
            None => {
                let message = format!("{heads} heads do not divide {channels} channels");
                let fitting = alternatives(divisors(channels).filter(|heads| *heads <= 16));
                let help = format!("take {fitting} heads, or state `head_dim`, the width of a head");
                return Err(BuildError::new(message).help(help));
            }
        };
        let weights = (heads as u64).saturating_mul(length as u64).saturating_mul(length as u64);
        if weights > MOST_ELEMENTS {
            let message = format!("attention between {length} tokens is larger than any machine holds");
            return Err(BuildError::new(message).help("take larger patches, or strides before it"));
        }
        let inner = heads.saturating_mul(head_dim);
        let y = self.dense(inner.saturating_mul(3), bias, x, path)?;
        let y = self.add(Op::Attention { heads, dropout }, smallvec![y], Shape::sequence(inner, length), path)?;
        self.dense(channels, bias, y, path)
    }

    pub(super) fn transformer_block(&mut self, settings: &TransformerBlock, x: Id, path: &Arc<str>) -> Result<Id> {
        let TransformerBlock { heads, head_dim, mlp_ratio, dropout, norm, pre_norm, activation, bias, .. } = *settings;
        let attention = SelfAttention { heads, head_dim, dropout, bias };
        self.over_tokens("transformer_block", x, path, |builder, x| {
            let channels = builder.shape(x).channels();
            let before = |builder: &mut Self, x| if pre_norm { builder.norm(norm, x, path) } else { Ok(x) };
            let after = |builder: &mut Self, x| if pre_norm { Ok(x) } else { builder.norm(norm, x, path) };

            let y = before(builder, x)?;
            let y = builder.attend(&attention, y, path)?;
            let x = builder.add_to_residual(settings, x, y, path)?;
            let x = after(builder, x)?;

            let inner = ((channels as f64 * mlp_ratio).round() as usize).max(1);
            let y = before(builder, x)?;
            let y = builder.dense(inner, bias, y, path)?;
            let y = builder.activation(activation, y, path)?;
            let y = builder.drop_out(dropout, y, path)?;
            let y = builder.dense(channels, bias, y, path)?;
            let x = builder.add_to_residual(settings, x, y, path)?;
            after(builder, x)
        })
    }

    fn drop_out(&mut self, probability: f64, x: Id, path: &Arc<str>) -> Result<Id> {
        if probability > 0.0 { self.same(Op::Dropout { probability }, x, path) } else { Ok(x) }
    }

    fn add_to_residual(&mut self, settings: &TransformerBlock, x: Id, y: Id, path: &Arc<str>) -> Result<Id> {
        let mut y = self.drop_out(settings.dropout, y, path)?;
        if settings.drop_path > 0.0 {
            y = self.same(Op::DropPath { probability: settings.drop_path }, y, path)?;
        }
        self.sum(&[x, y], path)
    }
}
