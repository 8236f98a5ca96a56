#include "common/quantized_matrix.h"

#include <algorithm>
#include <vector>

#include "common/check.h"
#include "common/error.h"
#include "common/large_pages.h"
#include "common/matrix_vector.h"
#include "common/nearest_name.h"

namespace nvlm {
namespace {

constexpr int64_t kGroup = 32;
constexpr int64_t kPackedRows = 16;  // LibTorch packs so many rows together

/// Calls `use(begin, rows)` for blocks of a matrix's rows: intermediate results stay in the cache,
/// and large short-lived allocations do not fragment the memory.
template <typename Use>
void for_weight_blocks(int64_t out, int64_t in, Use use) {
  constexpr int64_t kElements = 1 << 18;
  const int64_t step = std::max<int64_t>(1, kElements / std::max<int64_t>(1, in));
  for (int64_t begin = 0; begin < out; begin += step) use(begin, std::min(step, out - begin));
}

QuantizedMatrix int8_matrix(const Tensor& weight) {
  const int64_t out = weight.size(0), in = weight.size(1);
  const Tensor values = empty_in_large_pages({out, in}, at::kChar);
  const Tensor scales = at::empty({out}, at::kFloat);
  for_weight_blocks(out, in, [&](int64_t begin, int64_t rows) {
    const Tensor block = weight.narrow(0, begin, rows).to(at::kFloat);
    const Tensor scale = block.abs().amax(1).clamp_min_(1e-30).div_(127);  // [rows]
    scales.narrow(0, begin, rows).copy_(scale);
    values.narrow(0, begin, rows).copy_((block / scale.unsqueeze(1)).round_());
  });
  return {Quantization::kInt8, values, scales, in, out};
}

QuantizedMatrix int4_matrix(const Tensor& weight) {
  const int64_t out = weight.size(0), in = weight.size(1);
  const int64_t padded = (out + kPackedRows - 1) / kPackedRows * kPackedRows;
  const Tensor levels = at::zeros({padded, in}, at::kInt);
  const Tensor ranges = at::zeros({in / kGroup, padded, 2}, at::kFloat);  // scale and middle
  for_weight_blocks(out, in, [&](int64_t begin, int64_t rows) {
    const Tensor groups = weight.narrow(0, begin, rows).to(at::kFloat).unflatten(1, {-1, kGroup});
    const auto [low, high] = at::aminmax(groups, /*dim=*/2);       // [rows, groups]
    const Tensor scale = (high - low).div_(15).clamp_min_(1e-30);  // between neighbours
    const Tensor middle = low + 8 * scale;                         // of level 8
    levels.narrow(0, begin, rows)
        .copy_(((groups - middle.unsqueeze(2)) / scale.unsqueeze(2))
                   .add_(8)
                   .round_()
                   .clamp_(0, 15)
                   .flatten(1));
    ranges.narrow(1, begin, rows).copy_(at::stack({scale.t(), middle.t()}, 2));
  });
  return {Quantization::kInt4, at::_convert_weight_to_int4pack_for_cpu(levels, /*innerKTiles=*/1),
          ranges, in, out};
}

/// For many rows of input, the weights widened a block at a time.
Tensor widened_int8_linear(const Tensor& input, const QuantizedMatrix& matrix, const Tensor& bias) {
  std::vector<Tensor> parts;
  for_weight_blocks(matrix.out, matrix.in, [&](int64_t begin, int64_t rows) {
    const Tensor scales = matrix.scales.narrow(0, begin, rows).unsqueeze(1);
    const Tensor block = (matrix.values.narrow(0, begin, rows) * scales).to(input.scalar_type());
    parts.push_back(at::linear(input, block));
  });
  const Tensor result = parts.size() == 1 ? parts[0] : at::cat(parts, -1);
  return bias.defined() ? result + bias : result;
}

Tensor int4_linear(const Tensor& rows, const QuantizedMatrix& matrix) {
  return at::_weight_int4pack_mm_for_cpu(rows, matrix.values, kGroup,
                                         matrix.scales.to(rows.scalar_type()))
      .narrow(1, 0, matrix.out);
}

}  // namespace

Quantization parse_quantization(const std::string& name) {
  if (name == "none") return Quantization::kNone;
  if (name == "int8") return Quantization::kInt8;
  if (name == "int4") return Quantization::kInt4;
  throw UsageError("'" + name + "' is no quantization, expected none, int8 or int4" +
                   did_you_mean(name, {"none", "int8", "int4"}));
}

QuantizedMatrix quantize_matrix(const Tensor& weight, Quantization kind) {
  expect_shape(weight, {-1, -1}, "quantize: weight");
  TORCH_CHECK(weight.is_cpu(), "quantize: the weight is on ", weight.device(), ", expected cpu");
  TORCH_CHECK(kind != Quantization::kNone, "quantize: expected int8 or int4");
  if (kind == Quantization::kInt4 && weight.size(1) % kGroup == 0) {
    return int4_matrix(weight.detach());
  }
  return int8_matrix(weight.detach());
}

Tensor dequantized(const QuantizedMatrix& matrix, at::ScalarType dtype) {
  if (matrix.kind == Quantization::kInt8) {
    return (matrix.values * matrix.scales.unsqueeze(1)).to(dtype);
  }
  // The packed layout is LibTorch's own: the identity asks for every column.
  const Tensor identity = at::eye(matrix.in, at::kFloat);
  return int4_linear(identity, matrix).t().to(dtype).contiguous();
}

Tensor quantized_linear(const Tensor& input, const QuantizedMatrix& matrix, const Tensor& bias) {
  if (matrix.kind == Quantization::kInt8) {
    if (is_few_rows(input, matrix.in)) {
      return int8_matrix_vector(input, matrix.values, matrix.scales, bias);
    }
    return widened_int8_linear(input, matrix, bias);
  }
  const Tensor product = int4_linear(input.reshape({-1, matrix.in}).contiguous(), matrix);
  std::vector<int64_t> shape = input.sizes().vec();
  shape.back() = matrix.out;
  const Tensor result = product.reshape(shape);
  return bias.defined() ? result + bias : result;
}

}  // namespace nvlm
