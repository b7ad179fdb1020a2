//! The digits of the UCI repository, carried in the program: `assets/README.md` has source and licence.

use crate::{DataError, DataShape, Examples, Inputs};
use flate2::read::GzDecoder;
use std::io::Read;
use std::path::Path;

static CSV: &[u8] = include_bytes!("../assets/digits.csv.gz");

const SIDE: usize = 8;
const LARGEST: u32 = 16;

pub(crate) const EXAMPLES: usize = 1797;
pub(crate) const CLASSES: usize = 10;
pub(crate) const SHAPE: [usize; 3] = [1, SIDE, SIDE];

pub(crate) fn inspect() -> DataShape {
    DataShape { shape: SHAPE.to_vec(), classes: CLASSES, examples: Some(EXAMPLES) }
}

/// The digits; pixels of 0 to 16 become 0 to 255.
pub(crate) fn read() -> Result<Examples, DataError> {
    let damaged = || {
        let expected = format!("{EXAMPLES} lines of 64 pixels from 0 to 16 and a label");
        DataError::damaged(Path::new("digits"), expected, "other content", "install Pleach again")
    };
    let mut text = String::new();
    GzDecoder::new(CSV).read_to_string(&mut text).map_err(|_| damaged())?;
    let mut pixels = Vec::with_capacity(EXAMPLES * SIDE * SIDE);
    let mut labels = Vec::with_capacity(EXAMPLES);
    for line in text.lines() {
        let mut numbers = line.split(',').map(str::parse::<u32>);
        for number in numbers.by_ref().take(SIDE * SIDE) {
            let value = number.ok().filter(|&value| value <= LARGEST).ok_or_else(damaged)?;
            pixels.push(((value * 255 + LARGEST / 2) / LARGEST) as u8);
        }
        let label = numbers.next().and_then(Result::ok).filter(|&label| (label as usize) < CLASSES);
        labels.push(label.ok_or_else(damaged)?);
    }
    if labels.len() != EXAMPLES || pixels.len() != EXAMPLES * SIDE * SIDE {
        return Err(damaged());
    }
    Ok(Examples {
        shape: SHAPE.to_vec(),
        inputs: Inputs::Pixels(pixels),
        labels,
        classes: (0..CLASSES).map(|class| class.to_string()).collect(),
        own_test: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_1797_digits_of_10_classes() {
        let digits = read().unwrap();
        assert_eq!(digits.data_shape(), inspect());
        assert_eq!(digits.inputs.len(), 1797 * 64);
        let mut counts = [0; 10];
        for &label in &digits.labels {
            counts[label as usize] += 1;
        }
        // The counts that scikit-learn documents for this set.
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    }

    #[test]
    fn the_first_digit_is_the_zero_of_the_file() {
        let digits = read().unwrap();
        let Inputs::Pixels(pixels) = &digits.inputs else { panic!("digits are images") };
        let row: Vec<u8> =
            [0, 0, 5, 13, 9, 1, 0, 0].iter().map(|&value: &u32| ((value * 255 + 8) / 16) as u8).collect();
        assert_eq!(pixels[..8], row);
        assert_eq!(digits.labels[0], 0);
        assert_eq!(pixels.iter().max(), Some(&255));
    }
}
