// What the training worker needs of libtorch and `tch` does not bind: fused optimizer steps, bfloat16 autocast,
// deterministic algorithms, and what the libraries were built for.
//
// Tensors come as pointers to `at::Tensor`, as in torch-sys. A function that can fail returns null, or the message of the
// failure, which stays valid until the next call on the same thread.

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>
#include <ATen/Version.h>
#include <ATen/autocast_mode.h>
#include <torch/headeronly/version.h>

#include "native.h"

#include <string>
#include <vector>

namespace {

// The parameters that took part in the loss, with their gradients and the places of their states.
struct Step {
  std::vector<at::Tensor> parameters, gradients;
  std::vector<size_t> places;

  Step(at::Tensor **all, size_t count) {
    parameters.reserve(count);
    gradients.reserve(count);
    places.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      const at::Tensor &gradient = all[i]->grad();
      if (gradient.defined()) {
        parameters.push_back(*all[i]);
        gradients.push_back(gradient);
        places.push_back(i);
      }
    }
  }

  std::vector<at::Tensor> states(at::Tensor **all) const {
    std::vector<at::Tensor> chosen;
    chosen.reserve(places.size());
    for (size_t place : places)
      chosen.push_back(*all[place]);
    return chosen;
  }

  // Scales all gradients together so that their norm is at most `limit`, as torch.nn.utils.clip_grad_norm_ does.
  void clip(double limit) const {
    at::Tensor norm = at::linalg_vector_norm(at::stack(at::_foreach_norm(gradients, 2)), 2);
    at::_foreach_mul_(gradients, norm.add(1e-6).reciprocal().mul(limit).clamp_max(1.0));
  }

  // Frees the gradients: the next backward pass then hands over its buffers instead of adding to zeros.
  void clear() const {
    for (const at::Tensor &parameter : parameters)
      parameter.mutable_grad().reset();
  }
};

} // namespace

extern "C" {

// One step of stochastic gradient descent; `buffers` is null without momentum. `clip` 0 is without limit.
const char *pleach_sgd_step(at::Tensor **parameters, at::Tensor **buffers, size_t count, double rate, double momentum,
                            bool nesterov, double weight_decay, double clip) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    Step step(parameters, count);
    if (step.parameters.empty())
      return;
    if (clip > 0)
      step.clip(clip);
    std::vector<at::Tensor> momenta;
    if (buffers != nullptr)
      momenta = step.states(buffers);
    // Buffers start as zeros, which makes the first step like all others.
    at::_fused_sgd_(step.parameters, step.gradients, momenta, weight_decay, buffers != nullptr ? momentum : 0.0, rate,
                    /*dampening=*/0.0, nesterov && buffers != nullptr, /*maximize=*/false, /*is_first_step=*/false);
    step.clear();
  });
}

// One step of Adam (weight decay added to the gradient) or AdamW (decoupled); `number` is a float scalar, the step from 1.
const char *pleach_adam_step(at::Tensor **parameters, at::Tensor **first, at::Tensor **second, at::Tensor *number,
                             size_t count, double rate, double beta1, double beta2, double epsilon, double weight_decay,
                             bool decoupled, double clip) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    Step step(parameters, count);
    if (step.parameters.empty())
      return;
    if (clip > 0)
      step.clip(clip);
    std::vector<at::Tensor> numbers(step.parameters.size(), *number);
    auto firsts = step.states(first), seconds = step.states(second);
    if (decoupled)
      at::_fused_adamw_(step.parameters, step.gradients, firsts, seconds, {}, numbers, rate, beta1, beta2, weight_decay,
                        epsilon, /*amsgrad=*/false, /*maximize=*/false);
    else
      at::_fused_adam_(step.parameters, step.gradients, firsts, seconds, {}, numbers, rate, beta1, beta2, weight_decay,
                       epsilon, /*amsgrad=*/false, /*maximize=*/false);
    step.clear();
  });
}

// Switches autocast to bfloat16 on or off for the calling thread.
const char *pleach_autocast(bool cuda, bool on) {
  return guarded([&] {
    at::DeviceType device = cuda ? at::kCUDA : at::kCPU;
    if (on) {
      at::autocast::set_autocast_dtype(device, at::kBFloat16);
      at::autocast::increment_nesting();
    } else if (at::autocast::decrement_nesting() == 0) {
      at::autocast::clear_cache();
    }
    at::autocast::set_autocast_enabled(device, on);
  });
}

// Says whether the calling thread computes in bfloat16 by autocast, and from now on does so or not; keeps what autocast knows.
const char *pleach_pause_autocast(bool cuda, bool on, bool *was_on) {
  return guarded([&] {
    at::DeviceType device = cuda ? at::kCUDA : at::kCPU;
    *was_on = at::autocast::is_autocast_enabled(device);
    at::autocast::set_autocast_enabled(device, on);
  });
}

// Chooses deterministic kernels wherever there are some; a kernel that has no such form warns on standard error.
const char *pleach_deterministic() {
  return guarded([] {
    at::Context &context = at::globalContext();
    context.setDeterministicAlgorithms(true, /*warn_only=*/true);
    context.setDeterministicFillUninitializedMemory(false); // it would cost time and change no result
    context.setDeterministicCuDNN(true);
    context.setBenchmarkCuDNN(false);
  });
}

// Gives cached device memory back, after it ran out.
const char *pleach_empty_cache() {
  return guarded([] {
    if (at::accelerator::getAccelerator(false).has_value())
      at::accelerator::emptyCache();
  });
}

const char *pleach_libtorch_version() { return TORCH_VERSION; }

const char *pleach_cpu_capability() {
  thread_local std::string capability;
  capability = at::get_cpu_capability();
  return capability.c_str();
}
}
