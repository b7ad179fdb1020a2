use pleach_random::{Generator, mix};

/// A generator of random numbers that gives the same numbers on every machine and in every language's kit.
///
/// xoshiro256** seeded through SplitMix64 ([`Generator`]). All that is drawn is a function of the seed; nothing is for
/// cryptography.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Random {
    generator: Generator,
}

impl Random {
    /// A generator from a seed.
    pub fn new(seed: u64) -> Self {
        Self { generator: Generator::new(seed) }
    }

    /// A generator for one purpose, so that drawing more for one does not shift another.
    ///
    /// The seed is combined with the 64-bit FNV-1a hash of the purpose.
    pub fn stream(seed: u64, purpose: &str) -> Self {
        let hash = purpose
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self::new(mix(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)) ^ hash)
    }

    /// The next 64 random bits; also the seed for a call of the engine.
    pub fn draw(&mut self) -> u64 {
        self.generator.next_u64()
    }

    /// A whole number from 0 to `bound - 1`, without bias.
    ///
    /// # Panics
    /// Where `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.generator.below(bound)
    }

    /// An index into something of this length.
    ///
    /// # Panics
    /// Where `length` is 0.
    pub fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// A number in [0, 1): a multiple of 2^-53.
    pub fn unit(&mut self) -> f64 {
        self.generator.unit()
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A number from the standard normal distribution.
    pub fn normal(&mut self) -> f64 {
        self.generator.normal()
    }

    /// Puts the items into a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        self.generator.shuffle(items);
    }

    /// One of the items; none of an empty slice.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() { None } else { Some(&items[self.index(items.len())]) }
    }

    /// An index drawn by weight; none where no weight is positive. Weights that are negative or NaN count as 0.
    pub fn weighted(&mut self, weights: &[f64]) -> Option<usize> {
        let positive = |&weight: &f64| if weight > 0.0 { weight } else { 0.0 };
        let mut left = self.unit() * weights.iter().map(positive).sum::<f64>();
        let mut last = None;
        for (index, weight) in weights.iter().map(positive).enumerate() {
            if weight > 0.0 {
                last = Some(index);
                if left < weight {
                    return last;
                }
                left -= weight;
            }
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_below_a_bound_are_even() {
        let mut random = Random::new(1);
        let mut counts = [0_u32; 6];
        for _ in 0..60_000 {
            counts[random.index(6)] += 1;
        }
        // Five degrees of freedom: above 20.5 in one case of a thousand.
        let surprise: f64 = counts.iter().map(|&count| (f64::from(count) - 10_000.0).powi(2) / 10_000.0).sum();
        assert!(surprise < 20.5, "{counts:?}");
        assert!((0..1000).all(|_| random.below(u64::MAX - 1) < u64::MAX - 1));
        assert!((0..10).all(|_| random.below(1) == 0));
    }

    #[test]
    fn normal_numbers_have_their_moments() {
        let mut random = Random::new(2);
        let drawn: Vec<f64> = (0..100_000).map(|_| random.normal()).collect();
        let moment = |power| drawn.iter().map(|value| value.powi(power)).sum::<f64>() / drawn.len() as f64;
        assert!(moment(1).abs() < 0.015 && (moment(2) - 1.0).abs() < 0.02 && (moment(4) - 3.0).abs() < 0.15);
        assert!(drawn.iter().any(|&value| value < -3.5) && drawn.iter().any(|&value| value > 3.5));
    }

    #[test]
    fn a_shuffle_keeps_all_items_and_reaches_every_order() {
        let mut random = Random::new(3);
        let mut orders = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let mut items = [1, 2, 3, 4];
            random.shuffle(&mut items);
            orders.insert(items);
            items.sort_unstable();
            assert_eq!(items, [1, 2, 3, 4]);
        }
        assert_eq!(orders.len(), 24);
    }

    #[test]
    fn weights_decide_how_often() {
        let mut random = Random::new(4);
        let mut counts = [0_u32; 4];
        for _ in 0..10_000 {
            counts[random.weighted(&[1.0, 0.0, 3.0, f64::NAN]).unwrap()] += 1;
        }
        assert_eq!((counts[1], counts[3]), (0, 0));
        assert!((2_300..2_700).contains(&counts[0]), "{counts:?}");
        assert_eq!(random.weighted(&[0.0, -1.0]), None);
        assert_eq!(random.pick::<u8>(&[]), None);
    }

    /// These numbers are the contract between the kits of all languages: they must never change.
    #[test]
    fn streams_are_fixed_and_differ() {
        let draws = |mut random: Random| -> [u64; 3] { std::array::from_fn(|_| random.draw()) };
        assert_eq!(
            draws(Random::new(7)),
            [12_923_355_070_828_475_994, 5_142_052_590_334_782_674, 15_488_392_906_492_639_638]
        );
        assert_eq!(
            draws(Random::stream(7, "sample")),
            [5_186_117_985_621_612_605, 11_003_269_292_259_259_371, 8_568_611_159_115_921_564]
        );
        assert_ne!(draws(Random::stream(7, "sample")), draws(Random::stream(7, "mutate")));
        assert_ne!(draws(Random::stream(7, "sample")), draws(Random::stream(8, "sample")));
    }
}
