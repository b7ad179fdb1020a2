//! Corruptions of images, as in the common-corruptions benchmark (Hendrycks and Dietterich 2019).

mod blur;
mod constants;
mod detail;
mod image;
mod light;
mod noise;

use self::image::Image;
use crate::Failure;
use crate::data::DataSet;
use pleach_random::{Generator, derive};
use pleach_spec::Corruption;
use tch::{Device, Kind, Tensor};

/// Corrupts examples of a data set.
pub(crate) struct Corrupter<'a> {
    data: &'a DataSet,
    corruption: Corruption,
    severity: u8,
    seed: u64,
    height: usize,
    width: usize,
}

impl<'a> Corrupter<'a> {
    /// For a severity of 1 to 5; noise depends on the seed, the corruption, the severity and the example's number alone.
    ///
    /// # Errors
    /// If the data are no images of 1 or 3 channels.
    pub(crate) fn new(
        data: &'a DataSet,
        corruption: Corruption,
        severity: u8,
        seed: u64,
    ) -> Result<Corrupter<'a>, Failure> {
        let name = corruption.name();
        let &[1 | 3, height, width] = data.shape.as_slice() else {
            let shape = &data.shape;
            return Err(Failure::infeasible(format!(
                "`{name}` corrupts images of 1 or 3 channels, and the data set's inputs are {shape:?}; leave it out"
            )));
        };
        if !(1..=5).contains(&severity) {
            return Err(Failure::infeasible(format!("`{name}` has severities 1 to 5, not {severity}")));
        }
        Ok(Corrupter { data, corruption, severity, seed, height, width })
    }

    /// Corrupts inputs as the data set holds them: pixels, which stay of 8 bits, or normalised numbers. `numbers` are those of
    /// the examples in their part.
    pub(crate) fn corrupt(&self, inputs: &Tensor, numbers: &[usize]) -> Result<Tensor, Failure> {
        let pixels = self.data.are_pixels();
        let count = inputs.numel();
        let each = count / numbers.len().max(1);
        let mut values = vec![0f64; count];
        let range = &self.data.range;
        let unit = match pixels {
            true => inputs.f_to_kind(Kind::Double)?.f_div_scalar(255)?,
            // A channel of equal values is 0, and stays what it is.
            false => {
                let span = range.span()?;
                let divisor = span.f_masked_fill(&span.f_eq(0.0)?, 1.0)?;
                inputs.f_sub(&range.low)?.f_div(&divisor)?.f_to_kind(Kind::Double)?
            }
        };
        unit.f_to(Device::Cpu)?.f_contiguous()?.f_copy_data(&mut values, count)?;
        for (values, number) in values.chunks_exact_mut(each.max(1)).zip(numbers) {
            let words = [self.corruption.name(), &self.severity.to_string(), &number.to_string()];
            let mut generator = Generator::new(derive(self.seed, &words));
            let mut image = Image { height: self.height, width: self.width, values, eight_bits: pixels };
            apply(&mut image, self.corruption, self.severity, &mut generator)?;
        }
        let size = inputs.size();
        if pixels {
            let bytes: Vec<u8> = values.iter().map(|&value| eight_bits(value)).collect();
            return Ok(Tensor::f_from_slice(&bytes)?.f_view(size.as_slice())?.f_to(inputs.device())?);
        }
        let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
        let values = Tensor::f_from_slice(&values)?.f_view(size.as_slice())?.f_to(inputs.device())?;
        Ok(range.low.f_addcmul(&values, &range.span()?)?)
    }
}

/// Fractions of a level are cut off, as in the benchmark.
fn eight_bits(value: f64) -> u8 {
    (value * 255.0) as u8
}

/// Corrupts an image, and limits its values to 0 to 1.
fn apply(image: &mut Image, corruption: Corruption, severity: u8, generator: &mut Generator) -> Result<(), Failure> {
    let constants = constants::of_size(image.height, image.width);
    let at = usize::from(severity - 1);
    match corruption {
        Corruption::GaussianNoise => noise::gaussian(image, constants.gaussian_noise[at], generator),
        Corruption::ShotNoise => noise::shot(image, constants.shot_noise[at], generator),
        Corruption::ImpulseNoise => noise::impulse(image, constants.impulse_noise[at], generator),
        Corruption::DefocusBlur => {
            let (radius, smoothing) = constants.defocus_blur[at];
            blur::defocus(image, radius, smoothing);
        }
        Corruption::GaussianBlur => blur::gaussian(image, constants.gaussian_blur[at]),
        Corruption::Brightness => light::brightness(image, constants.brightness[at]),
        Corruption::Contrast => light::contrast(image, constants.contrast[at]),
        Corruption::Pixelate => detail::pixelate(image, constants.pixelate[at]),
        Corruption::JpegCompression => detail::jpeg(image, constants.jpeg_compression[at])
            .map_err(|error| Failure::infeasible(format!("an image cannot be written as JPEG: {error}")))?,
    }
    image.values.iter_mut().for_each(|value| *value = value.clamp(0.0, 1.0));
    Ok(())
}

#[cfg(test)]
mod tests;
