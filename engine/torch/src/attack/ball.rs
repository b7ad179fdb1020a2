use crate::Failure;
use crate::data::ValueRange;
use tch::Tensor;

/// What an attack may make of a batch: values within epsilon of an input's own, and within the data's range.
#[derive(Debug)]
pub(crate) struct Ball {
    lower: Tensor,
    upper: Tensor,
}

impl Ball {
    /// Around normalised inputs; epsilon is in units of data scaled to 0..1.
    ///
    /// An input itself is in it, even where rounding or augmentation put it outside the range.
    pub(crate) fn around(inputs: &Tensor, epsilon: f64, range: &ValueRange) -> Result<Ball, Failure> {
        let reach = range.span()?.f_mul_scalar(epsilon)?;
        Ok(Ball {
            lower: inputs.f_sub(&reach)?.f_maximum(&range.low)?.f_minimum(inputs)?,
            upper: inputs.f_add(&reach)?.f_minimum(&range.high)?.f_maximum(inputs)?,
        })
    }

    /// The nearest inputs that are allowed.
    pub(crate) fn project(&self, inputs: &Tensor) -> Result<Tensor, Failure> {
        Ok(inputs.f_clamp_tensor(Some(&self.lower), Some(&self.upper))?)
    }

    /// Those of some examples.
    pub(crate) fn of_examples(&self, indices: &Tensor) -> Result<Ball, Failure> {
        Ok(Ball { lower: self.lower.f_index_select(0, indices)?, upper: self.upper.f_index_select(0, indices)? })
    }
}
