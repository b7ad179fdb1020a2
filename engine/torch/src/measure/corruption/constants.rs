//! The constants of the common-corruptions benchmark, by severity 1 to 5.
//!
//! Hendrycks and Dietterich, Benchmarking Neural Network Robustness to Common Corruptions and Perturbations, ICLR 2019; as
//! in the programs that made the benchmark's data sets, `make_cifar_c.py` and `make_imagenet_c.py` of
//! github.com/hendrycks/robustness.

/// Images with a shorter side than this many pixels have the constants of CIFAR-10-C.
const SMALL_BELOW: usize = 64;

/// Five severities.
pub(super) type Severities<T> = [T; 5];

/// One set of constants.
pub(super) struct Constants {
    /// Standard deviation of the noise.
    pub gaussian_noise: Severities<f64>,
    /// Photons of a white pixel.
    pub shot_noise: Severities<f64>,
    /// Share of values that turn black or white.
    pub impulse_noise: Severities<f64>,
    /// Radius of the disk, and the deviation in pixels that its edge is smoothed by.
    pub defocus_blur: Severities<(f64, f64)>,
    /// Standard deviation in pixels.
    pub gaussian_blur: Severities<f64>,
    /// What is added to the value of HSV.
    pub brightness: Severities<f64>,
    /// The factor of distances from the mean.
    pub contrast: Severities<f64>,
    /// The factor of the size.
    pub pixelate: Severities<f64>,
    /// Quality from 1 to 100.
    pub jpeg_compression: Severities<u8>,
}

const CIFAR_10_C: Constants = Constants {
    gaussian_noise: [0.04, 0.06, 0.08, 0.09, 0.10],
    shot_noise: [500.0, 250.0, 100.0, 75.0, 50.0],
    impulse_noise: [0.01, 0.02, 0.03, 0.05, 0.07],
    defocus_blur: [(0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1.0, 0.2), (1.5, 0.1)],
    gaussian_blur: [0.4, 0.6, 0.7, 0.8, 1.0],
    brightness: [0.05, 0.1, 0.15, 0.2, 0.3],
    contrast: [0.75, 0.5, 0.4, 0.3, 0.15],
    pixelate: [0.95, 0.9, 0.85, 0.75, 0.65],
    jpeg_compression: [80, 65, 58, 50, 40],
};

const IMAGENET_C: Constants = Constants {
    gaussian_noise: [0.08, 0.12, 0.18, 0.26, 0.38],
    shot_noise: [60.0, 25.0, 12.0, 5.0, 3.0],
    impulse_noise: [0.03, 0.06, 0.09, 0.17, 0.27],
    defocus_blur: [(3.0, 0.1), (4.0, 0.5), (6.0, 0.5), (8.0, 0.5), (10.0, 0.5)],
    gaussian_blur: [1.0, 2.0, 3.0, 4.0, 6.0],
    brightness: [0.1, 0.2, 0.3, 0.4, 0.5],
    contrast: [0.4, 0.3, 0.2, 0.1, 0.05],
    pixelate: [0.6, 0.5, 0.4, 0.3, 0.25],
    jpeg_compression: [25, 18, 15, 10, 7],
};

/// The constants for images of a size.
pub(super) fn of_size(height: usize, width: usize) -> &'static Constants {
    if height.min(width) < SMALL_BELOW { &CIFAR_10_C } else { &IMAGENET_C }
}
