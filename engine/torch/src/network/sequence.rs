//! Operations on sequences, `[examples, channels, length]`.
//!
//! Linear layers and norms of tokens want channels last. So each turns the axes, works, and turns them back, which moves no
//! number: what follows turns them again and finds them in order.

use pleach_space::{RecurrentKind, Shape};
use tch::{Kind, TchError, Tensor};

/// What `work` makes of `[examples, length, channels]`.
fn channels_last(input: &Tensor, work: impl FnOnce(&Tensor) -> Result<Tensor, TchError>) -> Result<Tensor, TchError> {
    work(&input.f_transpose(1, 2)?)?.f_transpose(1, 2)
}

/// A linear layer over the channels of each token.
pub(super) fn linear(input: &Tensor, tensors: &[Tensor]) -> Result<Tensor, TchError> {
    channels_last(input, |input| input.f_linear(&tensors[0], tensors.get(1)))
}

/// Layer norm over the channels of each token.
pub(super) fn layer_norm(input: &Tensor, tensors: &[Tensor], epsilon: f64) -> Result<Tensor, TchError> {
    let channels = tensors[0].size();
    channels_last(input, |input| input.f_layer_norm(&channels, tensors.first(), tensors.get(1), epsilon, true))
}

/// Scaled dot-product attention from matrix products and a softmax, whose kernels give the same bits every time.
pub(super) fn attention(
    input: &Tensor,
    shape: &Shape,
    heads: usize,
    dropout: f64,
    training: bool,
) -> Result<Tensor, TchError> {
    let (heads, inner, length) = (heads as i64, shape.channels() as i64, shape.places()[0] as i64);
    let head_dim = inner / heads.max(1);
    channels_last(input, |input| {
        // [3, examples, heads, length, head_dim]; -1 for the examples, whose number a traced network must not hold.
        let parts = input.f_reshape([-1, length, 3, heads, head_dim])?.f_permute([2, 0, 3, 1, 4])?;
        let (query, key, value) = (parts.f_select(0, 0)?, parts.f_select(0, 1)?, parts.f_select(0, 2)?);
        let query = query.f_mul_scalar(1.0 / libm::sqrt(head_dim as f64))?;
        let mut weights = query.f_matmul(&key.f_transpose(2, 3)?)?.f_softmax(-1, None::<Kind>)?;
        if training && dropout > 0.0 {
            weights = weights.f_dropout(dropout, true)?;
        }
        weights.f_matmul(&value)?.f_transpose(1, 2)?.f_reshape([-1, length, inner])
    })
}

/// One recurrent layer, both ways where `bidirectional`; `start` holds the zeros `[examples, directions, features]` that it
/// starts from. It computes in 32 bits.
pub(super) fn recurrent(
    kind: RecurrentKind,
    input: &Tensor,
    start: &Tensor,
    tensors: &[Tensor],
    bidirectional: bool,
    training: bool,
) -> Result<Tensor, TchError> {
    let start = start.f_transpose(0, 1)?.f_contiguous()?;
    let tensors: Vec<&Tensor> = tensors.iter().collect();
    channels_last(&input.f_to_kind(Kind::Float)?, |input| match kind {
        RecurrentKind::Lstm => {
            Ok(input.f_lstm(&[&start, &start], &tensors, true, 1, 0.0, training, bidirectional, true)?.0)
        }
        RecurrentKind::Gru => Ok(input.f_gru(&start, &tensors, true, 1, 0.0, training, bidirectional, true)?.0),
    })
}
