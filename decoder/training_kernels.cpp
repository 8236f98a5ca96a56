#include "decoder/training_kernels.h"

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

#include "common/element_loops.h"

namespace nvlm::decoder {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kLanes = 16;
/// Rows whose share of a weight's gradient is summed first; fixed, so that the sum does not depend
/// on the number of threads.
constexpr int64_t kBlock = 256;

/// What autocast makes of a matrix product's input.
at::ScalarType product_dtype(const Tensor& input) {
  return at::autocast::is_autocast_enabled(at::kCPU) ? at::autocast::get_autocast_dtype(at::kCPU)
                                                     : input.scalar_type();
}

// ---- root mean square norm

template <typename Out>
NVLM_INLINE void norm_rows(const float* from, const float* weight, double epsilon, int64_t rows,
                           int64_t size, float* factors, Out* to) {
  for (int64_t row = 0; row < rows; ++row) {
    const float* x = from + row * size;
    Out* y = to + row * size;
    float lanes[kLanes] = {};
    int64_t i = 0;
    for (; i + kLanes <= size; i += kLanes) {
      for (int64_t j = 0; j < kLanes; ++j) lanes[j] += x[i + j] * x[i + j];
    }
    float sum = lane_total(lanes);
    for (; i < size; ++i) sum += x[i] * x[i];
    const auto factor = static_cast<float>(
        1 / std::sqrt(static_cast<double>(sum) / static_cast<double>(size) + epsilon));
    factors[row] = factor;
    for (i = 0; i < size; ++i) round_to(x[i] * factor * weight[i], y[i]);
  }
}

template <typename Out>
NVLM_INLINE void norm_rows_backward(const float* from, const float* weight, const float* factors,
                                    const Out* gradient, int64_t rows, int64_t size,
                                    float* to_input, float* to_weight) {
  for (int64_t row = 0; row < rows; ++row) {
    const float* x = from + row * size;
    const Out* g = gradient + row * size;
    float* dx = to_input + row * size;
    const float factor = factors[row];
    float lanes[kLanes] = {};
    int64_t i = 0;
    for (; i + kLanes <= size; i += kLanes) {
      for (int64_t j = 0; j < kLanes; ++j) {
        lanes[j] += widened(g[i + j]) * weight[i + j] * x[i + j];
      }
    }
    float dot = lane_total(lanes);
    for (; i < size; ++i) dot += widened(g[i]) * weight[i] * x[i];
    const float pull = dot * factor * factor * factor / static_cast<float>(size);
    for (i = 0; i < size; ++i) {
      const float gradient_here = widened(g[i]);
      dx[i] = gradient_here * weight[i] * factor - x[i] * pull;
      to_weight[i] += gradient_here * x[i] * factor;
    }
  }
}

NVLM_EVERY_PROCESSOR void norm_rows_float(const float* from, const float* weight, double epsilon,
                                          int64_t rows, int64_t size, float* factors, float* to) {
  norm_rows(from, weight, epsilon, rows, size, factors, to);
}
NVLM_EVERY_PROCESSOR void norm_rows_half(const float* from, const float* weight, double epsilon,
                                         int64_t rows, int64_t size, float* factors, HalfBits* to) {
  norm_rows(from, weight, epsilon, rows, size, factors, to);
}
NVLM_EVERY_PROCESSOR void norm_rows_backward_float(const float* from, const float* weight,
                                                   const float* factors, const float* gradient,
                                                   int64_t rows, int64_t size, float* to_input,
                                                   float* to_weight) {
  norm_rows_backward(from, weight, factors, gradient, rows, size, to_input, to_weight);
}
NVLM_EVERY_PROCESSOR void norm_rows_backward_half(const float* from, const float* weight,
                                                  const float* factors, const HalfBits* gradient,
                                                  int64_t rows, int64_t size, float* to_input,
                                                  float* to_weight) {
  norm_rows_backward(from, weight, factors, gradient, rows, size, to_input, to_weight);
}

class TrainedRmsNorm : public torch::autograd::Function<TrainedRmsNorm> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& input, const Tensor& weight,
                        double epsilon, at::ScalarType dtype) {
    RECORD_USER_SCOPE("nvlm::rms_norm");
    const Tensor rows = input.contiguous();
    const int64_t size = input.size(-1), count = rows.numel() / size;
    Tensor factors = at::empty({count}, rows.options());
    Tensor output = at::empty(rows.sizes(), rows.options().dtype(dtype));
    const auto* x = elements<float>(rows);
    const auto* w = elements<float>(weight);
    auto* f = mutable_elements<float>(factors);
    at::parallel_for(0, count, kBlock, [&](int64_t begin, int64_t end) {
      const int64_t first = begin * size;
      if (dtype == at::kFloat) {
        norm_rows_float(x + first, w, epsilon, end - begin, size, f + begin,
                        mutable_elements<float>(output) + first);
      } else {
        norm_rows_half(x + first, w, epsilon, end - begin, size, f + begin,
                       mutable_elements<HalfBits>(output) + first);
      }
    });
    context->save_for_backward({rows, weight, factors});
    return output;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &rows = saved[0], &weight = saved[1], &factors = saved[2];
    const Tensor gradient = gradients[0].contiguous();
    const int64_t size = rows.size(-1), count = rows.numel() / size;
    const int64_t blocks = (count + kBlock - 1) / kBlock;
    Tensor to_input = at::empty(rows.sizes(), rows.options());
    Tensor to_weight = at::zeros({blocks, size}, rows.options());
    const auto* x = elements<float>(rows);
    const auto* w = elements<float>(weight);
    const auto* f = elements<float>(factors);
    auto* dx = mutable_elements<float>(to_input);
    auto* dw = mutable_elements<float>(to_weight);
    at::parallel_for(0, blocks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t block = begin; block < end; ++block) {
        const int64_t row = block * kBlock, part = std::min(kBlock, count - row);
        const int64_t first = row * size;
        if (gradient.scalar_type() == at::kFloat) {
          norm_rows_backward_float(x + first, w, f + row, elements<float>(gradient) + first, part,
                                   size, dx + first, dw + block * size);
        } else {
          norm_rows_backward_half(x + first, w, f + row, elements<HalfBits>(gradient) + first, part,
                                  size, dx + first, dw + block * size);
        }
      }
    });
    return {to_input, to_weight.sum(0), Tensor(), Tensor()};
  }
};

// ---- silu(gate) * up

template <typename Element>
NVLM_INLINE void swiglu_rows(const Element* from, int64_t rows, int64_t width, Element* to) {
  for (int64_t row = 0; row < rows; ++row) {
    const Element* gate = from + row * 2 * width;
    const Element* up = gate + width;
    Element* y = to + row * width;
    for (int64_t i = 0; i < width; ++i) {
      const float g = widened(gate[i]);
      const float silu = rounded_as<Element>(g / (1 + fast_exp(-g)));
      round_to(silu * widened(up[i]), y[i]);
    }
  }
}

template <typename Element>
NVLM_INLINE void swiglu_rows_backward(const Element* from, const Element* gradient, int64_t rows,
                                      int64_t width, Element* to) {
  for (int64_t row = 0; row < rows; ++row) {
    const Element* gate = from + row * 2 * width;
    const Element* up = gate + width;
    const Element* dy = gradient + row * width;
    Element* dgate = to + row * 2 * width;
    Element* dup = dgate + width;
    for (int64_t i = 0; i < width; ++i) {
      const float g = widened(gate[i]), d = widened(dy[i]);
      const float sigmoid = 1 / (1 + fast_exp(-g));
      round_to(d * widened(up[i]) * sigmoid * (1 + g * (1 - sigmoid)), dgate[i]);
      round_to(d * g * sigmoid, dup[i]);
    }
  }
}

NVLM_EVERY_PROCESSOR void swiglu_rows_float(const float* from, int64_t rows, int64_t width,
                                            float* to) {
  swiglu_rows(from, rows, width, to);
}
NVLM_EVERY_PROCESSOR void swiglu_rows_half(const HalfBits* from, int64_t rows, int64_t width,
                                           HalfBits* to) {
  swiglu_rows(from, rows, width, to);
}
NVLM_EVERY_PROCESSOR void swiglu_rows_backward_float(const float* from, const float* gradient,
                                                     int64_t rows, int64_t width, float* to) {
  swiglu_rows_backward(from, gradient, rows, width, to);
}
NVLM_EVERY_PROCESSOR void swiglu_rows_backward_half(const HalfBits* from, const HalfBits* gradient,
                                                    int64_t rows, int64_t width, HalfBits* to) {
  swiglu_rows_backward(from, gradient, rows, width, to);
}

constexpr int64_t kSwigluRows = 32;  // of a thread, at least

class TrainedSwiglu : public torch::autograd::Function<TrainedSwiglu> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& gate_and_up) {
    RECORD_USER_SCOPE("nvlm::swiglu");
    const Tensor both = gate_and_up.contiguous();
    const int64_t width = both.size(-1) / 2;
    std::vector<int64_t> sizes = both.sizes().vec();
    sizes.back() = width;
    Tensor output = at::empty(sizes, both.options());
    at::parallel_for(0, output.numel() / width, kSwigluRows, [&](int64_t begin, int64_t end) {
      if (both.scalar_type() == at::kFloat) {
        swiglu_rows_float(elements<float>(both) + begin * 2 * width, end - begin, width,
                          mutable_elements<float>(output) + begin * width);
      } else {
        swiglu_rows_half(elements<HalfBits>(both) + begin * 2 * width, end - begin, width,
                         mutable_elements<HalfBits>(output) + begin * width);
      }
    });
    context->save_for_backward({both});
    return output;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const Tensor both = context->get_saved_variables()[0];
    const Tensor gradient = gradients[0].contiguous();
    const int64_t width = both.size(-1) / 2;
    Tensor to_both = at::empty_like(both);
    at::parallel_for(0, gradient.numel() / width, kSwigluRows, [&](int64_t begin, int64_t end) {
      const int64_t first = begin * width;
      if (both.scalar_type() == at::kFloat) {
        swiglu_rows_backward_float(elements<float>(both) + 2 * first,
                                   elements<float>(gradient) + first, end - begin, width,
                                   mutable_elements<float>(to_both) + 2 * first);
      } else {
        swiglu_rows_backward_half(elements<HalfBits>(both) + 2 * first,
                                  elements<HalfBits>(gradient) + first, end - begin, width,
                                  mutable_elements<HalfBits>(to_both) + 2 * first);
      }
    });
    return {to_both};
  }
};

// ---- heads with rotary positions

/// Rotates one head's vector by the angles, or back; without angles it is copied.
template <typename Element>
NVLM_INLINE void rotate(const Element* from, const float* cosines, const float* sines, float sign,
                        int64_t half, Element* to) {
  if (cosines == nullptr) {
    for (int64_t i = 0; i < 2 * half; ++i) to[i] = from[i];
    return;
  }
  for (int64_t i = 0; i < half; ++i) {
    const float first = widened(from[i]), second = widened(from[half + i]);
    const float sine = sign * sines[i];
    round_to(first * cosines[i] - second * sine, to[i]);
    round_to(second * cosines[i] + first * sine, to[half + i]);
  }
}

/// The heads of one token: `stride` apart at one end, next to each other at the other.
struct HeadRows {
  int64_t heads, stride, half;
  const float *cosines, *sines;  // of the token; null: nothing is rotated
};

template <typename Element>
NVLM_INLINE void spread_heads(const Element* together, const HeadRows& rows, Element* apart) {
  for (int64_t head = 0; head < rows.heads; ++head) {
    rotate(together + head * 2 * rows.half, rows.cosines, rows.sines, 1.0F, rows.half,
           apart + head * rows.stride);
  }
}

template <typename Element>
NVLM_INLINE void gather_heads(const Element* apart, const HeadRows& rows, Element* together) {
  for (int64_t head = 0; head < rows.heads; ++head) {
    rotate(apart + head * rows.stride, rows.cosines, rows.sines, -1.0F, rows.half,
           together + head * 2 * rows.half);
  }
}

NVLM_EVERY_PROCESSOR void spread_heads_float(const float* together, const HeadRows& rows,
                                             float* apart) {
  spread_heads(together, rows, apart);
}
NVLM_EVERY_PROCESSOR void spread_heads_half(const HalfBits* together, const HeadRows& rows,
                                            HalfBits* apart) {
  spread_heads(together, rows, apart);
}
NVLM_EVERY_PROCESSOR void gather_heads_float(const float* apart, const HeadRows& rows,
                                             float* together) {
  gather_heads(apart, rows, together);
}
NVLM_EVERY_PROCESSOR void gather_heads_half(const HalfBits* apart, const HeadRows& rows,
                                            HalfBits* together) {
  gather_heads(apart, rows, together);
}

/// Calls part(token, index of the part, rows, offset within the token, offset within the part) for
/// queries, keys and values of each token.
template <class Part>
void for_head_parts(int64_t batch, int64_t seq, const std::array<int64_t, 3>& heads, int64_t half,
                    const Tensor& cos, const Tensor& sin, const Part& part) {
  constexpr int64_t kTokens = 64;  // of a thread, at least
  const auto* cosines = elements<float>(cos);
  const auto* sines = elements<float>(sin);
  const int64_t head_dim = 2 * half, width = (heads[0] + heads[1] + heads[2]) * head_dim;
  at::parallel_for(0, batch * seq, kTokens, [&](int64_t begin, int64_t end) {
    for (int64_t token = begin; token < end; ++token) {
      int64_t offset = token * width;
      for (size_t i = 0; i < heads.size(); ++i) {
        const bool rotates = i < 2;
        const HeadRows rows{heads[i], seq * head_dim, half,
                            rotates ? cosines + token * half : nullptr,
                            rotates ? sines + token * half : nullptr};
        const int64_t place = (token / seq * heads[i] * seq + token % seq) * head_dim;
        part(i, rows, offset, place);
        offset += heads[i] * head_dim;
      }
    }
  });
}

class TrainedRotaryHeads : public torch::autograd::Function<TrainedRotaryHeads> {
 public:
  static variable_list forward(AutogradContext* context, const Tensor& projected, const Tensor& cos,
                               const Tensor& sin, int64_t heads, int64_t kv_heads) {
    RECORD_USER_SCOPE("nvlm::rotary_heads");
    const Tensor together = projected.contiguous();
    const int64_t batch = together.size(0), seq = together.size(1), half = cos.size(2);
    const std::array<int64_t, 3> counts = {heads, kv_heads, kv_heads};
    variable_list parts;
    for (const int64_t count : counts) {
      parts.push_back(at::empty({batch, count, seq, 2 * half}, together.options()));
    }
    const bool is_float = together.scalar_type() == at::kFloat;
    for_head_parts(batch, seq, counts, half, cos, sin,
                   [&](size_t i, const HeadRows& rows, int64_t offset, int64_t place) {
                     if (is_float) {
                       spread_heads_float(elements<float>(together) + offset, rows,
                                          mutable_elements<float>(parts[i]) + place);
                     } else {
                       spread_heads_half(elements<HalfBits>(together) + offset, rows,
                                         mutable_elements<HalfBits>(parts[i]) + place);
                     }
                   });
    context->save_for_backward({cos, sin});
    return parts;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &cos = saved[0], &sin = saved[1];
    variable_list parts;
    for (const Tensor& gradient : gradients) parts.push_back(gradient.contiguous());
    const int64_t batch = parts[0].size(0), seq = parts[0].size(2), half = cos.size(2);
    const std::array<int64_t, 3> counts = {parts[0].size(1), parts[1].size(1), parts[2].size(1)};
    const int64_t width = (counts[0] + counts[1] + counts[2]) * 2 * half;
    Tensor together = at::empty({batch, seq, width}, parts[0].options());
    const bool is_float = together.scalar_type() == at::kFloat;
    for_head_parts(batch, seq, counts, half, cos, sin,
                   [&](size_t i, const HeadRows& rows, int64_t offset, int64_t place) {
                     if (is_float) {
                       gather_heads_float(elements<float>(parts[i]) + place, rows,
                                          mutable_elements<float>(together) + offset);
                     } else {
                       gather_heads_half(elements<HalfBits>(parts[i]) + place, rows,
                                         mutable_elements<HalfBits>(together) + offset);
                     }
                   });
    return {together, Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

bool training_kernel_fits(const Tensor& input) {
  if (!at::GradMode::is_enabled() || !input.requires_grad() || !input.is_cpu()) return false;
  const auto serves = [](at::ScalarType dtype) {
    return dtype == at::kFloat || dtype == at::kBFloat16;
  };
  return serves(input.scalar_type()) && serves(product_dtype(input)) && input.numel() > 0;
}

Tensor trained_rms_norm(const Tensor& input, const Tensor& weight, double epsilon) {
  return TrainedRmsNorm::apply(input, weight, epsilon, product_dtype(input));
}

Tensor trained_swiglu(const Tensor& gate_and_up) { return TrainedSwiglu::apply(gate_and_up); }

RotatedHeads trained_rotary_heads(const Tensor& projected, const RotaryAngles& angles,
                                  int64_t heads, int64_t kv_heads) {
  const variable_list parts = TrainedRotaryHeads::apply(projected, angles.cos.contiguous(),
                                                        angles.sin.contiguous(), heads, kv_heads);
  return {parts[0], parts[1], parts[2]};
}

Tensor joined_linear(const Tensor& input, const std::vector<Linear>& maps) {
  std::vector<Tensor> weights, biases;
  for (const Linear& map : maps) {
    weights.push_back(map->weight);
    if (map->bias.defined()) biases.push_back(map->bias);
  }
  return at::linear(input, at::cat(weights), biases.empty() ? Tensor() : at::cat(biases));
}

}  // namespace nvlm::decoder
