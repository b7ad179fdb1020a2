use crate::{Domain, Random};

/// A range of more whole numbers counts as continuous.
const MOST_STEPS: u64 = 256;

/// The width of kernels among many: a share of the axis, before it shrinks with their number.
const WIDTH: f64 = 0.2;

/// Draws from outside of the axis are drawn again so often.
const REDRAWS: u32 = 100;

/// The domain of one decision, its values by their [places](crate::Decisions::places).
#[derive(Debug, Clone)]
pub(super) enum Axis {
    /// Options without an order.
    Choice { options: usize },
    /// Few values in order, evenly spaced from place 0 to 1.
    Steps { count: usize, low: f64 },
    /// A range, or many whole numbers.
    Continuous { low: f64, high: f64, log: bool, whole: bool },
}

impl Axis {
    pub(super) fn new(domain: &Domain) -> Self {
        match domain {
            Domain::Choice(options) => Self::Choice { options: options.len() },
            Domain::Levels(levels) => Self::Steps { count: levels.len(), low: 0.0 },
            Domain::Integer(range) => match range.high.abs_diff(range.low) {
                steps if steps < MOST_STEPS && !range.log => {
                    Self::Steps { count: steps as usize + 1, low: range.low as f64 }
                }
                _ => Self::Continuous { low: range.low as f64, high: range.high as f64, log: range.log, whole: true },
            },
            Domain::Real(range) => Self::Continuous { low: range.low, high: range.high, log: range.log, whole: false },
        }
    }

    /// The value at a place.
    pub(super) fn value(&self, place: f64) -> f64 {
        match *self {
            Self::Choice { .. } => place,
            Self::Steps { count, low } => low + (place * (count.max(2) - 1) as f64).round(),
            Self::Continuous { low, high, log, whole } => {
                let value = if log {
                    let (from, to) = (libm::log(low), libm::log(high));
                    libm::exp(from + (to - from) * place)
                } else {
                    low + (high - low) * place
                };
                (if whole { value.round() } else { value }).clamp(low, high)
            }
        }
    }

    /// A place, each as likely as any other.
    pub(super) fn uniform(&self, random: &mut Random) -> f64 {
        match *self {
            Self::Choice { options } => random.index(options) as f64,
            Self::Steps { count, .. } => random.index(count) as f64 / (count.max(2) - 1) as f64,
            Self::Continuous { .. } => random.unit(),
        }
    }

    /// The logarithm of how likely each place is where all are equally so.
    pub(super) fn uniform_density(&self) -> f64 {
        match *self {
            Self::Choice { options: count } | Self::Steps { count, .. } => -libm::log(count as f64),
            Self::Continuous { .. } => 0.0,
        }
    }
}

/// The form of the kernels on one axis, the same for all that an estimator holds.
///
/// Options: the observed one has a greater share, the others equal ones (Aitchison and Aitken, "Multivariate binary discrimination
/// by the kernel method", Biometrika 1976). Numbers: a normal distribution cut off at the ends of the axis.
#[derive(Debug, Clone)]
pub(super) enum Form {
    /// The logarithms of the shares of the observed and of each other option.
    Choice {
        options: usize,
        same: f64,
        other: f64,
    },
    /// Deviation, and for each center the logarithm of what its kernel sums to.
    Steps {
        width: f64,
        sums: Vec<f64>,
    },
    Continuous {
        width: f64,
    },
}

impl Form {
    /// For so many kernels over so many axes.
    ///
    /// An option's share is that of one observation of it beside `1/kernels` of every option. The width shrinks by Scott's rule
    /// in the number of axes, no further than to the distance of as many evenly placed kernels (Watanabe, "Tree-structured
    /// Parzen estimator: understanding its algorithm components and their roles", 2023, section 3.3).
    pub(super) fn new(axis: &Axis, kernels: usize, axes: usize) -> Self {
        let kernels = kernels.max(1) as f64;
        let scott = WIDTH * libm::pow(kernels, -1.0 / (axes as f64 + 4.0));
        let width = scott.max(1.0 / (kernels + 1.0).min(100.0));
        match *axis {
            Axis::Choice { options } => {
                let part = 1.0 / (kernels + 1.0);
                let whole = 1.0 + part * options as f64;
                Self::Choice { options, same: libm::log((1.0 + part) / whole), other: libm::log(part / whole) }
            }
            Axis::Steps { count, .. } => {
                let step = 1.0 / (count.max(2) - 1) as f64;
                // What lies up to so many steps to one side of a center, itself left out.
                let mut side = vec![0.0];
                for distance in 1..count {
                    side.push(side[distance - 1] + libm::exp(bell(distance as f64 * step, width)));
                }
                let sum = |center: usize| libm::log(1.0 + side[center] + side[count - 1 - center]);
                Self::Steps { width, sums: (0..count).map(sum).collect() }
            }
            Axis::Continuous { .. } => Self::Continuous { width },
        }
    }

    /// The logarithm of what the kernel at a center sums to, before it is divided by that.
    pub(super) fn sum(&self, center: f64) -> f64 {
        match self {
            Self::Choice { .. } => 0.0,
            Self::Steps { sums, .. } => sums[(center * (sums.len() - 1) as f64).round() as usize],
            Self::Continuous { width } => {
                let below = |place: f64| 0.5 * libm::erfc(-(place - center) / width * std::f64::consts::FRAC_1_SQRT_2);
                libm::log(width * (2.0 * std::f64::consts::PI).sqrt() * (below(1.0) - below(0.0)))
            }
        }
    }

    /// The logarithm of the kernel at a place, before it is divided by its sum.
    pub(super) fn height(&self, center: f64, place: f64) -> f64 {
        match *self {
            Self::Choice { same, other, .. } => {
                if center == place {
                    same
                } else {
                    other
                }
            }
            Self::Steps { width, .. } | Self::Continuous { width } => bell(place - center, width),
        }
    }

    /// A place, drawn from the kernel at a center.
    pub(super) fn draw(&self, center: f64, random: &mut Random) -> f64 {
        match self {
            Self::Choice { options, other, .. } => {
                let others = libm::exp(*other) * *options as f64;
                if random.chance(others) { random.index(*options) as f64 } else { center }
            }
            Self::Steps { width, sums } => {
                let step = 1.0 / (sums.len().max(2) - 1) as f64;
                let weight = |place: usize| libm::exp(bell(place as f64 * step - center, *width));
                let weights: Vec<f64> = (0..sums.len()).map(weight).collect();
                random.weighted(&weights).map_or(center, |place| place as f64 * step)
            }
            Self::Continuous { width } => {
                let drawn = (0..REDRAWS).map(|_| center + width * random.normal());
                drawn.into_iter().find(|place| (0.0..=1.0).contains(place)).unwrap_or(center)
            }
        }
    }
}

/// The logarithm of a normal density, up to a constant.
fn bell(distance: f64, width: f64) -> f64 {
    let deviations = distance / width;
    -0.5 * deviations * deviations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{IntegerRange, RealRange};

    fn axes() -> [Axis; 4] {
        [
            Axis::new(&Domain::Choice(vec![String::new(); 5])),
            Axis::new(&Domain::Levels(vec![1.0, 2.0, 8.0])),
            Axis::new(&Domain::Integer(IntegerRange { low: 3, high: 12, log: false })),
            Axis::new(&Domain::Real(RealRange { low: 0.001, high: 10.0, log: true })),
        ]
    }

    /// All places of an axis, or very many.
    fn places(axis: &Axis) -> Vec<f64> {
        match *axis {
            Axis::Choice { options } => (0..options).map(|option| option as f64).collect(),
            Axis::Steps { count, .. } => (0..count).map(|place| place as f64 / (count - 1) as f64).collect(),
            Axis::Continuous { .. } => (0..10_000).map(|place| (f64::from(place) + 0.5) / 10_000.0).collect(),
        }
    }

    #[test]
    fn a_kernel_sums_to_one_and_is_what_is_drawn() {
        for axis in axes() {
            let cell = if matches!(axis, Axis::Continuous { .. }) { 1e-4 } else { 1.0 };
            let form = Form::new(&axis, 7, 4);
            let places = places(&axis);
            for &center in [places[0], places[places.len() / 2]].iter() {
                let density = |place: f64| libm::exp(form.height(center, place) - form.sum(center)) * cell;
                let (sum, mean) = places
                    .iter()
                    .fold((0.0, 0.0), |(sum, mean), &place| (sum + density(place), mean + place * density(place)));
                assert!((sum - 1.0).abs() < 1e-6, "{axis:?} at {center}: {sum}");
                let mut random = Random::new(3);
                let drawn = (0..20_000).map(|_| form.draw(center, &mut random)).sum::<f64>() / 20_000.0;
                assert!((drawn - mean).abs() < 0.01 * places.last().unwrap().max(1.0), "{axis:?}: {drawn}, not {mean}");
            }
        }
    }

    #[test]
    fn values_are_those_of_the_domain() {
        let [choice, levels, integers, rates] = axes();
        assert_eq!((choice.value(4.0), levels.value(0.5), levels.value(1.0)), (4.0, 1.0, 2.0));
        assert_eq!((integers.value(0.0), integers.value(1.0)), (3.0, 12.0));
        for (place, value) in [(0.0, 0.001), (0.5, 0.1), (1.0, 10.0)] {
            assert!((rates.value(place) / value - 1.0).abs() < 1e-12);
        }
        let many = Axis::new(&Domain::Integer(IntegerRange { low: 1, high: 100_000, log: true }));
        assert_eq!(many.value(0.4), 100.0);
        let mut random = Random::new(1);
        assert!((0..1000).all(|_| (3.0..=12.0).contains(&integers.value(integers.uniform(&mut random)))));
    }
}
