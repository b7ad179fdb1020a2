//! Less detail, as where memory or transmission is scarce.

use super::image::Image;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageError, ImageFormat};
use std::ops::Range;

/// Makes an image smaller by a factor and larger again, each new pixel the mean of the pixels under it. As Pillow's `resize`
/// with its box filter does; images of 8 bits are rounded after each of the four passes, as there.
pub(super) fn pixelate(image: &mut Image, factor: f64) {
    let (height, width, eight_bits) = (image.height, image.width, image.eight_bits);
    let smaller = |extent: usize| ((extent as f64 * factor) as usize).max(1);
    let (low, narrow) = (smaller(height), smaller(width));
    for plane in image.planes() {
        let small = resize(plane, (height, width), (low, narrow), eight_bits);
        plane.copy_from_slice(&resize(&small, (low, narrow), (height, width), eight_bits));
    }
}

/// Resizes a plane, first its rows, then its columns.
fn resize(plane: &[f64], from: (usize, usize), to: (usize, usize), eight_bits: bool) -> Vec<f64> {
    let mean = |values: &mut dyn Iterator<Item = f64>, count: usize| {
        let mean = values.sum::<f64>() / count as f64;
        if eight_bits { (mean * 255.0 + 0.5).floor() / 255.0 } else { mean }
    };
    let columns = boxes(from.1, to.1);
    let mut narrowed = Vec::with_capacity(from.0 * to.1);
    for row in plane.chunks_exact(from.1) {
        narrowed.extend(columns.iter().map(|under| mean(&mut row[under.clone()].iter().copied(), under.len())));
    }
    let mut resized = Vec::with_capacity(to.0 * to.1);
    for under in boxes(from.0, to.0) {
        for column in 0..to.1 {
            resized.push(mean(&mut under.clone().map(|row| narrowed[row * to.1 + column]), under.len()));
        }
    }
    resized
}

/// For each new pixel of a row the old ones whose centres lie under it, at least one.
fn boxes(from: usize, to: usize) -> Vec<Range<usize>> {
    let scale = from as f64 / to as f64;
    let reach = scale.max(1.0) / 2.0;
    let under = |pixel: usize| {
        let centre = (pixel as f64 + 0.5) * scale;
        let first = (centre - reach + 0.5).max(0.0) as usize;
        let end = ((centre + reach + 0.5) as usize).min(from);
        // The box is open on its left: a centre there belongs to the pixel before.
        let inside = |old: usize| {
            let distance = (old as f64 + 0.5 - centre) / scale.max(1.0);
            distance > -0.5 && distance <= 0.5
        };
        let first = (first..end).find(|&old| inside(old)).unwrap_or(first.min(from - 1));
        let end = (first..end).rev().find(|&old| inside(old)).map_or(first + 1, |last| last + 1);
        first..end
    };
    (0..to).map(under).collect()
}

/// Writes an image as JPEG and reads it again. Colours are not subsampled.
///
/// # Errors
/// If the image is larger than JPEG can be.
pub(super) fn jpeg(image: &mut Image, quality: u8) -> Result<(), ImageError> {
    let (pixels, channels) = (image.pixels(), image.channels());
    let mut bytes = vec![0; image.values.len()];
    for (channel, plane) in image.values.chunks_exact(pixels.max(1)).enumerate() {
        for (pixel, value) in plane.iter().enumerate() {
            bytes[pixel * channels + channel] = (value * 255.0 + 0.5) as u8;
        }
    }
    let colour = if channels == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
    let (width, height) = (u32::try_from(image.width), u32::try_from(image.height));
    let (width, height) = (width.unwrap_or(u32::MAX), height.unwrap_or(u32::MAX));
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, quality).encode(&bytes, width, height, colour)?;
    let read = image::load_from_memory_with_format(&file, ImageFormat::Jpeg)?;
    let bytes = if channels == 1 { read.into_luma8().into_raw() } else { read.into_rgb8().into_raw() };
    for (channel, plane) in image.planes().enumerate() {
        for (pixel, value) in plane.iter_mut().enumerate() {
            *value = f64::from(bytes[pixel * channels + channel]) / 255.0;
        }
    }
    Ok(())
}
