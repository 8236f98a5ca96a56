#include "experiments/efficiency/flop_counter.h"

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <functional>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace nvlm::experiments {
namespace {

using Arguments = c10::ArrayRef<const c10::IValue>;

double double_of(int64_t value) { return static_cast<double>(value); }

/// 2 * elements of `left` * columns of `right`, for [..., rows, inner] and [..., inner, columns].
double product_flops(const at::Tensor& left, const at::Tensor& right) {
  return 2 * double_of(left.numel()) * double_of(right.dim() == 1 ? 1 : right.size(-1));
}

/// Two operands that begin at argument `first`.
auto product_from(size_t first) {
  return [first](Arguments arguments) {
    return product_flops(arguments[first].toTensor(), arguments[first + 1].toTensor());
  };
}

/// input [rows..., in], weight [out, in]
double matrix_vector_flops(Arguments arguments) {
  return 2 * double_of(arguments[0].toTensor().numel()) *
         double_of(arguments[1].toTensor().size(0));
}

/// query, key and value begin at `first`, [batch, heads, length, head_dim]; `causal` is the place
/// of is_causal.
auto attention_from(size_t first, size_t causal, bool is_backward) {
  return [=](Arguments arguments) {
    const at::Tensor& query = arguments[first].toTensor();
    const at::Tensor& key = arguments[first + 1].toTensor();
    const double key_width = double_of(query.size(3));
    const double value_width = double_of(arguments[first + 2].toTensor().size(3));
    const double queries = double_of(query.size(2)), keys = double_of(key.size(2));
    const double pairs = arguments[causal].toBool() ? queries * (queries + 1) / 2 : queries * keys;
    const double widths = is_backward ? 3 * key_width + 2 * value_width : key_width + value_width;
    return 2 * double_of(query.size(0) * query.size(1)) * pairs * widths;
  };
}

/// One number for all dimensions may stand for each.
int64_t of_dimension(const c10::IValue& list, size_t dimension) {
  const std::vector<int64_t> values = list.toIntVector();
  return values.size() == 1 ? values.front() : values.at(dimension);
}

/// The filters are multiplied at each place of the output, or of the input where the convolution is
/// transposed. input and weight begin at `first`; stride, padding, dilation and whether it is
/// transposed follow the bias.
double convolution_flops(Arguments arguments, size_t first) {
  const at::Tensor& input = arguments[first].toTensor();
  const at::Tensor& weight = arguments[first + 1].toTensor();
  const bool is_transposed = arguments[first + 6].toBool();
  int64_t places = input.size(0);
  for (size_t i = 0; i + 2 < static_cast<size_t>(input.dim()); ++i) {
    const auto dim = static_cast<int64_t>(i + 2);
    if (is_transposed) {
      places *= input.size(dim);
      continue;
    }
    const int64_t reach = of_dimension(arguments[first + 5], i) * (weight.size(dim) - 1) + 1;
    const int64_t padded = input.size(dim) + 2 * of_dimension(arguments[first + 4], i);
    places *= (padded - reach) / of_dimension(arguments[first + 3], i) + 1;
  }
  return 2 * double_of(weight.numel()) * double_of(places);
}

double convolution_forward(Arguments arguments) { return convolution_flops(arguments, 0); }

/// The last argument says which gradients are asked for: of the input, the weight, the bias.
double convolution_backward(Arguments arguments) {
  const auto asked = arguments[10].toBoolList();
  return convolution_flops(arguments, 1) * (int{asked[0]} + int{asked[1]});
}

using FlopRule = std::function<double(Arguments)>;

const std::unordered_map<std::string, FlopRule>& flop_rules() {
  static const std::unordered_map<std::string, FlopRule> rules = {
      {"aten::mm", product_from(0)},
      {"aten::bmm", product_from(0)},
      {"aten::mv", product_from(0)},
      {"aten::dot", product_from(0)},
      {"aten::addmm", product_from(1)},
      {"aten::addmv", product_from(1)},
      {"aten::addbmm", product_from(1)},
      {"aten::baddbmm", product_from(1)},
      {"aten::convolution", convolution_forward},
      {"aten::convolution_backward", convolution_backward},
      {"nvlm::matrix_vector", matrix_vector_flops},
      {"aten::_scaled_dot_product_flash_attention_for_cpu", attention_from(0, 4, false)},
      {"aten::_scaled_dot_product_flash_attention_for_cpu_backward", attention_from(1, 7, true)},
      {"aten::_scaled_dot_product_flash_attention", attention_from(0, 4, false)},
      {"aten::_scaled_dot_product_flash_attention_backward", attention_from(1, 11, true)},
      {"aten::_scaled_dot_product_efficient_attention", attention_from(0, 6, false)},
      {"aten::_scaled_dot_product_efficient_attention_backward", attention_from(1, 11, true)},
  };
  return rules;
}

/// Multiply matrices in ways without a rule.
bool is_uncounted_product(const std::string& name) {
  static const std::vector<std::string> parts = {
      "convolution",   "cudnn_attention",   "int4pack",   "int8pack",
      "mkldnn_linear", "_addmm_activation", "_grouped_mm"};
  for (const std::string& part : parts) {
    if (name.find(part) != std::string::npos) return true;
  }
  return false;
}

struct Tally {
  std::mutex mutex;
  bool is_counting = false;
  std::map<std::string, double> flops;
  std::map<std::string, int64_t> uncounted;
};

Tally& tally() {
  static Tally one;
  return one;
}

thread_local int counted_depth = 0;  // products may be made of other products: the outermost counts

struct CountedOperator : at::ObserverContext {};

std::unique_ptr<at::ObserverContext> on_start(const at::RecordFunction& function) {
  const std::string name = function.name();
  const auto rule = flop_rules().find(name);
  const bool has_rule = rule != flop_rules().end();
  if (!has_rule && !is_uncounted_product(name)) return nullptr;
  if (counted_depth++ == 0) {
    const std::lock_guard lock(tally().mutex);
    if (has_rule) {
      tally().flops[name] += rule->second(function.inputs());
    } else {
      ++tally().uncounted[name];
    }
  }
  return std::make_unique<CountedOperator>();
}

void on_end(const at::RecordFunction&, at::ObserverContext* context) {
  if (context != nullptr) --counted_depth;
}

}  // namespace

FlopCounter::FlopCounter() {
  {
    const std::lock_guard lock(tally().mutex);
    TORCH_CHECK(!tally().is_counting, "FlopCounter: another one is counting");
    tally().is_counting = true;
    tally().flops.clear();
    tally().uncounted.clear();
  }
  handle_ = at::addGlobalCallback(at::RecordFunctionCallback(on_start, on_end)
                                      .needsInputs(true)
                                      .scopes({at::RecordScope::FUNCTION}));
}

FlopCounter::~FlopCounter() {
  at::removeCallback(handle_);
  const std::lock_guard lock(tally().mutex);
  tally().is_counting = false;
}

double FlopCounter::total() const {
  double sum = 0;
  for (const auto& [name, flops] : by_operator()) sum += flops;
  return sum;
}

std::map<std::string, double> FlopCounter::by_operator() const {
  const std::lock_guard lock(tally().mutex);
  return tally().flops;
}

std::map<std::string, int64_t> FlopCounter::uncounted() const {
  const std::lock_guard lock(tally().mutex);
  return tally().uncounted;
}

}  // namespace nvlm::experiments
