//! Noise of sensors and of transmission.

use super::image::Image;
use crate::data::poisson;
use pleach_random::Generator;

/// Adds normally distributed noise.
pub(super) fn gaussian(image: &mut Image, deviation: f64, generator: &mut Generator) {
    image.values.iter_mut().for_each(|value| *value += deviation * generator.normal());
}

/// Counts photons, of which white has so many on average.
pub(super) fn shot(image: &mut Image, photons: f64, generator: &mut Generator) {
    image.values.iter_mut().for_each(|value| *value = poisson(*value * photons, generator) / photons);
}

/// Turns a share of values to 0 or 1, each by itself, both as often.
pub(super) fn impulse(image: &mut Image, share: f64, generator: &mut Generator) {
    for value in image.values.iter_mut() {
        if generator.unit() < share {
            *value = (generator.next_u64() >> 63) as f64;
        }
    }
}
