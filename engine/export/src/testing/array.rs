/// A dense array; slow and plain.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Array {
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Vec<f64>,
}

impl Array {
    /// The array whose element at each index is what the function says.
    pub(crate) fn from(shape: &[usize], element: impl Fn(&[usize]) -> f64) -> Array {
        let mut index = vec![0; shape.len()];
        let data = (0..shape.iter().product())
            .map(|_| {
                let value = element(&index);
                for axis in (0..shape.len()).rev() {
                    index[axis] += 1;
                    if index[axis] < shape[axis] {
                        break;
                    }
                    index[axis] = 0;
                }
                value
            })
            .collect();
        Array { shape: shape.to_vec(), data }
    }

    /// The element at an index.
    pub(crate) fn at(&self, index: &[usize]) -> f64 {
        assert_eq!(index.len(), self.shape.len());
        self.data[index.iter().zip(&self.shape).fold(0, |offset, (&i, &axis)| {
            assert!(i < axis, "{index:?} is outside {:?}", self.shape);
            offset * axis + i
        })]
    }

    pub(crate) fn map(&self, f: impl Fn(f64) -> f64) -> Array {
        Array { shape: self.shape.clone(), data: self.data.iter().map(|&x| f(x)).collect() }
    }

    pub(crate) fn reshape(&self, shape: &[usize]) -> Array {
        assert_eq!(shape.iter().product::<usize>(), self.data.len());
        Array { shape: shape.to_vec(), data: self.data.clone() }
    }

    /// Element by element, with the usual broadcasting: axes are aligned from the last, and 1 stretches.
    pub(crate) fn zip(&self, other: &Array, f: impl Fn(f64, f64) -> f64) -> Array {
        let rank = self.shape.len().max(other.shape.len());
        let padded = |array: &Array| {
            let mut shape = vec![1; rank - array.shape.len()];
            shape.extend(&array.shape);
            array.reshape(&shape)
        };
        let (a, b) = (padded(self), padded(other));
        let shape: Vec<usize> = (0..rank).map(|axis| a.shape[axis].max(b.shape[axis])).collect();
        let clamp = |index: &[usize], array: &Array| -> Vec<usize> {
            index.iter().zip(&array.shape).map(|(&i, &axis)| if axis == 1 { 0 } else { i }).collect()
        };
        Array::from(&shape, |index| f(a.at(&clamp(index, &a)), b.at(&clamp(index, &b))))
    }

    /// Arrays one after another along an axis.
    pub(crate) fn concat(arrays: &[&Array], axis: usize) -> Array {
        let mut shape = arrays[0].shape.clone();
        shape[axis] = arrays.iter().map(|array| array.shape[axis]).sum();
        Array::from(&shape, |index| {
            let mut index = index.to_vec();
            for array in arrays {
                if index[axis] < array.shape[axis] {
                    return array.at(&index);
                }
                index[axis] -= array.shape[axis];
            }
            unreachable!("an index within the sum of all lengths")
        })
    }

    /// The largest difference of two arrays, which must have one shape.
    pub(crate) fn difference(&self, other: &Array) -> f64 {
        assert_eq!(self.shape, other.shape);
        let differences = self.data.iter().zip(&other.data).map(|(a, b)| {
            assert!(a.is_finite() && b.is_finite());
            (a - b).abs()
        });
        differences.fold(0.0, f64::max)
    }
}
