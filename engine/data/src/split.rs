use crate::{DataError, Examples};
use pleach_random::{Generator, derive};
use pleach_spec::Split;

const DEFAULT_SHARE: f64 = 0.2;
const DEFAULT_VALIDATION_BESIDE_OWN_TEST: f64 = 0.1;

/// The three parts of a data set, as indices of its examples. They share none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// What networks are trained on, in an order of which every prefix is a fair sample of all classes.
    pub training: Vec<u32>,
    /// What a search sees, in ascending order.
    pub validation: Vec<u32>,
    /// What no search sees, in ascending order.
    pub test: Vec<u32>,
}

/// Splits the examples into training, validation and test part; the same for the same seed on every machine.
///
/// The split is random and stratified: each class has its share of each part, up to one example. Where `split.test` is not
/// told, a set's own test part is the test part, and the other shares are of the rest; where it is told, all examples are
/// pooled. Numbers of examples are rounded up. `split.limit` keeps the first examples of the training part.
///
/// # Errors
/// If a share is not from 0 to 1, or nothing is left for training.
pub fn split(examples: &Examples, split: &Split, seed: u64) -> Result<Parts, DataError> {
    for (name, share) in [("validation", split.validation), ("test", split.test)] {
        if let Some(share) = share.filter(|share| !(0.0..1.0).contains(share)) {
            return Err(DataError::Share { name, share });
        }
    }
    let own_test = examples.own_test.filter(|_| split.test.is_none());
    let pooled = own_test.unwrap_or(examples.len());
    let default_validation = if own_test.is_some() { DEFAULT_VALIDATION_BESIDE_OWN_TEST } else { DEFAULT_SHARE };
    let validation_count = portion(split.validation.unwrap_or(default_validation), pooled);
    let test_count = if own_test.is_some() { 0 } else { portion(split.test.unwrap_or(DEFAULT_SHARE), pooled) };
    if validation_count + test_count >= pooled {
        let test = test_count + (examples.len() - pooled);
        return Err(DataError::EmptySplit { examples: examples.len(), test, validation: validation_count });
    }

    let mut order = stratified_order(&examples.labels[..pooled], seed);
    let mut training = order.split_off(test_count + validation_count);
    training.truncate(split.limit.unwrap_or(usize::MAX));
    let mut validation = order.split_off(test_count);
    let mut test = order;
    test.extend(pooled as u32..examples.len() as u32);
    validation.sort_unstable();
    test.sort_unstable();
    Ok(Parts { training, validation, test })
}

/// The first part of the training part that a share asks for: rounded up, at least one example. Smaller shares are parts of
/// larger ones.
pub fn training_share(parts: &Parts, share: f64) -> &[u32] {
    let count = portion(share.clamp(0.0, 1.0), parts.training.len()).max(1).min(parts.training.len());
    &parts.training[..count]
}

/// `share` of `count`, rounded up; what exceeds a whole number by rounding errors alone counts as that number.
fn portion(share: f64, count: usize) -> usize {
    ((share * count as f64 - 1e-6).ceil().max(0.0) as usize).min(count)
}

/// All examples in a random order in which the classes are spread evenly, so that every stretch holds its share of each.
///
/// Each class is shuffled; its i-th of n members is placed at (2 i + 1) / 2 n, and equal places are ordered at random. Whole
/// numbers only, so that every machine agrees.
fn stratified_order(labels: &[u32], seed: u64) -> Vec<u32> {
    let mut random = Generator::new(derive(seed, &["split"]));
    let mut shuffled: Vec<u32> = (0..labels.len() as u32).collect();
    random.shuffle(&mut shuffled);
    let classes = labels.iter().max().map_or(0, |&label| label as usize + 1);
    let mut members = vec![0_u64; classes];
    labels.iter().for_each(|&label| members[label as usize] += 1);
    let mut seen = vec![0_u64; classes];
    let mut placed: Vec<(u64, u64, u32)> = Vec::with_capacity(labels.len());
    for &index in &shuffled {
        let class = labels[index as usize] as usize;
        let place = ((2 * seen[class] + 1) << 30) / members[class];
        seen[class] += 1;
        placed.push((place, random.next_u64(), index));
    }
    placed.sort_unstable();
    placed.into_iter().map(|(_, _, index)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Inputs, digits};
    use std::collections::BTreeSet;

    fn labelled(labels: Vec<u32>, own_test: Option<usize>) -> Examples {
        let classes = labels.iter().max().map_or(0, |&label| label + 1);
        Examples {
            shape: vec![1],
            inputs: Inputs::Features(vec![0.0; labels.len()]),
            labels,
            classes: (0..classes).map(|class| class.to_string()).collect(),
            own_test,
        }
    }

    fn count(examples: &Examples, part: &[u32], class: u32) -> usize {
        part.iter().filter(|&&index| examples.labels[index as usize] == class).count()
    }

    #[test]
    fn the_parts_are_disjoint_and_complete() {
        let digits = digits::read().unwrap();
        let parts = split(&digits, &Split::default(), 7).unwrap();
        assert_eq!((parts.training.len(), parts.validation.len(), parts.test.len()), (1077, 360, 360));
        let all: BTreeSet<u32> =
            [&parts.training, &parts.validation, &parts.test].into_iter().flatten().copied().collect();
        assert_eq!(all, (0..1797).collect());
    }

    #[test]
    fn the_same_seed_gives_the_same_parts_and_another_seed_others() {
        let digits = digits::read().unwrap();
        let parts = split(&digits, &Split::default(), 7).unwrap();
        assert_eq!(parts, split(&digits, &Split::default(), 7).unwrap());
        let others = split(&digits, &Split::default(), 8).unwrap();
        assert_ne!(parts.test, others.test);
        assert_ne!(parts.validation, others.validation);
        assert_ne!(parts.training, others.training);
    }

    #[test]
    fn the_split_of_a_seed_never_changes() {
        let parts = split(&labelled(vec![0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 2], None), &Split::default(), 1).unwrap();
        // Recorded once: other values mean that stored results no longer belong to their split.
        let recorded = Parts { training: vec![8, 4, 5, 0, 9], validation: vec![2, 3, 10], test: vec![1, 6, 7] };
        assert_eq!(parts, recorded);
    }

    #[test]
    fn every_class_has_its_share_of_every_part() {
        let digits = digits::read().unwrap();
        let parts = split(&digits, &Split::default(), 3).unwrap();
        for class in 0..10 {
            let all = digits.labels.iter().filter(|&&label| label == class).count() as f64;
            for part in [&parts.validation, &parts.test] {
                let share = count(&digits, part, class) as f64;
                assert!((share - 0.2 * all).abs() <= 1.5, "class {class}: {share} of {all}");
            }
            let start = count(&digits, &parts.training[..100], class);
            assert!((8..=12).contains(&start), "class {class}: {start} of the first 100");
        }
    }

    #[test]
    fn a_class_with_one_example_is_trained_on() {
        let mut labels = vec![0; 50];
        labels.push(1);
        let examples = labelled(labels, None);
        for seed in 0..20 {
            let parts = split(&examples, &Split::default(), seed).unwrap();
            assert!(parts.training.contains(&50));
        }
    }

    #[test]
    fn an_own_test_part_is_the_test_part() {
        let examples = labelled((0..120).map(|index| index % 3).collect(), Some(100));
        let parts = split(&examples, &Split::default(), 5).unwrap();
        assert_eq!(parts.test, (100..120).collect::<Vec<_>>());
        assert_eq!((parts.validation.len(), parts.training.len()), (10, 90));
        assert!(parts.training.iter().chain(&parts.validation).all(|&index| index < 100));
    }

    #[test]
    fn a_share_that_is_told_pools_all_examples() {
        let examples = labelled((0..120).map(|index| index % 3).collect(), Some(100));
        let shares = Split { test: Some(0.5), validation: Some(0.25), limit: None };
        let parts = split(&examples, &shares, 5).unwrap();
        assert_eq!((parts.test.len(), parts.validation.len(), parts.training.len()), (60, 30, 30));
        assert!(parts.test.iter().any(|&index| index < 100));
        let none = Split { test: Some(0.0), validation: Some(0.0), limit: None };
        let parts = split(&examples, &none, 5).unwrap();
        assert_eq!((parts.test.len(), parts.validation.len(), parts.training.len()), (0, 0, 120));
    }

    #[test]
    fn a_limit_keeps_the_first_of_the_training_part() {
        let digits = digits::read().unwrap();
        let whole = split(&digits, &Split::default(), 7).unwrap();
        let limited = split(&digits, &Split { limit: Some(50), ..Split::default() }, 7).unwrap();
        assert_eq!(limited.training, whole.training[..50]);
        assert_eq!((limited.validation, limited.test), (whole.validation, whole.test));
    }

    #[test]
    fn shares_of_the_training_part_are_nested() {
        let digits = digits::read().unwrap();
        let parts = split(&digits, &Split::default(), 7).unwrap();
        let quarter = training_share(&parts, 0.25);
        assert_eq!(quarter.len(), 270);
        assert!(training_share(&parts, 0.5).starts_with(quarter));
        assert_eq!(training_share(&parts, 1.0), parts.training);
        assert_eq!(training_share(&parts, 0.000_001).len(), 1);
    }

    #[test]
    fn a_split_without_training_examples_is_an_error() {
        let examples = labelled(vec![0, 1], None);
        let error = split(&examples, &Split::default(), 1).unwrap_err();
        assert!(error.to_string().contains("no example for training"), "{error}");
        let shares = Split { test: Some(1.5), ..Split::default() };
        let error = split(&examples, &shares, 1).unwrap_err();
        assert!(error.to_string().contains("split.test"), "{error}");
    }
}
