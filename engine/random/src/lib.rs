//! Random numbers that are the same on every machine: seeds derived by purpose, and one small generator.
//!
//! Everything random in the engine draws from here, so that a run's bits depend on its seed alone. Real functions come from
//! `libm`, since the system's differ by processor.

/// Derives a seed from a seed and the words of its purpose: other words give an unrelated seed.
///
/// Words are fed byte by byte with their length into a SplitMix64 chain; nobody attacks seeds, so no cryptographic hash.
pub fn derive(seed: u64, purpose: &[&str]) -> u64 {
    let mut state = mix(seed ^ 0x9e37_79b9_7f4a_7c15);
    for word in purpose {
        state = mix(state ^ word.len() as u64);
        for chunk in word.as_bytes().chunks(8) {
            let mut bytes = [0u8; 8];
            bytes[..chunk.len()].copy_from_slice(chunk);
            state = mix(state.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ u64::from_le_bytes(bytes));
        }
    }
    state
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood 2014): a bijection of 64 bits that spreads every bit.
pub fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// xoshiro256** (Blackman and Vigna 2018), seeded through SplitMix64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generator {
    state: [u64; 4],
}

impl Generator {
    /// A generator from a seed; equal seeds give equal numbers.
    pub fn new(seed: u64) -> Generator {
        let mut z = seed;
        let mut next = || {
            z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
            mix(z)
        };
        Generator { state: [next(), next(), next(), next()] }
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        let [s0, s1, s2, s3] = self.state;
        let result = s1.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let t = s1 << 17;
        let s2 = s2 ^ s0;
        let s3 = s3 ^ s1;
        self.state = [s0 ^ s3, s1 ^ s2, s2 ^ t, s3.rotate_left(45)];
        result
    }

    /// A whole number from 0 to `n - 1`, uniformly (Lemire 2019, without the rare bias). `n` must not be 0.
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "no number lies below 0");
        loop {
            let product = u128::from(self.next_u64()) * u128::from(n);
            // The low half is below 2^64 mod n exactly for the draws that would favour some results.
            if product as u64 >= n || product as u64 >= n.wrapping_neg() % n {
                return (product >> 64) as u64;
            }
        }
    }

    /// A real number from 0 up to, not including, 1: 53 random bits.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A normally distributed number, mean 0, deviation 1, by Marsaglia's polar method (SIAM Review 1964).
    pub fn normal(&mut self) -> f64 {
        loop {
            let (x, y) = (2.0 * self.unit() - 1.0, 2.0 * self.unit() - 1.0);
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                return x * (-2.0 * libm::log(square) / square).sqrt();
            }
        }
    }

    /// Shuffles in place, every order equally likely (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_differ_by_purpose_and_word_boundaries() {
        let a = derive(7, &["search", "explore"]);
        assert_eq!(a, derive(7, &["search", "explore"]));
        for other in
            [derive(8, &["search", "explore"]), derive(7, &["searchexplore"]), derive(7, &["search", "explore", ""])]
        {
            assert_ne!(a, other);
        }
    }

    #[test]
    fn the_generator_is_the_published_one() {
        // The first outputs of xoshiro256** from the state 1, 2, 3, 4, as in the authors' reference implementation.
        let mut generator = Generator { state: [1, 2, 3, 4] };
        assert_eq!([generator.next_u64(), generator.next_u64(), generator.next_u64()], [11520, 0, 1509978240]);
    }

    #[test]
    fn draws_are_in_range_and_fair() {
        let mut generator = Generator::new(1);
        let mut counts = [0; 5];
        let (mut sum, mut square) = (0.0, 0.0);
        for _ in 0..50_000 {
            counts[generator.below(5) as usize] += 1;
            let x = generator.normal();
            sum += x;
            square += x * x;
            assert!((0.0..1.0).contains(&generator.unit()));
        }
        assert!(counts.iter().all(|&c| (9_500..10_500).contains(&c)), "{counts:?}");
        assert!((sum / 50_000.0).abs() < 0.02 && (square / 50_000.0 - 1.0).abs() < 0.03);
    }

    #[test]
    fn shuffling_keeps_every_item() {
        let mut items: Vec<u32> = (0..100).collect();
        Generator::new(3).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
