//! Blur by convolution.

use super::image::Image;

/// Weights of a kernel below this change no value of 8 bits.
const NEGLIGIBLE: f64 = 1e-9;

/// Blurs by a normal distribution of this deviation in pixels, cut off at four deviations; beyond the edge lie the values of
/// the edge. As `skimage.filters.gaussian` does.
pub(super) fn gaussian(image: &mut Image, deviation: f64) {
    let (height, width) = (image.height, image.width);
    let taps = normal_taps((4.0 * deviation + 0.5) as usize, deviation);
    let reach = (taps.len() / 2) as isize;
    for plane in image.planes() {
        let before = plane.to_vec();
        let mut between = vec![0.0; before.len()];
        for row in 0..height {
            for (tap, weight) in (-reach..).zip(&taps) {
                let source = row.saturating_add_signed(tap).min(height - 1);
                let from = &before[source * width..][..width];
                let into = &mut between[row * width..][..width];
                into.iter_mut().zip(from).for_each(|(into, from)| *into += weight * from);
            }
        }
        for (into, from) in plane.chunks_exact_mut(width).zip(between.chunks_exact(width)) {
            for (column, value) in into.iter_mut().enumerate() {
                let source = |tap: isize| column.saturating_add_signed(tap).min(width - 1);
                *value = (-reach..).zip(&taps).map(|(tap, weight)| weight * from[source(tap)]).sum();
            }
        }
    }
}

/// Blurs by a disk of this radius whose edge is smoothed by a normal distribution; the image is mirrored beyond its edge, the
/// pixels there not repeated. As the benchmark does with OpenCV.
pub(super) fn defocus(image: &mut Image, radius: f64, smoothing: f64) {
    let (height, width) = (image.height, image.width);
    let kernel = disk(radius, smoothing);
    for plane in image.planes() {
        let before = plane.to_vec();
        for (place, value) in plane.iter_mut().enumerate() {
            let (row, column) = ((place / width) as isize, (place % width) as isize);
            let source = |down: isize, right: isize| mirror(row + down, height) * width + mirror(column + right, width);
            *value = kernel.iter().map(|&(down, right, weight)| weight * before[source(down, right)]).sum();
        }
    }
}

/// The weights of a smoothed disk with their places.
fn disk(radius: f64, smoothing: f64) -> Vec<(isize, isize, f64)> {
    // The grid and the number of taps are the benchmark's.
    let (reach, smoothing_reach) = if radius <= 8.0 { (8, 1) } else { (radius as isize, 2) };
    let side = 2 * reach as usize + 1;
    let taps = normal_taps(smoothing_reach, smoothing);
    let inside = |row: usize, column: usize| {
        let square = |place: usize| (place as f64 - reach as f64) * (place as f64 - reach as f64);
        square(row) + square(column) <= radius * radius
    };
    let area = (0..side * side).filter(|place| inside(place / side, place % side)).count() as f64;
    let near = |place: usize, tap: usize| mirror(place as isize + tap as isize - smoothing_reach as isize, side);
    let mut weights = Vec::new();
    for (row, column) in (0..side * side).map(|place| (place / side, place % side)) {
        let mut weight = 0.0;
        for (down, vertical) in taps.iter().enumerate() {
            for (right, horizontal) in taps.iter().enumerate() {
                if inside(near(row, down), near(column, right)) {
                    weight += vertical * horizontal / area;
                }
            }
        }
        if weight > NEGLIGIBLE {
            weights.push((row as isize - reach, column as isize - reach, weight));
        }
    }
    weights
}

/// A normal distribution at -reach to reach, whose sum is 1.
fn normal_taps(reach: usize, deviation: f64) -> Vec<f64> {
    let density = |tap: usize| {
        let distance = (tap as f64 - reach as f64) / deviation;
        libm::exp(-0.5 * distance * distance)
    };
    let taps: Vec<f64> = (0..=2 * reach).map(density).collect();
    let sum: f64 = taps.iter().sum();
    taps.into_iter().map(|tap| tap / sum).collect()
}

/// A place of a row that is mirrored at its first and last value.
fn mirror(place: isize, length: usize) -> usize {
    if length == 1 {
        return 0;
    }
    let period = 2 * (length as isize - 1);
    let place = place.rem_euclid(period);
    place.min(period - place) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_mirrored() {
        let places: Vec<usize> = (-4..8).map(|place| mirror(place, 4)).collect();
        assert_eq!(places, [2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]);
        assert_eq!((mirror(-3, 1), mirror(5, 2)), (0, 1));
    }

    #[test]
    fn a_disk_keeps_the_brightness() {
        // But for a radius of 8, which the benchmark's grid has no margin for.
        for (radius, smoothing) in [(0.3, 0.4), (1.5, 0.1), (3.0, 0.1), (6.0, 0.5)] {
            let kernel = disk(radius, smoothing);
            let sum: f64 = kernel.iter().map(|(.., weight)| weight).sum();
            assert!((sum - 1.0).abs() < 1e-6, "{radius}: {sum}");
        }
    }
}
