use crate::Random;

/// The best of `size` draws, with replacement, from positions 0 to `count - 1`; none where nothing can be drawn.
///
/// `better(one, two)` says whether position `one` beats `two`; between equals the one drawn first wins, as in the
/// tournament of Goldberg and Deb, "A comparative analysis of selection schemes" (1991).
pub fn tournament(
    random: &mut Random,
    count: usize,
    size: usize,
    mut better: impl FnMut(usize, usize) -> bool,
) -> Option<usize> {
    if count == 0 {
        return None;
    }
    (0..size).map(|_| random.index(count)).reduce(|best, drawn| if better(drawn, best) { drawn } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_tournament_selects_harder() {
        let mut random = Random::new(5);
        let mut mean = |size| {
            let winners = (0..2000).map(|_| tournament(&mut random, 100, size, |one, two| one < two).unwrap());
            winners.sum::<usize>() as f64 / 2000.0
        };
        // The smallest of `size` uniform draws lies at 1 / (size + 1) on average.
        assert!((mean(1) - 49.5).abs() < 3.0 && (mean(4) - 19.5).abs() < 2.0 && (mean(19) - 4.5).abs() < 1.0);
    }

    #[test]
    fn nothing_can_be_drawn_from_nothing() {
        assert_eq!(tournament(&mut Random::new(0), 0, 3, |_, _| true), None);
        assert_eq!(tournament(&mut Random::new(0), 3, 0, |_, _| true), None);
    }
}
