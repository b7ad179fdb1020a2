use super::*;

/// Values that the benchmark's own programs give for two made-up pictures: with scikit-image 0.26 (blur, HSV), OpenCV 5.0
/// (defocus) and Pillow 13.0 (pixelation, JPEG without subsampling), at some places of the image.
#[derive(serde::Deserialize)]
struct Case {
    corruption: Corruption,
    severity: u8,
    shape: [usize; 3],
    places: Vec<usize>,
    values: Vec<u8>,
}

/// A picture with sharp changes everywhere, or one without, for JPEG.
fn picture([channels, height, width]: [usize; 3], sharp: bool) -> Vec<f64> {
    let mut values = Vec::new();
    for channel in 0..channels {
        for row in 0..height {
            for column in 0..width {
                let value = match sharp {
                    true => row * 37 + column * 53 + channel * 91 + row * column % 29 * 5,
                    false => row * 5 + column * 3 + channel * 40 + row * column % 7 * 4,
                };
                values.push((value % 256) as f64 / 255.0);
            }
        }
    }
    values
}

fn corrupted(shape: [usize; 3], sharp: bool, corruption: Corruption, severity: u8) -> Vec<f64> {
    let mut values = picture(shape, sharp);
    let mut image = Image { height: shape[1], width: shape[2], values: &mut values, eight_bits: true };
    apply(&mut image, corruption, severity, &mut Generator::new(4)).unwrap();
    assert!(values.iter().all(|value| (0.0..=1.0).contains(value)), "{corruption:?}");
    values
}

#[test]
fn corruptions_are_those_of_the_benchmark() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("reference.json")).unwrap();
    assert_eq!(cases.len(), 48);
    for Case { corruption, severity, shape, places, values } in cases {
        let jpeg = corruption == Corruption::JpegCompression;
        let found = corrupted(shape, !jpeg, corruption, severity);
        let found: Vec<u8> = places.iter().map(|&place| eight_bits(found[place])).collect();
        // Programs that write and read JPEG round their transforms each in its way.
        let tolerance = if jpeg { 6 } else { 1 };
        let near = found.iter().zip(&values).all(|(found, expected)| found.abs_diff(*expected) <= tolerance);
        assert!(near, "{corruption:?} {severity} {shape:?}:\n{found:?}\n{values:?}");
        let equal = found.iter().zip(&values).filter(|(found, expected)| found == expected).count();
        // Means of whole numbers are often whole, and then rounding decides what is cut off.
        assert!(jpeg || equal >= 12, "{corruption:?} {severity} {shape:?}: {equal} of 16 equal");
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn noise_has_its_size() {
    let apply = |corruption, severity| {
        let mut values = vec![0.5; 40 * 50];
        let mut image = Image { height: 40, width: 50, values: &mut values, eight_bits: true };
        super::apply(&mut image, corruption, severity, &mut Generator::new(4)).unwrap();
        values
    };
    let deviation = |values: &[f64]| {
        let mean = mean(values);
        values.iter().map(|value| (value - mean).powi(2)).sum::<f64>().sqrt() / (values.len() as f64).sqrt()
    };
    for (severity, expected) in [(1, 0.04), (5, 0.10)] {
        let found = deviation(&apply(Corruption::GaussianNoise, severity));
        assert!((found / expected - 1.0).abs() < 0.06, "{severity}: {found}");
    }
    // The variance of n photons is n: of white 500 and 50, here half of them.
    for (severity, photons) in [(1, 500.0_f64), (5, 50.0)] {
        let values = apply(Corruption::ShotNoise, severity);
        let expected = (0.5 * photons).sqrt() / photons;
        let found = deviation(&values);
        assert!((found / expected - 1.0).abs() < 0.06, "{severity}: {found}, expected {expected}");
        assert!((mean(&values) - 0.5).abs() < 0.02);
        assert!(values.iter().all(|value| (value * photons - (value * photons).round()).abs() < 1e-9), "whole photons");
    }
    let values = apply(Corruption::ImpulseNoise, 5);
    let share = |wanted: f64| values.iter().filter(|&&value| value == wanted).count() as f64 / values.len() as f64;
    assert!((share(0.5) - 0.93).abs() < 0.02 && (share(0.0) - 0.035).abs() < 0.012, "{} {}", share(0.5), share(0.0));
    assert!((share(0.0) + share(0.5) + share(1.0) - 1.0).abs() < 1e-12);
}

#[test]
fn every_severity_is_stronger_than_the_one_before() {
    // Noise and contrast away from black and white, where values are cut off.
    for corruption in Corruption::ALL {
        for shape in [[3, 32, 32], [1, 64, 64]] {
            let before = picture(shape, false);
            let distances: Vec<f64> = (1..=5)
                .map(|severity| {
                    let after = corrupted(shape, false, corruption, severity);
                    before.iter().zip(&after).map(|(a, b)| (a - b).powi(2)).sum::<f64>()
                })
                .collect();
            assert!(distances.windows(2).all(|pair| pair[0] < pair[1]), "{corruption:?} {shape:?} {distances:?}");
            assert!(distances[0] > 0.0);
        }
    }
}

#[test]
fn images_of_one_pixel_are_no_trouble() {
    for corruption in Corruption::ALL {
        for shape in [[1, 1, 1], [3, 1, 5], [1, 6, 2]] {
            corrupted(shape, true, corruption, 5);
        }
    }
}
