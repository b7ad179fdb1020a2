//! How well two orders agree.

/// Pairs that Kendall's tau counts; counts of disjoint groups add up.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Agreement {
    /// Pairs in the same order minus pairs in opposite order.
    pub surplus: f64,
    /// Pairs that differ in the first value.
    pub first: f64,
    /// Pairs that differ in the second.
    pub second: f64,
}

impl Agreement {
    /// Counts all pairs, in `n log n` (Knight 1966). No value may be NaN.
    pub fn of(one: &[f64], two: &[f64]) -> Self {
        let mut order: Vec<(f64, f64)> = one.iter().copied().zip(two.iter().copied()).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let pairs = |count: usize| (count as f64) * (count as f64 - 1.0) / 2.0;
        let all = pairs(order.len());
        let tied_first: f64 = order.chunk_by(|a, b| a.0 == b.0).map(|group| pairs(group.len())).sum();
        let tied_both: f64 = order.chunk_by(|a, b| a == b).map(|group| pairs(group.len())).sum();
        let mut second: Vec<f64> = order.iter().map(|(_, value)| *value).collect();
        let mut room = second.clone();
        let opposite = inversions(&mut second, &mut room);
        let tied_second: f64 = second.chunk_by(|a, b| a == b).map(|group| pairs(group.len())).sum();
        let same = all - tied_first - tied_second + tied_both - opposite;
        Self { surplus: same - opposite, first: all - tied_first, second: all - tied_second }
    }

    /// Both groups together; pairs between them are not counted.
    pub fn and(self, other: Self) -> Self {
        Self {
            surplus: self.surplus + other.surplus,
            first: self.first + other.first,
            second: self.second + other.second,
        }
    }

    /// Kendall's tau-b, from -1 to 1; none where one side orders nothing.
    pub fn tau(self) -> Option<f64> {
        let scale = (self.first * self.second).sqrt();
        (scale > 0.0).then(|| (self.surplus / scale).clamp(-1.0, 1.0))
    }
}

/// Kendall's tau-b of two lists of one length without NaN; none where one of them orders nothing.
pub fn kendall_tau(one: &[f64], two: &[f64]) -> Option<f64> {
    Agreement::of(one, two).tau()
}

/// Sorts, and counts the pairs that stood in falling order.
fn inversions(values: &mut [f64], room: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    if middle == 0 {
        return 0.0;
    }
    let mut count = inversions(&mut values[..middle], &mut room[..middle]);
    count += inversions(&mut values[middle..], &mut room[middle..]);
    let (mut left, mut right) = (0, middle);
    for place in room.iter_mut() {
        if right == values.len() || (left < middle && values[left] <= values[right]) {
            *place = values[left];
            left += 1;
        } else {
            count += (middle - left) as f64;
            *place = values[right];
            right += 1;
        }
    }
    values.copy_from_slice(room);
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_what_counting_every_pair_gives(pairs in prop::collection::vec((0u8..6, 0u8..6), 0..40)) {
            let one: Vec<f64> = pairs.iter().map(|pair| f64::from(pair.0)).collect();
            let two: Vec<f64> = pairs.iter().map(|pair| f64::from(pair.1)).collect();
            let mut slow = Agreement::default();
            for i in 0..one.len() {
                for j in 0..i {
                    let (a, b) = (one[i] - one[j], two[i] - two[j]);
                    slow.surplus += if a * b == 0.0 { 0.0 } else { (a * b).signum() };
                    slow.first += f64::from(a != 0.0);
                    slow.second += f64::from(b != 0.0);
                }
            }
            prop_assert_eq!(Agreement::of(&one, &two), slow);
        }
    }

    #[test]
    fn orders_agree_fully_or_not_at_all() {
        assert_eq!(kendall_tau(&[1.0, 2.0, 3.0], &[10.0, 20.0, 30.0]), Some(1.0));
        assert_eq!(kendall_tau(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), Some(-1.0));
        assert_eq!(kendall_tau(&[1.0, 1.0], &[1.0, 2.0]), None);
    }
}
