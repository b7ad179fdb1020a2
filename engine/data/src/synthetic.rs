use crate::examples::reserve;
use crate::{DataError, DataShape, Examples, Inputs};
use pleach_random::{Generator, derive};
use pleach_spec::Synthetic;

/// A fixed seed: a data set is the same whatever the experiment's seed, so that its digest names it.
const SEED: u64 = 0x706c_6561_6368;

pub(crate) fn inspect(synthetic: &Synthetic) -> DataShape {
    DataShape { shape: synthetic.shape.clone(), classes: synthetic.classes, examples: Some(synthetic.examples) }
}

/// Normally distributed inputs and uniformly drawn classes.
pub(crate) fn read(synthetic: &Synthetic) -> Result<Examples, DataError> {
    let size = synthetic.shape.iter().try_fold(1_usize, |size, &extent| size.checked_mul(extent));
    let values = size.and_then(|size| size.checked_mul(synthetic.examples));
    let mut inputs: Vec<f32> = reserve(values)?;
    let mut generator = Generator::new(derive(SEED, &["synthetic inputs"]));
    inputs.extend((0..values.unwrap_or(0)).map(|_| generator.normal() as f32));
    let mut generator = Generator::new(derive(SEED, &["synthetic classes"]));
    let labels = (0..synthetic.examples).map(|_| generator.below(synthetic.classes.max(1) as u64) as u32).collect();
    Ok(Examples {
        shape: synthetic.shape.clone(),
        inputs: Inputs::Features(inputs),
        labels,
        classes: (0..synthetic.classes).map(|class| class.to_string()).collect(),
        own_test: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Statistics;

    #[test]
    fn synthetic_examples_are_normal_and_always_the_same() {
        let synthetic = Synthetic { shape: vec![3, 5, 5], classes: 4, examples: 999 };
        let examples = read(&synthetic).unwrap();
        assert_eq!(examples, read(&synthetic).unwrap());
        assert_eq!(examples.data_shape(), inspect(&synthetic));
        assert_eq!(examples.inputs.len(), 999 * 75);
        let all: Vec<u32> = (0..999).collect();
        let statistics = Statistics::of(&examples, &all);
        for channel in 0..3 {
            assert!(statistics.mean[channel].abs() < 0.03 && (statistics.deviation[channel] - 1.0).abs() < 0.03);
        }
        for class in 0..4 {
            let count = examples.labels.iter().filter(|&&label| label == class).count();
            assert!((200..300).contains(&count), "class {class}: {count}");
        }
    }

    #[test]
    fn more_than_memory_holds_is_an_error() {
        let synthetic = Synthetic { shape: vec![16_384; 3], classes: 2, examples: 10_000_000 };
        assert!(matches!(read(&synthetic), Err(DataError::TooLarge { .. })));
    }
}
