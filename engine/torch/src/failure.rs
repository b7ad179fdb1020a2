use pleach_evaluate::protocol::FailureReason;
use std::fmt::Display;
use tch::TchError;
use thiserror::Error;

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}{}{detail}", if .detail.is_empty() { "" } else { ": " })]
pub struct Failure {
    /// The kind of failure.
    pub reason: FailureReason,
    /// The same on every machine.
    pub message: String,
    /// What is of this machine only: libtorch's own words, paths.
    pub detail: String,
    /// Whether the process is of no more use: after most errors of CUDA the device answers nothing any more.
    pub fatal: bool,
}

/// What allocators of libtorch, CUDA, cuDNN, oneDNN and C++ say when memory runs out.
const OUT_OF_MEMORY: [&str; 9] = [
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "bad_alloc",
    "ALLOC_FAILED",
    "Storage size calculation overflowed",
    "could not create a memory object",
    "cannot allocate memory",
    "invalid array new length",
];

impl Failure {
    /// A network that cannot be trained as it is.
    pub fn infeasible(message: impl Into<String>) -> Failure {
        Failure::new(FailureReason::Infeasible, message, "")
    }

    /// A loss that is not finite; `what` is such as `the training loss of epoch 1`.
    pub fn diverged(what: &str) -> Failure {
        Failure::new(FailureReason::Diverged, format!("{what} is not finite"), "")
    }

    /// Something around the training that does not work: data, files.
    pub fn lost(message: impl Into<String>, detail: impl Display) -> Failure {
        Failure::new(FailureReason::Lost, message, detail)
    }

    fn new(reason: FailureReason, message: impl Into<String>, detail: impl Display) -> Failure {
        Failure { reason, message: message.into(), detail: detail.to_string(), fatal: false }
    }

    /// What libtorch says, as a failure: memory that ran out, a device that broke, or an operation that it refuses.
    pub fn of_libtorch(text: &str) -> Failure {
        // What follows is a list of addresses.
        let text = text.split("\nException raised from").next().unwrap_or(text).trim();
        if OUT_OF_MEMORY.iter().any(|words| text.contains(words)) {
            return Failure::new(FailureReason::OutOfMemory, "memory ran out", text);
        }
        // Errors of the driver and of kernels leave the process without a usable device; shapes and arguments do not.
        if ["CUDA error", "CUDNN_STATUS", "CUBLAS_STATUS"].iter().any(|words| text.contains(words)) {
            return Failure { fatal: true, ..Failure::new(FailureReason::Lost, "the device failed", text) };
        }
        Failure::new(FailureReason::Infeasible, "libtorch cannot compute the network", text)
    }
}

impl From<TchError> for Failure {
    fn from(error: TchError) -> Failure {
        Failure::of_libtorch(&error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libtorch_says_is_told_apart() {
        let reason = |text: &str| {
            let failure = Failure::of_libtorch(text);
            assert_eq!(failure.detail, text);
            (failure.reason, failure.fatal)
        };
        let memory = (FailureReason::OutOfMemory, false);
        assert_eq!(reason("CUDA out of memory. Tried to allocate 20.00 GiB"), memory);
        assert_eq!(
            reason("[enforce fail at alloc_cpu.cpp:124] . DefaultCPUAllocator: can't allocate memory: you"),
            memory
        );
        assert_eq!(reason("std::bad_alloc"), memory);
        assert_eq!(reason("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), memory);
        assert_eq!(reason("CUDA error: an illegal memory access was encountered"), (FailureReason::Lost, true));
        assert_eq!(reason("mat1 and mat2 shapes cannot be multiplied"), (FailureReason::Infeasible, false));
    }

    #[test]
    fn a_real_allocation_that_fails_is_out_of_memory() {
        let error = tch::Tensor::f_zeros([1 << 50], (tch::Kind::Float, tch::Device::Cpu)).unwrap_err();
        assert_eq!(Failure::from(error).reason, FailureReason::OutOfMemory);
    }
}
