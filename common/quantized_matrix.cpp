#include "common/quantized_matrix.h"

#include "common/check.h"
#include "common/error.h"
#include "common/matrix_vector.h"
#include "common/nearest_name.h"

namespace nvlm {
namespace {

constexpr int64_t kGroup = 32;
constexpr int64_t kPackedRows = 16;  // LibTorch packs so many rows together

QuantizedMatrix int8_matrix(const Tensor& weight) {
  const Tensor scales = weight.abs().amax(1).clamp_min_(1e-30).div_(127);  // [out]
  const Tensor values = (weight / scales.unsqueeze(1)).round_().to(at::kChar);
  return {Quantization::kInt8, values, scales, weight.size(1), weight.size(0)};
}

QuantizedMatrix int4_matrix(const Tensor& weight) {
  const int64_t out = weight.size(0), in = weight.size(1);
  const int64_t padding = (kPackedRows - out % kPackedRows) % kPackedRows;
  const Tensor groups = at::constant_pad_nd(weight, {0, 0, 0, padding}).unflatten(1, {-1, kGroup});
  const auto [low, high] = at::aminmax(groups, /*dim=*/2);        // [rows, groups]
  const Tensor scales = (high - low).div_(15).clamp_min_(1e-30);  // between neighbours
  const Tensor middles = low + 8 * scales;                        // of level 8
  const Tensor levels = ((groups - middles.unsqueeze(2)) / scales.unsqueeze(2))
                            .add_(8)
                            .round_()
                            .clamp_(0, 15)
                            .to(at::kInt)
                            .flatten(1);  // [rows, in]
  return {Quantization::kInt4, at::_convert_weight_to_int4pack_for_cpu(levels, /*innerKTiles=*/1),
          at::stack({scales.t(), middles.t()}, 2).contiguous(), in, out};
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
  const Tensor wide = weight.detach().to(at::kFloat);
  if (kind == Quantization::kInt4 && weight.size(1) % kGroup == 0) return int4_matrix(wide);
  return int8_matrix(wide);
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
    return at::linear(input, dequantized(matrix, input.scalar_type()), bias);
  }
  const Tensor product = int4_linear(input.reshape({-1, matrix.in}).contiguous(), matrix);
  std::vector<int64_t> shape = input.sizes().vec();
  shape.back() = matrix.out;
  const Tensor result = product.reshape(shape);
  return bias.defined() ? result + bias : result;
}

}  // namespace nvlm
