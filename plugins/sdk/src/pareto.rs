use std::cmp::Ordering;

use crate::Score;
use crate::score::compare;

impl Score {
    /// Whether it dominates the other under constraints: it breaks them less; or, both holding them all, it is worse in no objective
    /// and better in one (Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE TEVC 2002, Definition 1).
    pub fn dominates(&self, other: &Score) -> bool {
        match compare(self.violation(), other.violation()) {
            Ordering::Less => true,
            Ordering::Greater => false,
            Ordering::Equal if !self.feasible() => false,
            Ordering::Equal => {
                let pairs = || self.losses().iter().zip(other.losses()).map(|(one, two)| compare(*one, *two));
                pairs().all(Ordering::is_le) && pairs().any(Ordering::is_lt)
            }
        }
    }
}

/// The front that each belongs to: 0 for those that none dominates, 1 for those that only these dominate, and so on. The fast
/// non-dominated sort of Deb et al. 2002, section III-A.
pub fn fronts(scores: &[&Score]) -> Vec<usize> {
    let mut dominated: Vec<Vec<usize>> = vec![Vec::new(); scores.len()];
    let mut dominators = vec![0_usize; scores.len()];
    for one in 0..scores.len() {
        for two in 0..scores.len() {
            if scores[one].dominates(scores[two]) {
                dominated[one].push(two);
                dominators[two] += 1;
            }
        }
    }
    let mut fronts = vec![0; scores.len()];
    let mut front: Vec<usize> = (0..scores.len()).filter(|&each| dominators[each] == 0).collect();
    let mut number = 0;
    while !front.is_empty() {
        let mut next = Vec::new();
        for each in front {
            fronts[each] = number;
            for &other in &dominated[each] {
                dominators[other] -= 1;
                if dominators[other] == 0 {
                    next.push(other);
                }
            }
        }
        front = next;
        number += 1;
    }
    fronts
}

/// How much room each of one front has around it: the sum over the objectives of the distance between its neighbours, as a share of
/// the front's extent; infinite at the ends (Deb et al. 2002, section III-B). Of equal ones all but the first have no room.
pub fn crowding(front: &[&Score]) -> Vec<f64> {
    let mut room = vec![0.0; front.len()];
    let objectives = front.first().map_or(0, |first| first.losses().len());
    for objective in 0..objectives {
        let loss = |each: usize| front[each].losses()[objective];
        let mut order: Vec<usize> = (0..front.len()).collect();
        order.sort_by(|&one, &two| compare(loss(one), loss(two)));
        let (first, last) = (order[0], order[order.len() - 1]);
        let extent = loss(last) - loss(first);
        room[first] = f64::INFINITY;
        room[last] = f64::INFINITY;
        if extent > 0.0 && extent.is_finite() {
            for around in order.windows(3) {
                room[around[1]] += (loss(around[2]) - loss(around[0])) / extent;
            }
        }
    }
    let mut order: Vec<usize> = (0..front.len()).collect();
    order.sort_by(|&one, &two| front[one].cmp(front[two]));
    for pair in order.windows(2) {
        if front[pair[0]] == front[pair[1]] {
            room[pair[1]] = 0.0;
        }
    }
    room
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::measured;

    fn score(violation: f64, losses: &[f64]) -> Score {
        let mut measurement = measured(losses.to_vec()).unwrap();
        measurement.violations = vec![violation];
        Score::new(measurement)
    }

    #[test]
    fn less_broken_constraints_dominate_then_losses_do() {
        let kept = |losses: &[f64]| score(0.0, losses);
        assert!(kept(&[1.0, 2.0]).dominates(&kept(&[1.0, 3.0])));
        assert!(!kept(&[1.0, 2.0]).dominates(&kept(&[1.0, 2.0])) && !kept(&[1.0, 2.0]).dominates(&kept(&[2.0, 1.0])));
        assert!(kept(&[9.0, 9.0]).dominates(&score(0.1, &[1.0, 1.0])));
        assert!(score(0.1, &[9.0, 9.0]).dominates(&score(0.2, &[1.0, 1.0])));
        assert!(!score(0.1, &[1.0, 1.0]).dominates(&score(0.1, &[2.0, 2.0])));
        assert!(kept(&[1.0, 2.0]).dominates(&kept(&[1.0, f64::NAN])));
    }

    #[test]
    fn fronts_are_peeled_off_one_by_one() {
        let losses = [[1.0, 4.0], [2.0, 2.0], [4.0, 1.0], [2.0, 4.0], [5.0, 5.0], [3.0, 3.0]];
        let scores: Vec<Score> = losses.iter().map(|losses| score(0.0, losses)).collect();
        assert_eq!(fronts(&scores.iter().collect::<Vec<_>>()), [0, 0, 0, 1, 2, 1]);
        assert_eq!(fronts(&[]), [0; 0]);
    }

    #[test]
    fn ends_have_all_the_room_and_equal_ones_none() {
        let losses = [[0.0, 10.0], [1.0, 6.0], [4.0, 5.0], [10.0, 0.0], [4.0, 5.0]];
        let scores: Vec<Score> = losses.iter().map(|losses| score(0.0, losses)).collect();
        let room = crowding(&scores.iter().collect::<Vec<_>>());
        assert_eq!((room[0], room[3], room[4]), (f64::INFINITY, f64::INFINITY, 0.0));
        assert!((room[1] - (0.4 + 0.5)).abs() < 1e-12, "{room:?}");
        assert_eq!(crowding(&[]), [0.0; 0]);
    }
}
