use super::made_up;
use crate::device::synchronize;
use crate::network::Model;
use crate::{Failure, native};
use tch::{Device, Tensor};

/// The largest number of bytes that tensors take at one time in a forward pass without gradients: weights, inputs, and what
/// libtorch takes and gives back in between, as its allocators report it.
///
/// On a GPU in blocks of its allocator, so somewhat more. Scratch memory that oneDNN takes for itself is not in it.
pub(super) fn peak(model: &Model, batch: usize, device: Device) -> Result<u64, Failure> {
    let _no_grad = tch::no_grad_guard();
    let inputs = made_up(model, batch, device)?;
    // Once before, for what libtorch takes in a first pass and keeps.
    let _ = model.forward(&inputs, false)?;
    synchronize(device);
    let (outputs, during) = native::peak_memory(|| model.forward(&inputs, false))?;
    let _ = outputs?;
    let bytes = |tensor: &Tensor| (tensor.numel() * tensor.kind().elt_size_in_bytes()) as u64;
    let weights: u64 = model.named_tensors().map(|(_, tensor)| bytes(tensor)).sum();
    Ok(weights + bytes(&inputs) + during)
}
