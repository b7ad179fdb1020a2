use crate::ExportError;
use pleach_space::Network;
use serde::{Deserialize, Serialize};

/// What happens to raw values before the network sees them: `(value * scale - mean) / deviation`, channel by channel.
///
/// Empty `mean` and `deviation` leave values as scaled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preprocessing {
    /// What is subtracted, a value a channel (or feature); in scaled units.
    pub mean: Vec<f32>,
    /// What is divided by after that, a value a channel (or feature); in scaled units.
    pub deviation: Vec<f32>,
    /// What raw values are multiplied by first: 1/255 for images of bytes, 1 for numbers taken as they are.
    pub scale: f32,
    /// The names of the classes in the order of the outputs.
    pub classes: Vec<String>,
}

impl Default for Preprocessing {
    /// Values as they are, classes without names.
    fn default() -> Self {
        Preprocessing { mean: Vec::new(), deviation: Vec::new(), scale: 1.0, classes: Vec::new() }
    }
}

impl Preprocessing {
    /// Mean and deviation a channel, filled with 0 and 1 where they are empty.
    ///
    /// # Errors
    /// [`ExportError::Preprocessing`] where there are values, but not one a channel of the network's input.
    pub(crate) fn statistics(&self, network: &Network) -> Result<(Vec<f32>, Vec<f32>), ExportError> {
        let channels = network.input_shape().channels();
        let filled = |field, values: &[f32], default| match values.len() {
            0 => Ok(vec![default; channels]),
            found if found == channels => Ok(values.to_vec()),
            found => Err(ExportError::Preprocessing { field, expected: channels, found }),
        };
        Ok((filled("mean", &self.mean, 0.0)?, filled("deviation", &self.deviation, 1.0)?))
    }

    /// Scale, mean and deviation as a JSON object, for the metadata of files.
    ///
    /// # Errors
    /// Those of [`Preprocessing::statistics`].
    pub(crate) fn to_json(&self, network: &Network) -> Result<String, ExportError> {
        let (mean, deviation) = self.statistics(network)?;
        Ok(format!(
            r#"{{"scale":{},"mean":[{}],"deviation":[{}]}}"#,
            decimal(self.scale),
            mean.into_iter().map(decimal).collect::<Vec<_>>().join(","),
            deviation.into_iter().map(decimal).collect::<Vec<_>>().join(","),
        ))
    }
}

/// The shortest decimal that reads back as the same 32-bit number. (A JSON value would hold 64 bits: 0.1 as
/// 0.10000000149011612.)
pub(crate) fn decimal(value: f32) -> String {
    format!("{value:?}")
}
