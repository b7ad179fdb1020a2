/// An image whose values are 0 to 1, channel by channel, row by row.
pub(super) struct Image<'a> {
    pub height: usize,
    pub width: usize,
    /// 1 or 3 planes of `height * width` values.
    pub values: &'a mut [f64],
    /// Whether values are of 8 bits: multiples of 1/255.
    pub eight_bits: bool,
}

impl Image<'_> {
    /// The pixels of a channel.
    pub(super) fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// The channels.
    pub(super) fn channels(&self) -> usize {
        self.values.len() / self.pixels().max(1)
    }

    /// The channels one by one.
    pub(super) fn planes(&mut self) -> impl Iterator<Item = &mut [f64]> {
        let pixels = self.pixels().max(1);
        self.values.chunks_exact_mut(pixels)
    }
}
