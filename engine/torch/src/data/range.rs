use crate::Failure;
use tch::Tensor;

/// The smallest and the largest value that inputs may have, as networks take them: normalised.
///
/// Of pixels these are black and white; of other inputs the extremes of the whole data set, by channel for images and by
/// feature else. Data "scaled to 0..1" are 0 at the one and 1 at the other.
#[derive(Debug)]
pub(crate) struct ValueRange {
    /// `[1, channels, 1, 1]` for images, `[1, features]` for vectors.
    pub low: Tensor,
    /// The same shape.
    pub high: Tensor,
}

impl ValueRange {
    /// What a change by 1 of data scaled to 0..1 is in normalised inputs.
    pub(crate) fn span(&self) -> Result<Tensor, Failure> {
        Ok(self.high.f_sub(&self.low)?)
    }
}
