// Average pooling on a CPU for contiguous images of 32-bit floating point; padding does not count.
//
// libtorch's own kernel goes through each window value by value. Here a window's rows are added first, in vector code, then
// its columns. The order of additions is fixed, so the bits depend neither on the vector unit nor on the number of threads.

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include "native.h"

#include <algorithm>
#include <vector>

namespace {

struct Window {
  int64_t kernel, stride, padding;

  // The first and the last (exclusive) place that the window at `output` covers, of `size`.
  int64_t begin(int64_t output) const { return std::max<int64_t>(output * stride - padding, 0); }
  int64_t end(int64_t output, int64_t size) const { return std::min(output * stride - padding + kernel, size); }
  int64_t outputs(int64_t size) const { return (size + 2 * padding - kernel) / stride + 1; }
};

// One output row: sums of rows, then of columns.
VECTORIZED void pool_row(const float *x, float *y, float *row, int64_t rows, int64_t width, int64_t outputs, Window window) {
  for (int64_t j = 0; j < width; ++j)
    row[j] = x[j];
  for (int64_t i = 1; i < rows; ++i)
    for (int64_t j = 0; j < width; ++j)
      row[j] += x[i * width + j];
  // Windows that reach over no edge, column by column of the window.
  int64_t first = (window.padding + window.stride - 1) / window.stride;
  int64_t last = std::max(first, std::min(outputs, (width + window.padding - window.kernel) / window.stride + 1));
  float full = 1.0f / static_cast<float>(rows * window.kernel);
  if (first < last) {
    const float *start = row + first * window.stride - window.padding;
    int64_t inside = last - first;
    float *out = y + first;
    if (window.stride == 1) {
      for (int64_t j = 0; j < inside; ++j)
        out[j] = start[j];
      for (int64_t k = 1; k < window.kernel; ++k)
        for (int64_t j = 0; j < inside; ++j)
          out[j] += start[j + k];
    } else {
      for (int64_t j = 0; j < inside; ++j)
        out[j] = start[j * window.stride];
      for (int64_t k = 1; k < window.kernel; ++k)
        for (int64_t j = 0; j < inside; ++j)
          out[j] += start[j * window.stride + k];
    }
    for (int64_t j = 0; j < inside; ++j)
      out[j] *= full;
  }
  for (int64_t j = 0; j < outputs; ++j) {
    if (j == first)
      j = last;
    if (j >= outputs)
      break;
    float sum = 0;
    int64_t begin = window.begin(j), end = window.end(j, width);
    for (int64_t k = begin; k < end; ++k)
      sum += row[k];
    y[j] = sum / static_cast<float>(rows * (end - begin));
  }
}

// Adds what one output row's gradient gives to each row of its window; `row` is scratch of the input's width.
VECTORIZED void spread_row(const float *g, float *dx, float *row, int64_t rows, int64_t width, int64_t outputs, Window window) {
  for (int64_t j = 0; j < width; ++j)
    row[j] = 0;
  int64_t first = (window.padding + window.stride - 1) / window.stride;
  int64_t last = std::max(first, std::min(outputs, (width + window.padding - window.kernel) / window.stride + 1));
  float full = 1.0f / static_cast<float>(rows * window.kernel);
  if (first < last) {
    float *start = row + first * window.stride - window.padding;
    const float *in = g + first;
    int64_t inside = last - first;
    if (window.stride == 1) {
      for (int64_t k = 0; k < window.kernel; ++k)
        for (int64_t j = 0; j < inside; ++j)
          start[j + k] += in[j] * full;
    } else {
      for (int64_t k = 0; k < window.kernel; ++k)
        for (int64_t j = 0; j < inside; ++j)
          start[j * window.stride + k] += in[j] * full;
    }
  }
  for (int64_t j = 0; j < outputs; ++j) {
    if (j == first)
      j = last;
    if (j >= outputs)
      break;
    int64_t begin = window.begin(j), end = window.end(j, width);
    float share = g[j] / static_cast<float>(rows * (end - begin));
    for (int64_t k = begin; k < end; ++k)
      row[k] += share;
  }
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < width; ++j)
      dx[i * width + j] += row[j];
}

struct AveragePool : torch::autograd::Function<AveragePool> {
  static at::Tensor forward(torch::autograd::AutogradContext *context, const at::Tensor &input, int64_t kernel,
                            int64_t stride, int64_t padding) {
    Window window{kernel, stride, padding};
    int64_t height = input.size(2), width = input.size(3);
    int64_t rows = window.outputs(height), columns = window.outputs(width);
    at::Tensor output = at::empty({input.size(0), input.size(1), rows, columns}, input.options());
    const float *x = input.const_data_ptr<float>();
    float *y = output.data_ptr<float>();
    at::parallel_for(0, input.size(0) * input.size(1), 16, [&](int64_t begin, int64_t end) {
      std::vector<float> scratch(width);
      for (int64_t plane = begin; plane < end; ++plane)
        for (int64_t i = 0; i < rows; ++i) {
          int64_t top = window.begin(i), bottom = window.end(i, height);
          pool_row(x + (plane * height + top) * width, y + (plane * rows + i) * columns, scratch.data(), bottom - top,
                   width, columns, window);
        }
    });
    context->saved_data["window"] = std::vector<int64_t>{kernel, stride, padding};
    context->saved_data["size"] = input.sizes().vec();
    return output;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context,
                                                 torch::autograd::variable_list gradients) {
    std::vector<int64_t> parts = context->saved_data["window"].toIntVector(), size = context->saved_data["size"].toIntVector();
    Window window{parts[0], parts[1], parts[2]};
    at::Tensor gradient = gradients[0].contiguous();
    at::Tensor output = at::zeros(size, gradient.options());
    int64_t height = size[2], width = size[3], rows = gradient.size(2), columns = gradient.size(3);
    const float *g = gradient.const_data_ptr<float>();
    float *dx = output.data_ptr<float>();
    at::parallel_for(0, size[0] * size[1], 16, [&](int64_t begin, int64_t end) {
      std::vector<float> scratch(width);
      for (int64_t plane = begin; plane < end; ++plane)
        for (int64_t i = 0; i < rows; ++i) {
          int64_t top = window.begin(i), bottom = window.end(i, height);
          spread_row(g + (plane * rows + i) * columns, dx + (plane * height + top) * width, scratch.data(), bottom - top,
                     width, columns, window);
        }
    });
    return {output, {}, {}, {}};
  }
};

} // namespace

extern "C" {

// Average pooling with square windows, padding not counted. Leaves `*output` null where the input is not of the kind that this
// is for: then libtorch's own is needed, also for its messages on windows that do not fit.
const char *pleach_average_pool(at::Tensor *input, int64_t kernel, int64_t stride, int64_t padding, at::Tensor **output) {
  return guarded([&] {
    *output = nullptr;
    bool fits = input->device().is_cpu() && input->scalar_type() == at::kFloat && input->dim() == 4 &&
                input->is_contiguous() && kernel > 0 && stride > 0 && padding >= 0 && 2 * padding <= kernel &&
                input->size(2) + 2 * padding >= kernel && input->size(3) + 2 * padding >= kernel;
    if (fits)
      *output = new at::Tensor(AveragePool::apply(*input, kernel, stride, padding));
  });
}
}
