use super::draws::beta;
use crate::Failure;
use pleach_random::{Generator, derive};
use pleach_spec::Augment;
use tch::{Device, Kind, Tensor};

/// Changes training examples at random, whole batches at once on the device.
///
/// What is drawn for a batch depends on the seed, the epoch and the batch alone, never on what was drawn before.
#[derive(Debug)]
pub(crate) struct Augmenter {
    augment: Augment,
    seed: u64,
    geometry: Option<Geometry>,
}

/// The rows and columns of an image, ready to be moved.
#[derive(Debug)]
struct Geometry {
    device: Device,
    height: i64,
    width: i64,
    /// 0 to height - 1, `[1, height, 1]`.
    rows: Tensor,
    /// 0 to width - 1, `[1, 1, width]`.
    columns: Tensor,
}

/// How a batch is blended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mix {
    /// The share of each example itself, from 0.5 to 1.
    pub weight: f64,
    /// The example that each one is blended with.
    pub others: Vec<i64>,
}

impl Augmenter {
    /// For inputs of a shape (without the batch axis).
    ///
    /// # Errors
    /// If crop, flip or cutout are asked for and the inputs are no images.
    pub(crate) fn new(augment: &Augment, shape: &[usize], seed: u64, device: Device) -> Result<Augmenter, Failure> {
        let moves = augment.crop > 0 || augment.flip || augment.cutout > 0;
        let geometry = match *shape {
            [_, height, width] if moves => {
                let (height, width) = (height as i64, width as i64);
                let options = (Kind::Int64, device);
                Some(Geometry {
                    device,
                    height,
                    width,
                    rows: Tensor::f_arange(height, options)?.f_view([1, height, 1])?,
                    columns: Tensor::f_arange(width, options)?.f_view([1, 1, width])?,
                })
            }
            _ if moves => {
                return Err(Failure::infeasible("crop, flip and cutout are for images, and the inputs are none"));
            }
            _ => None,
        };
        Ok(Augmenter { augment: augment.clone(), seed, geometry })
    }

    fn generator(&self, purpose: &str, epoch: u32, batch: usize) -> Generator {
        Generator::new(derive(self.seed, &[purpose, &epoch.to_string(), &batch.to_string()]))
    }

    /// Crops and flips a batch of images as they are held: pads with zeros, which are black for pixels and the mean where
    /// inputs are numbers.
    pub(crate) fn shift(&self, inputs: Tensor, epoch: u32, batch: usize) -> Result<Tensor, Failure> {
        let Some(geometry) = &self.geometry else { return Ok(inputs) };
        if self.augment.crop == 0 && !self.augment.flip {
            return Ok(inputs);
        }
        let mut generator = self.generator("crop and flip", epoch, batch);
        let crop = u64::from(self.augment.crop);
        let size = inputs.size();
        let count = size[0] as usize;
        let (mut tops, mut lefts, mut signs) =
            (Vec::with_capacity(count), Vec::with_capacity(count), Vec::with_capacity(count));
        for _ in 0..count {
            tops.push(generator.below(2 * crop + 1) as i64);
            let left = generator.below(2 * crop + 1) as i64;
            let flipped = self.augment.flip && generator.next_u64() >> 63 == 1;
            // A flipped image is read from its last column backwards.
            lefts.push(if flipped { left + geometry.width - 1 } else { left });
            signs.push(if flipped { -1 } else { 1 });
        }
        let crop = crop as i64;
        let rows = geometry.rows.f_add(&geometry.column(&tops)?)?;
        let columns = geometry.columns.f_mul(&geometry.column(&signs)?)?.f_add_(&geometry.column(&lefts)?)?;
        let places = rows.f_mul_scalar(geometry.width + 2 * crop)?.f_add(&columns)?;
        let places =
            places.f_view([size[0], 1, -1])?.f_expand([size[0], size[1], geometry.height * geometry.width], false)?;
        let padded = if crop > 0 { inputs.f_constant_pad_nd([crop; 4])? } else { inputs };
        Ok(padded.f_flatten(2, -1)?.f_gather(2, &places, false)?.f_view(size.as_slice())?)
    }

    /// Blanks a square in each normalised image with the mean. Its middle is any pixel, so it may reach over the edge
    /// (DeVries and Taylor 2017).
    pub(crate) fn cut(&self, inputs: Tensor, epoch: u32, batch: usize) -> Result<Tensor, Failure> {
        let Some(geometry) = self.geometry.as_ref().filter(|_| self.augment.cutout > 0) else { return Ok(inputs) };
        let mut generator = self.generator("cutout", epoch, batch);
        let side = i64::from(self.augment.cutout);
        let count = inputs.size()[0] as usize;
        let (mut tops, mut lefts) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for _ in 0..count {
            tops.push(generator.below(geometry.height as u64) as i64 - side / 2);
            lefts.push(generator.below(geometry.width as u64) as i64 - side / 2);
        }
        let within = |axis: &Tensor, starts: &[i64]| -> Result<Tensor, Failure> {
            let distance = axis.f_sub(&geometry.column(starts)?)?;
            Ok(distance.f_ge(0)?.f_logical_and(&distance.f_lt(side)?)?)
        };
        let square = within(&geometry.rows, &tops)?.f_logical_and(&within(&geometry.columns, &lefts)?)?;
        Ok(inputs.f_masked_fill(&square.f_unsqueeze(1)?, 0.0)?)
    }

    /// How to blend a batch of so many examples, where the recipe asks for it.
    ///
    /// One weight a batch (Zhang et al. 2018). It is the larger of the drawn one and its complement, which changes nothing on
    /// average, since pairs are symmetric, and says which class an example belongs to first.
    pub(crate) fn mix(&self, count: usize, epoch: u32, batch: usize) -> Option<Mix> {
        if self.augment.mixup == 0.0 {
            return None;
        }
        let mut generator = self.generator("mixup", epoch, batch);
        let drawn = beta(self.augment.mixup, &mut generator);
        let mut others: Vec<i64> = (0..count as i64).collect();
        generator.shuffle(&mut others);
        Some(Mix { weight: drawn.max(1.0 - drawn), others })
    }
}

impl Geometry {
    /// One number an example, `[examples, 1, 1]`.
    fn column(&self, values: &[i64]) -> Result<Tensor, Failure> {
        Ok(Tensor::f_from_slice(values)?.f_view([-1, 1, 1])?.f_to(self.device)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn augmenter(augment: Augment, height: usize, width: usize) -> Augmenter {
        Augmenter::new(&augment, &[2, height, width], 7, Device::Cpu).unwrap()
    }

    /// Images whose value at each place tells example, channel, row and column, none of them 0.
    fn images(count: i64, height: i64, width: i64) -> Tensor {
        (Tensor::arange(count * 2 * height * width, (Kind::Uint8, Device::Cpu)) + 1).view([count, 2, height, width])
    }

    fn value(images: &Tensor, at: [i64; 4]) -> i64 {
        let size = images.size();
        let inside = (0..4).all(|axis| (0..size[axis]).contains(&at[axis]));
        if inside { images.int64_value(&at) } else { 0 }
    }

    #[test]
    fn crops_and_flips_are_moves_of_the_padded_image() {
        let before = images(8, 3, 4);
        for (crop, flip) in [(2, false), (0, true), (2, true)] {
            let augment = Augment { crop, flip, ..Augment::default() };
            let after = augmenter(augment, 3, 4).shift(before.shallow_clone(), 1, 0).unwrap();
            assert_eq!((after.size(), after.kind()), (before.size(), Kind::Uint8));
            let reach = i64::from(crop);
            let mut seen = std::collections::BTreeSet::new();
            for example in 0..8 {
                let moves = all_moves(-reach, reach, flip);
                let fitting = moves.into_iter().find(|&(down, right, flipped)| {
                    (0..2).all(|channel| {
                        (0..3).all(|row| {
                            (0..4).all(|column| {
                                let source = if flipped { 3 - column } else { column };
                                value(&after, [example, channel, row, column])
                                    == value(&before, [example, channel, row + down, source + right])
                            })
                        })
                    })
                });
                seen.insert(fitting.expect("the image is a move of the original"));
            }
            assert!(seen.len() > 1, "examples are moved apart");
        }
    }

    fn all_moves(low: i64, high: i64, flip: bool) -> Vec<(i64, i64, bool)> {
        let mut moves = Vec::new();
        for down in low..=high {
            for right in low..=high {
                moves.push((down, right, false));
                if flip {
                    moves.push((down, right, true));
                }
            }
        }
        moves
    }

    #[test]
    fn cutout_blanks_one_square_in_all_channels() {
        let ones = Tensor::ones([40, 2, 6, 6], (Kind::Float, Device::Cpu));
        let cut = augmenter(Augment { cutout: 3, ..Augment::default() }, 6, 6).cut(ones, 2, 5).unwrap();
        let mut areas = std::collections::BTreeSet::new();
        for example in 0..40 {
            let blank: Vec<i64> =
                (0..2).map(|c| 36 - cut.get(example).get(c).sum(Kind::Int64).int64_value(&[])).collect();
            assert_eq!(blank[0], blank[1]);
            areas.insert(blank[0]);
        }
        assert_eq!(areas.iter().copied().collect::<Vec<_>>(), [4, 6, 9], "corners, edges and the middle");
    }

    #[test]
    fn what_is_drawn_depends_on_seed_epoch_and_batch_alone() {
        let augmenter = augmenter(Augment { crop: 2, flip: true, mixup: 0.4, ..Augment::default() }, 3, 4);
        let shifted = |epoch, batch| augmenter.shift(images(8, 3, 4), epoch, batch).unwrap();
        assert_eq!(shifted(1, 2), shifted(1, 2));
        assert_ne!(shifted(1, 2), shifted(1, 3));
        assert_ne!(shifted(1, 2), shifted(2, 2));
        let mix = augmenter.mix(8, 1, 2).unwrap();
        assert_eq!(Some(&mix), augmenter.mix(8, 1, 2).as_ref());
        assert!((0.5..=1.0).contains(&mix.weight));
        let mut others = mix.others;
        others.sort_unstable();
        assert_eq!(others, (0..8).collect::<Vec<_>>());
    }

    #[test]
    fn only_images_are_moved() {
        let augment = Augment { flip: true, ..Augment::default() };
        assert!(Augmenter::new(&augment, &[5], 7, Device::Cpu).is_err());
        assert!(Augmenter::new(&Augment { mixup: 0.2, ..Augment::default() }, &[5], 7, Device::Cpu).is_ok());
    }
}
