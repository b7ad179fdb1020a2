// Batch norm in training on a CPU, followed by ReLU where wanted, for contiguous images of 32-bit floating point.
//
// libtorch's own kernel sums in scalar code: 17 % of a training step of a cell of NAS-Bench-201. Here a channel's values,
// which fit the second level cache, are read from memory once for mean, variance and output, in vector code.
//
// Sums run over a fixed number of lanes and then in a fixed order, without fused multiply-add, so the bits depend neither on
// the vector unit nor on the number of threads.

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include "native.h"

#include <cmath>

namespace {

constexpr int64_t LANES = 32;

// The images' planes of one channel: `count` planes of `size` values, `stride` apart.
struct Planes {
  int64_t count, size, stride;
};

inline double total(const float *lanes) {
  double sum = 0;
  for (int64_t lane = 0; lane < LANES; ++lane)
    sum += lanes[lane];
  return sum;
}

VECTORIZED double sum(const float *values, Planes planes) {
  double sum = 0;
  for (int64_t plane = 0; plane < planes.count; ++plane) {
    const float *x = values + plane * planes.stride;
    float lanes[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= planes.size; i += LANES)
      for (int64_t lane = 0; lane < LANES; ++lane)
        lanes[lane] += x[i + lane];
    for (int64_t lane = 0; i + lane < planes.size; ++lane)
      lanes[lane] += x[i + lane];
    sum += total(lanes);
  }
  return sum;
}

VECTORIZED double sum_of_squares(const float *values, Planes planes, float mean) {
  double sum = 0;
  for (int64_t plane = 0; plane < planes.count; ++plane) {
    const float *x = values + plane * planes.stride;
    float lanes[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= planes.size; i += LANES)
      for (int64_t lane = 0; lane < LANES; ++lane)
        lanes[lane] += (x[i + lane] - mean) * (x[i + lane] - mean);
    for (int64_t lane = 0; i + lane < planes.size; ++lane)
      lanes[lane] += (x[i + lane] - mean) * (x[i + lane] - mean);
    sum += total(lanes);
  }
  return sum;
}

VECTORIZED void normalize(const float *values, float *output, Planes planes, float mean, float scale, float shift,
                          bool relu) {
  for (int64_t plane = 0; plane < planes.count; ++plane) {
    const float *x = values + plane * planes.stride;
    float *y = output + plane * planes.stride;
    if (relu) {
      for (int64_t i = 0; i < planes.size; ++i) {
        float value = (x[i] - mean) * scale + shift;
        y[i] = value < 0 ? 0 : value; // NaN stays
      }
    } else {
      for (int64_t i = 0; i < planes.size; ++i)
        y[i] = (x[i] - mean) * scale + shift;
    }
  }
}

// The sums of the gradient and of its product with the centred input. With `relu` what is 0 in the output has no gradient.
VECTORIZED void sum_gradients(const float *gradient, const float *values, Planes planes, float mean, float scale,
                              float shift, bool relu, double *plain, double *product) {
  *plain = 0;
  *product = 0;
  for (int64_t plane = 0; plane < planes.count; ++plane) {
    const float *g = gradient + plane * planes.stride;
    const float *x = values + plane * planes.stride;
    float first[LANES] = {0}, second[LANES] = {0};
    int64_t i = 0;
    // Written out for both cases: a choice within the loop keeps compilers from vector code.
    if (relu) {
      for (; i + LANES <= planes.size; i += LANES)
        for (int64_t lane = 0; lane < LANES; ++lane) {
          float centred = x[i + lane] - mean;
          float kept = centred * scale + shift > 0 ? g[i + lane] : 0;
          first[lane] += kept;
          second[lane] += kept * centred;
        }
    } else {
      for (; i + LANES <= planes.size; i += LANES)
        for (int64_t lane = 0; lane < LANES; ++lane) {
          first[lane] += g[i + lane];
          second[lane] += g[i + lane] * (x[i + lane] - mean);
        }
    }
    for (int64_t lane = 0; i + lane < planes.size; ++lane) {
      float centred = x[i + lane] - mean;
      float kept = !relu || centred * scale + shift > 0 ? g[i + lane] : 0;
      first[lane] += kept;
      second[lane] += kept * centred;
    }
    *plain += total(first);
    *product += total(second);
  }
}

VECTORIZED void input_gradient(const float *gradient, const float *values, float *output, Planes planes, float mean,
                               float scale, float shift, bool relu, float mean_gradient, float projection) {
  for (int64_t plane = 0; plane < planes.count; ++plane) {
    const float *g = gradient + plane * planes.stride;
    const float *x = values + plane * planes.stride;
    float *y = output + plane * planes.stride;
    if (relu) {
      for (int64_t i = 0; i < planes.size; ++i) {
        float centred = x[i] - mean;
        float kept = centred * scale + shift > 0 ? g[i] : 0;
        y[i] = (kept - mean_gradient - centred * projection) * scale;
      }
    } else {
      for (int64_t i = 0; i < planes.size; ++i) {
        float centred = x[i] - mean;
        y[i] = (g[i] - mean_gradient - centred * projection) * scale;
      }
    }
  }
}

// Calls `work(channel)` for all channels; each one is computed by one thread.
template <typename Work>
void by_channel(int64_t channels, Work work) {
  at::parallel_for(0, channels, 1, [&](int64_t begin, int64_t end) {
    for (int64_t channel = begin; channel < end; ++channel)
      work(channel);
  });
}

Planes planes_of(const at::Tensor &images) {
  int64_t size = images.size(2) * images.size(3);
  return {images.size(0), size, images.size(1) * size};
}

struct BatchNorm : torch::autograd::Function<BatchNorm> {
  static at::Tensor forward(torch::autograd::AutogradContext *context, const at::Tensor &input, const at::Tensor &weight,
                            const at::Tensor &bias, at::Tensor running_mean, at::Tensor running_variance, double momentum,
                            double epsilon, bool relu) {
    Planes planes = planes_of(input);
    int64_t channels = input.size(1);
    at::Tensor output = at::empty_like(input);
    // By channel: mean, and the reciprocal of the deviation.
    at::Tensor kept = at::empty({2, channels}, input.options());
    const float *x = input.const_data_ptr<float>();
    const float *scales = weight.const_data_ptr<float>();
    const float *shifts = bias.const_data_ptr<float>();
    float *y = output.data_ptr<float>(), *means = kept.data_ptr<float>(), *reciprocals = means + channels;
    float *running_means = running_mean.data_ptr<float>(), *running_variances = running_variance.data_ptr<float>();
    double count = static_cast<double>(planes.count) * static_cast<double>(planes.size);
    by_channel(channels, [&](int64_t c) {
      const float *values = x + c * planes.size;
      double mean = sum(values, planes) / count;
      double squares = sum_of_squares(values, planes, static_cast<float>(mean));
      means[c] = static_cast<float>(mean);
      reciprocals[c] = static_cast<float>(1 / std::sqrt(squares / count + epsilon));
      running_means[c] = static_cast<float>(momentum * mean + (1 - momentum) * running_means[c]);
      running_variances[c] = static_cast<float>(momentum * (squares / (count - 1)) + (1 - momentum) * running_variances[c]);
      float scale = reciprocals[c] * scales[c];
      normalize(values, y + c * planes.size, planes, means[c], scale, shifts[c], relu);
    });
    context->save_for_backward({input, weight, bias, kept});
    context->saved_data["relu"] = relu;
    return output;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context,
                                                 torch::autograd::variable_list gradients) {
    auto saved = context->get_saved_variables();
    const at::Tensor &input = saved[0], &weight = saved[1], &bias = saved[2], &kept = saved[3];
    bool relu = context->saved_data["relu"].toBool();
    at::Tensor gradient = gradients[0].contiguous();
    Planes planes = planes_of(input);
    int64_t channels = input.size(1);
    bool wanted = context->needs_input_grad(0);
    at::Tensor input_gradients = wanted ? at::empty_like(input) : at::Tensor();
    at::Tensor weight_gradients = at::empty_like(weight), bias_gradients = at::empty_like(bias);
    const float *g = gradient.const_data_ptr<float>(), *x = input.const_data_ptr<float>();
    const float *means = kept.const_data_ptr<float>(), *reciprocals = means + channels;
    const float *scales = weight.const_data_ptr<float>();
    const float *shifts = bias.const_data_ptr<float>();
    float *dx = wanted ? input_gradients.data_ptr<float>() : nullptr;
    float *dw = weight_gradients.data_ptr<float>(), *db = bias_gradients.data_ptr<float>();
    double count = static_cast<double>(planes.count) * static_cast<double>(planes.size);
    by_channel(channels, [&](int64_t c) {
      int64_t start = c * planes.size;
      float scale = reciprocals[c] * scales[c], shift = shifts[c];
      double plain, product;
      sum_gradients(g + start, x + start, planes, means[c], scale, shift, relu, &plain, &product);
      double reciprocal = reciprocals[c];
      dw[c] = static_cast<float>(product * reciprocal);
      db[c] = static_cast<float>(plain);
      if (dx)
        input_gradient(g + start, x + start, dx + start, planes, means[c], scale, shift, relu,
                       static_cast<float>(plain / count), static_cast<float>(product * reciprocal * reciprocal / count));
    });
    return {input_gradients, weight_gradients, bias_gradients, {}, {}, {}, {}, {}};
  }
};

} // namespace

extern "C" {

// Batch norm in training, and ReLU with `relu`; `weight` and `bias` are null without scale and shift. Changes the running
// statistics. Leaves `*output` null where the input is not of the kind that this is for: then libtorch's own is needed.
const char *pleach_batch_norm(at::Tensor *input, at::Tensor *weight, at::Tensor *bias, at::Tensor *running_mean,
                              at::Tensor *running_variance, double momentum, double epsilon, bool relu,
                              at::Tensor **output) {
  return guarded([&] {
    *output = nullptr;
    bool fits = input->device().is_cpu() && input->scalar_type() == at::kFloat && input->dim() == 4 &&
                input->is_contiguous() && input->size(0) * input->size(2) * input->size(3) > 1;
    if (!fits)
      return;
    at::IntArrayRef channels = input->sizes().slice(1, 1);
    *output = new at::Tensor(BatchNorm::apply(*input, weight ? *weight : at::ones(channels, input->options()),
                                              bias ? *bias : at::zeros(channels, input->options()), *running_mean,
                                              *running_variance, momentum, epsilon, relu));
  });
}
}
