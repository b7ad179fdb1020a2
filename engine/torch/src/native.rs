//! The functions of `native/`, made safe.

use crate::Failure;
use std::ffi::{CStr, c_char};
use tch::{Device, Tensor};
use torch_sys::C_tensor;

unsafe extern "C" {
    fn pleach_sgd_step(
        parameters: *const *mut C_tensor,
        buffers: *const *mut C_tensor,
        count: usize,
        rate: f64,
        momentum: f64,
        nesterov: bool,
        weight_decay: f64,
        clip: f64,
    ) -> *const c_char;
    fn pleach_adam_step(
        parameters: *const *mut C_tensor,
        first: *const *mut C_tensor,
        second: *const *mut C_tensor,
        number: *mut C_tensor,
        count: usize,
        rate: f64,
        beta1: f64,
        beta2: f64,
        epsilon: f64,
        weight_decay: f64,
        decoupled: bool,
        clip: f64,
    ) -> *const c_char;
    fn pleach_batch_norm(
        input: *const C_tensor,
        weight: *const C_tensor,
        bias: *const C_tensor,
        running_mean: *const C_tensor,
        running_variance: *const C_tensor,
        momentum: f64,
        epsilon: f64,
        relu: bool,
        output: *mut *mut C_tensor,
    ) -> *const c_char;
    fn pleach_average_pool(
        input: *const C_tensor,
        kernel: i64,
        stride: i64,
        padding: i64,
        output: *mut *mut C_tensor,
    ) -> *const c_char;
    fn pleach_memory_begin(ledger: *mut *mut Ledger) -> *const c_char;
    fn pleach_memory_end(ledger: *mut Ledger) -> i64;
    fn pleach_autocast(cuda: bool, on: bool) -> *const c_char;
    fn pleach_pause_autocast(cuda: bool, on: bool, was_on: *mut bool) -> *const c_char;
    fn pleach_deterministic() -> *const c_char;
    fn pleach_empty_cache() -> *const c_char;
    fn pleach_libtorch_version() -> *const c_char;
    fn pleach_cpu_capability() -> *const c_char;
}

/// What counts memory, on the side of C++.
#[repr(C)]
struct Ledger {
    _opaque: [u8; 0],
}

/// # Safety
/// `message` must be null or a string that stays valid during the call.
unsafe fn checked(message: *const c_char) -> Result<(), Failure> {
    if message.is_null() {
        return Ok(());
    }
    // SAFETY: not null, and the caller promises that it is a valid string.
    let message = unsafe { CStr::from_ptr(message) };
    Err(Failure::of_libtorch(&message.to_string_lossy()))
}

/// Tensors as the native functions take them: an array of pointers, made once and used at every step.
#[derive(Debug, Default)]
pub(crate) struct Tensors {
    pointers: Vec<*mut C_tensor>,
    owned: Vec<Tensor>,
}

impl Tensors {
    pub(crate) fn new(mut owned: Vec<Tensor>) -> Tensors {
        let pointers = owned.iter_mut().map(Tensor::as_mut_ptr).collect();
        Tensors { pointers, owned }
    }

    pub(crate) fn as_slice(&self) -> &[Tensor] {
        &self.owned
    }
}

/// A step of stochastic gradient descent; `buffers` are as many as `parameters`, or none without momentum.
pub(crate) fn sgd_step(
    parameters: &mut Tensors,
    buffers: &mut Tensors,
    rate: f64,
    sgd: &pleach_spec::Sgd,
    clip: f64,
) -> Result<(), Failure> {
    let count = parameters.pointers.len();
    assert!(buffers.pointers.is_empty() || buffers.pointers.len() == count, "a buffer for each parameter, or none");
    let buffers = if buffers.pointers.is_empty() { std::ptr::null() } else { buffers.pointers.as_ptr() };
    // SAFETY: each array holds `count` pointers to tensors that `Tensors` owns; the message is valid until the next call.
    unsafe {
        checked(pleach_sgd_step(
            parameters.pointers.as_ptr(),
            buffers,
            count,
            rate,
            sgd.momentum,
            sgd.nesterov,
            sgd.weight_decay,
            clip,
        ))
    }
}

/// A step of Adam, or of AdamW where `decoupled`; `number` is the step from 1, a scalar of 32-bit floating point.
#[allow(clippy::too_many_arguments)] // as many as the formula has symbols
pub(crate) fn adam_step(
    parameters: &mut Tensors,
    first: &mut Tensors,
    second: &mut Tensors,
    number: &mut Tensor,
    rate: f64,
    adam: &pleach_spec::Adam,
    epsilon: f64,
    decoupled: bool,
    clip: f64,
) -> Result<(), Failure> {
    let count = parameters.pointers.len();
    assert!(first.pointers.len() == count && second.pointers.len() == count, "two moments for each parameter");
    // SAFETY: as in `sgd_step`.
    unsafe {
        checked(pleach_adam_step(
            parameters.pointers.as_ptr(),
            first.pointers.as_ptr(),
            second.pointers.as_ptr(),
            number.as_mut_ptr(),
            count,
            rate,
            adam.beta1,
            adam.beta2,
            epsilon,
            adam.weight_decay,
            decoupled,
            clip,
        ))
    }
}

/// Batch norm in training, followed by ReLU where wanted; `tensors` are scale, shift (or neither), running mean and variance,
/// the last two of which change.
///
/// `None` where there is no faster kernel than libtorch's own: on a GPU, in bfloat16, for vectors.
pub(crate) fn batch_norm(
    input: &Tensor,
    tensors: &[Tensor],
    momentum: f64,
    epsilon: f64,
    relu: bool,
) -> Result<Option<Tensor>, Failure> {
    let (affine, statistics) = tensors.split_at(tensors.len().saturating_sub(2));
    let affine = |index: usize| affine.get(index).map_or(std::ptr::null(), Tensor::as_ptr);
    let mut output = std::ptr::null_mut();
    // SAFETY: all pointers are null or of tensors that live during the call; an output, where there is one, is a new tensor
    // that nothing else owns. Without one the pointer stays null.
    unsafe {
        checked(pleach_batch_norm(
            input.as_ptr(),
            affine(0),
            affine(1),
            statistics[0].as_ptr(),
            statistics[1].as_ptr(),
            momentum,
            epsilon,
            relu,
            &mut output,
        ))?;
        if output.is_null() { Ok(None) } else { Ok(Some(Tensor::from_ptr(output))) }
    }
}

/// Average pooling, padding not counted.
///
/// `None` where there is no faster kernel than libtorch's own: on a GPU, in bfloat16.
pub(crate) fn average_pool(
    input: &Tensor,
    kernel: usize,
    stride: usize,
    padding: usize,
) -> Result<Option<Tensor>, Failure> {
    let mut output = std::ptr::null_mut();
    // SAFETY: the input lives during the call; an output, where there is one, is a new tensor that nothing else owns.
    unsafe {
        checked(pleach_average_pool(input.as_ptr(), kernel as i64, stride as i64, padding as i64, &mut output))?;
        if output.is_null() { Ok(None) } else { Ok(Some(Tensor::from_ptr(output))) }
    }
}

/// Runs `work` with arithmetic in bfloat16 where libtorch holds that to be safe.
pub(crate) fn with_bfloat16<T>(device: Device, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    struct Guard(bool);
    impl Drop for Guard {
        fn drop(&mut self) {
            // SAFETY: no arguments that could be wrong. Switching off what is on cannot fail.
            unsafe { pleach_autocast(self.0, false) };
        }
    }
    // SAFETY: no arguments that could be wrong; the message is valid until the next call.
    unsafe { checked(pleach_autocast(device.is_cuda(), true))? };
    let _guard = Guard(device.is_cuda());
    work()
}

/// Runs `work`, and says how many bytes tensors that this thread made took at most at one time, beyond what was there before.
pub(crate) fn peak_memory<T>(work: impl FnOnce() -> T) -> Result<(T, u64), Failure> {
    struct Counting(*mut Ledger);
    impl Counting {
        fn end(self) -> u64 {
            let ledger = self.0;
            std::mem::forget(self);
            // SAFETY: from `pleach_memory_begin` on this thread, ended once.
            u64::try_from(unsafe { pleach_memory_end(ledger) }).unwrap_or(0)
        }
    }
    impl Drop for Counting {
        fn drop(&mut self) {
            // SAFETY: as in `end`, which does not come here.
            unsafe { pleach_memory_end(self.0) };
        }
    }
    let mut ledger = std::ptr::null_mut();
    // SAFETY: the pointer is written where there is no failure; the message is valid until the next call.
    unsafe { checked(pleach_memory_begin(&mut ledger))? };
    let counting = Counting(ledger);
    let result = work();
    Ok((result, counting.end()))
}

/// Runs `work` with arithmetic in 32 bits, also inside of [`with_bfloat16`].
pub(crate) fn with_full_precision<T>(device: Device, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    struct Guard(bool, bool);
    impl Drop for Guard {
        fn drop(&mut self) {
            // SAFETY: the pointer is of a variable that lives during the call. What could be switched can be switched back.
            unsafe { pleach_pause_autocast(self.0, self.1, &mut false) };
        }
    }
    let mut was_on = false;
    // SAFETY: the pointer is of a variable that lives during the call; the message is valid until the next call.
    unsafe { checked(pleach_pause_autocast(device.is_cuda(), false, &mut was_on))? };
    let _guard = Guard(device.is_cuda(), was_on);
    work()
}

/// Chooses deterministic kernels for the whole process; where an operation has none, libtorch warns on standard error.
pub(crate) fn choose_deterministic_kernels() -> Result<(), Failure> {
    // SAFETY: no arguments; the message is valid until the next call.
    unsafe { checked(pleach_deterministic()) }
}

/// Gives the memory of the device that libtorch keeps for later back.
pub(crate) fn empty_cache() -> Result<(), Failure> {
    // SAFETY: no arguments; the message is valid until the next call.
    unsafe { checked(pleach_empty_cache()) }
}

/// The version of libtorch, such as `2.11.0`.
pub fn libtorch_version() -> String {
    // SAFETY: a constant string.
    unsafe { CStr::from_ptr(pleach_libtorch_version()) }.to_string_lossy().into_owned()
}

/// The instruction set that libtorch's own kernels use here, such as `AVX2`.
pub fn cpu_capability() -> String {
    // SAFETY: valid until the next call on this thread.
    unsafe { CStr::from_ptr(pleach_cpu_capability()) }.to_string_lossy().into_owned()
}
