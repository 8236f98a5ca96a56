#include "decoder/rotary_embedding.h"

#include <ATen/Parallel.h>

#include <cmath>
#include <numbers>

#include "decoder/inference_kernels.h"

namespace nvlm::decoder {
namespace {

// Long waves are slowed down by `factor`, short ones kept, those between blended.
double llama3_scaled(double frequency, const Llama3RopeScaling& scaling) {
  const double wavelength = 2 * std::numbers::pi / frequency;  // tokens
  const auto original = static_cast<double>(scaling.original_max_position_embeddings);
  if (wavelength > original / scaling.low_freq_factor) return frequency / scaling.factor;
  if (wavelength < original / scaling.high_freq_factor) return frequency;
  const double blend = (original / wavelength - scaling.low_freq_factor) /
                       (scaling.high_freq_factor - scaling.low_freq_factor);
  return (1 - blend) * frequency / scaling.factor + blend * frequency;
}

template <typename Scalar>
Tensor rotate_rows(const Tensor& x, const RotaryAngles& angles) {
  const int64_t heads = x.size(2);
  const int64_t half = x.size(3) / 2;
  Tensor output = at::empty_like(x);
  const Scalar* from = x.const_data_ptr<Scalar>();
  const float* cosines = angles.cos.const_data_ptr<float>();
  const float* sines = angles.sin.const_data_ptr<float>();
  Scalar* to = output.mutable_data_ptr<Scalar>();
  at::parallel_for(0, x.size(0) * x.size(1), rows_per_thread(heads * half * 2),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t token = begin; token < end; ++token) {
                       const float* c = cosines + token * half;
                       const float* s = sines + token * half;
                       for (int64_t head = 0; head < heads; ++head) {
                         const Scalar* a = from + (token * heads + head) * 2 * half;
                         Scalar* y = to + (token * heads + head) * 2 * half;
                         for (int64_t i = 0; i < half; ++i) {
                           const float first = a[i], second = a[half + i];
                           y[i] = first * c[i] - second * s[i];
                           y[half + i] = second * c[i] + first * s[i];
                         }
                       }
                     }
                   });
  return output;
}

}  // namespace

Tensor rotary_frequencies(const LlamaConfig& config) {
  const int64_t half = config.head_dim / 2;
  Tensor frequencies = at::empty({half}, at::kFloat);
  float* to = frequencies.mutable_data_ptr<float>();
  for (int64_t i = 0; i < half; ++i) {
    const double exponent = -static_cast<double>(2 * i) / static_cast<double>(config.head_dim);
    double frequency = std::pow(config.rope_theta, exponent);
    if (config.rope_scaling) frequency = llama3_scaled(frequency, *config.rope_scaling);
    to[i] = static_cast<float>(frequency);
  }
  return frequencies;
}

RotaryAngles rotary_angles(const Tensor& frequencies, const Tensor& position_ids) {
  const Tensor angles =
      position_ids.to(at::kFloat).unsqueeze(-1) * frequencies;  // [batch, seq, head_dim / 2]
  return {angles.cos(), angles.sin()};
}

Tensor apply_rotary(const Tensor& x, const RotaryAngles& angles) {
  if (inference_kernel_fits(x)) {
    return x.scalar_type() == at::kFloat ? rotate_rows<float>(x, angles)
                                         : rotate_rows<at::BFloat16>(x, angles);
  }
  const Tensor wide = x.scalar_type() == at::kDouble ? x : x.to(at::kFloat);
  const int64_t half = x.size(-1) / 2;
  const Tensor first = wide.narrow(-1, 0, half);      // [batch, seq, heads, head_dim / 2]
  const Tensor second = wide.narrow(-1, half, half);  // [batch, seq, heads, head_dim / 2]
  const Tensor cos = angles.cos.unsqueeze(2);         // [batch, seq, 1, head_dim / 2]
  const Tensor sin = angles.sin.unsqueeze(2);
  return at::cat({first * cos - second * sin, second * cos + first * sin}, -1).to(x.scalar_type());
}

}  // namespace nvlm::decoder
