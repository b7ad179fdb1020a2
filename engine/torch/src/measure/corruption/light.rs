//! Other light.

use super::image::Image;

/// Adds to the value of HSV, hue and saturation kept; to the value itself where there is one channel.
pub(super) fn brightness(image: &mut Image, more: f64) {
    let (pixels, channels) = (image.pixels(), image.channels());
    for pixel in 0..pixels {
        let places = || (0..channels).map(|channel| channel * pixels + pixel);
        // Of a hue and a saturation all colours are multiples of each other, and the value is the largest.
        let value = places().map(|place| image.values[place]).fold(0.0, f64::max);
        let brighter = (value + more).min(1.0);
        for place in places() {
            image.values[place] = if value > 0.0 { image.values[place] / value * brighter } else { brighter };
        }
    }
}

/// Brings values nearer to the mean of their channel.
pub(super) fn contrast(image: &mut Image, factor: f64) {
    for plane in image.planes() {
        let mean = plane.iter().sum::<f64>() / plane.len() as f64;
        plane.iter_mut().for_each(|value| *value = (*value - mean) * factor + mean);
    }
}
