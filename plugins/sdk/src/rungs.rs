//! The fidelities of a halving, and how many candidates reach each.

/// The fidelities of the rungs, rising to the highest that is offered (`offered` rises): going down from it, each is 1/`eta`
/// of the one above, by the fidelity offered that is nearest in ratio, down to the last that is not below `lowest`.
///
/// So whole epochs 1 to 27 give 1, 3, 9 and 27 at `eta` 3, and 1 to 24 give 3, 8 and 24: the rungs of a bracket of Hyperband
/// (Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar, JMLR 2018, Algorithm 1) with `lowest` as its smallest resource.
/// Where several wishes are nearest to one fidelity, it is one rung. Empty where nothing is offered; `eta` must be above 1.
pub fn rungs(offered: &[f64], eta: f64, lowest: f64) -> Vec<f64> {
    let Some((&bottom, &highest)) = offered.first().zip(offered.last()) else { return Vec::new() };
    // Dividing repeatedly misses by rounding what divides exactly.
    let bound = lowest.max(bottom) * (1.0 - 1e-9);
    let mut rungs = vec![highest];
    let mut wish = highest / eta;
    while wish >= bound {
        let ratio = |fidelity: f64| (fidelity / wish).max(wish / fidelity);
        let nearest = offered.iter().copied().filter(|&fidelity| fidelity >= bound);
        let nearest = nearest.reduce(|best, next| if ratio(next) < ratio(best) { next } else { best });
        rungs.extend(nearest.filter(|nearest| rungs.last().is_some_and(|above| nearest < above)));
        wish /= eta;
    }
    rungs.reverse();
    rungs
}

/// How many candidates are at each of so many rungs, where `first` begin and the best 1/`eta` of each rung, but at least one,
/// go on.
pub fn halved(first: u64, eta: u64, rungs: usize) -> Vec<u64> {
    std::iter::successors(Some(first), |&size| Some((size / eta).max(1).min(size))).take(rungs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs(all: u32, eta: f64, lowest: u32) -> Vec<u32> {
        let share = |epoch: u32| f64::from(epoch) / f64::from(all);
        let offered: Vec<f64> = (1..=all).map(share).collect();
        rungs(&offered, eta, share(lowest)).iter().map(|rung| (rung * f64::from(all)).round() as u32).collect()
    }

    #[test]
    fn whole_epochs_give_the_rungs_of_hyperband() {
        assert_eq!(epochs(81, 3.0, 1), [1, 3, 9, 27, 81]);
        assert_eq!(epochs(81, 3.0, 9), [9, 27, 81]);
        assert_eq!(epochs(24, 3.0, 1), [3, 8, 24]);
        assert_eq!(epochs(8, 3.0, 1), [3, 8]);
        assert_eq!(epochs(64, 4.0, 2), [4, 16, 64]);
        assert_eq!(epochs(200, 2.0, 100), [100, 200]);
        assert_eq!(epochs(1, 3.0, 1), [1]);
    }

    #[test]
    fn few_fidelities_are_few_rungs() {
        // A twelfth of the epochs: one rung below the top, however far.
        assert_eq!(rungs(&[0.06, 1.0], 3.0, 0.0), [0.06, 1.0]);
        assert_eq!(rungs(&[0.06, 1.0], 3.0, 0.5), [1.0]);
        assert_eq!(rungs(&[0.25], 3.0, 0.0), [0.25]);
        assert_eq!(rungs(&[], 3.0, 0.0), [0.0; 0]);
        // Below full training the highest is what is offered.
        assert_eq!(rungs(&[0.0625, 0.125, 0.1875, 0.25], 2.0, 0.0), [0.0625, 0.125, 0.25]);
    }

    #[test]
    fn each_rung_keeps_its_best_share() {
        assert_eq!(halved(81, 3, 5), [81, 27, 9, 3, 1]);
        assert_eq!(halved(17, 3, 3), [17, 5, 1]);
        assert_eq!(halved(2, 3, 3), [2, 1, 1]);
        assert_eq!(halved(0, 3, 2), [0, 0]);
    }
}
