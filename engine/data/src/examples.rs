use crate::DataError;

/// All examples of a data set, in the order of their files.
#[derive(Debug, Clone, PartialEq)]
pub struct Examples {
    /// The shape of one input: (channels, height, width), or (features).
    pub shape: Vec<usize>,
    /// The inputs, one example after another, each in the order of `shape` (the last axis fastest).
    pub inputs: Inputs,
    /// The class of each example, from 0.
    pub labels: Vec<u32>,
    /// The names of the classes.
    pub classes: Vec<String>,
    /// Where the set brings a test part of its own: the index of its first example. Those before it are its training part.
    pub own_test: Option<usize>,
}

/// The values of all inputs.
#[derive(Debug, Clone, PartialEq)]
pub enum Inputs {
    /// Images: a byte a value, 0 to 255, which stand for 0 to 1.
    Pixels(Vec<u8>),
    /// Numbers as they stand in their file.
    Features(Vec<f32>),
}

impl Inputs {
    /// The number of values of all examples together.
    pub fn len(&self) -> usize {
        match self {
            Inputs::Pixels(values) => values.len(),
            Inputs::Features(values) => values.len(),
        }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a data set's header tells: enough to check whether networks fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataShape {
    /// The shape of one input: (channels, height, width), or (features).
    pub shape: Vec<usize>,
    /// The number of classes.
    pub classes: usize,
    /// The number of examples, where it is known without reading everything.
    pub examples: Option<usize>,
}

impl Examples {
    /// The number of examples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no example.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The number of values of one input.
    pub fn input_size(&self) -> usize {
        self.shape.iter().product()
    }

    /// Shape, number of classes and number of examples.
    pub fn data_shape(&self) -> DataShape {
        DataShape { shape: self.shape.clone(), classes: self.classes.len(), examples: Some(self.len()) }
    }

    /// Identifies the decoded content: shape, inputs, labels, names of classes and where the own test part begins.
    ///
    /// BLAKE3; the same for the same content, whatever the files' names, times and compression. About a second for a
    /// gigabyte.
    pub fn digest(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_derive_key("pleach data set, version 1");
        let number = |hasher: &mut blake3::Hasher, value: usize| {
            hasher.update(&(value as u64).to_le_bytes());
        };
        number(&mut hasher, self.shape.len());
        for &extent in &self.shape {
            number(&mut hasher, extent);
        }
        number(&mut hasher, self.own_test.map_or(0, |first| first + 1));
        number(&mut hasher, self.classes.len());
        for class in &self.classes {
            number(&mut hasher, class.len());
            hasher.update(class.as_bytes());
        }
        number(&mut hasher, self.labels.len());
        for labels in self.labels.chunks(4096) {
            let bytes: Vec<u8> = labels.iter().flat_map(|label| label.to_le_bytes()).collect();
            hasher.update(&bytes);
        }
        match &self.inputs {
            Inputs::Pixels(values) => {
                hasher.update(b"pixels").update(values);
            }
            Inputs::Features(values) => {
                hasher.update(b"features");
                let mut bytes = Vec::with_capacity(4 * 16_384);
                for values in values.chunks(16_384) {
                    bytes.clear();
                    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
                    hasher.update(&bytes);
                }
            }
        }
        hasher.finalize()
    }
}

/// An empty vector with room for so many values, or an error that says how much memory that is.
pub(crate) fn reserve<T>(values: Option<usize>) -> Result<Vec<T>, DataError> {
    let mut vector = Vec::new();
    let reserved = values.is_some_and(|values| vector.try_reserve_exact(values).is_ok());
    if reserved {
        Ok(vector)
    } else {
        let bytes = values.unwrap_or(usize::MAX) as u128 * size_of::<T>() as u128;
        Err(DataError::TooLarge { bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Examples {
        Examples {
            shape: vec![2],
            inputs: Inputs::Features(vec![0.0, 1.0, 2.0, 3.0]),
            labels: vec![0, 1],
            classes: vec!["a".into(), "b".into()],
            own_test: None,
        }
    }

    #[test]
    fn the_digest_sees_every_part() {
        let digest = small().digest();
        assert_eq!(digest, small().digest());
        let changes: [fn(&mut Examples); 6] = [
            |e| e.shape = vec![1, 2],
            |e| e.inputs = Inputs::Features(vec![0.0, 1.0, 2.0, 3.5]),
            |e| e.inputs = Inputs::Pixels(vec![0, 1, 2, 3]),
            |e| e.labels = vec![1, 0],
            |e| e.classes = vec!["ab".into(), "".into()],
            |e| e.own_test = Some(1),
        ];
        for (index, change) in changes.iter().enumerate() {
            let mut examples = small();
            change(&mut examples);
            assert_ne!(examples.digest(), digest, "change {index}");
        }
    }

    #[test]
    fn what_memory_cannot_hold_is_an_error() {
        let error = reserve::<f32>(Some(usize::MAX / 8)).unwrap_err();
        assert!(error.to_string().contains("bytes of memory"), "{error}");
        assert!(reserve::<u8>(None).is_err());
    }
}
