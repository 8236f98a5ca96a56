#include "common/load_weights.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace nvlm {
namespace {

using NamedSlot = std::pair<std::string, Tensor>;

std::vector<NamedSlot> parameters_and_buffers(const torch::nn::Module& module) {
  std::vector<NamedSlot> slots;
  for (const auto& item : module.named_parameters()) slots.emplace_back(item.key(), item.value());
  for (const auto& item : module.named_buffers()) {
    if (item.value().defined()) slots.emplace_back(item.key(), item.value());
  }
  return slots;
}

bool has_suffix(const std::string& name, const std::vector<std::string>& suffixes) {
  for (const std::string& suffix : suffixes) {
    if (name.size() >= suffix.size() &&
        name.compare(name.size() - suffix.size(), suffix.size(), suffix) == 0) {
      return true;
    }
  }
  return false;
}

std::string shape_text(at::IntArrayRef shape) {
  std::ostringstream text;
  text << shape;
  return text.str();
}

constexpr int64_t kElementsPerPass = 1 << 20;  // few enough to be checked while in the cache

bool all_finite(const Tensor& tensor) {
  if (!tensor.is_floating_point() || tensor.numel() == 0) return true;
  const auto [low, high] = tensor.aminmax();  // NaN spreads
  const Tensor ends = at::stack({low, high}).to(at::kCPU, at::kDouble);
  const double* values = ends.const_data_ptr<double>();
  return std::isfinite(values[0]) && std::isfinite(values[1]);
}

// Calls `use(begin, rows)` for parts of a tensor's rows that are quick to look at; once with all of
// a tensor that is small or has no dimensions.
template <typename Use>
void for_row_blocks(const Tensor& tensor, Use use) {
  const int64_t rows = tensor.dim() == 0 ? 1 : tensor.size(0);
  const int64_t width = std::max<int64_t>(1, tensor.numel() / std::max<int64_t>(1, rows));
  const int64_t step = std::max<int64_t>(1, kElementsPerPass / width);
  for (int64_t begin = 0; begin < rows; begin += step) use(begin, std::min(step, rows - begin));
}

Tensor row_block(const Tensor& tensor, int64_t begin, int64_t rows) {
  return tensor.dim() == 0 ? tensor : tensor.narrow(0, begin, rows);
}

// Finite in `dtype` as well: 1e300 is not in float32.
bool stored_is_finite(const WeightSource& store, const std::string& name, at::ScalarType dtype) {
  const Tensor stored = store.tensor(name);
  if (!stored.is_floating_point()) return true;
  bool finite = true;
  for_row_blocks(stored, [&](int64_t begin, int64_t rows) {
    finite = finite && all_finite(row_block(stored, begin, rows).to(dtype));
    store.release(name, begin, begin + rows);
  });
  return finite;
}

// What in the file's header keeps `name` from being copied into `slot`, or "".
std::string misfit(const WeightSource& store, const std::string& name, const Tensor& slot) {
  const TensorEntry entry = store.entry(name);
  if (slot.sizes() != at::IntArrayRef(entry.shape)) {
    return "'" + store.stored_name(name) + "' is " + shape_text(entry.shape) + ", expected " +
           shape_text(slot.sizes());
  }
  const bool floating = slot.is_floating_point();
  if (floating != c10::isFloatingType(entry.dtype)) {
    return "'" + store.stored_name(name) + "' holds " + safetensors_dtype_name(entry.dtype) +
           ", expected " +
           (floating ? "F32, BF16, F16 or F64: quantised weights must be converted first"
                     : safetensors_dtype_name(slot.scalar_type()));
  }
  return "";
}

// Copies a tensor, giving back what was read as it goes. Returns whether all of it is finite in the
// slot's dtype.
bool copy_into(Tensor slot, const WeightSource& store, const std::string& name,
               at::ScalarType dtype) {
  if (slot.is_floating_point() && slot.scalar_type() != dtype) {
    slot.mutable_grad().reset();  // a gradient of another dtype would be refused
    slot.set_data(at::empty_like(slot, slot.options().dtype(dtype)));
  }
  const Tensor stored = store.tensor(name);
  bool finite = true;
  for_row_blocks(stored, [&](int64_t begin, int64_t rows) {
    const Tensor block = row_block(slot, begin, rows).copy_(row_block(stored, begin, rows));
    finite = finite && all_finite(block);
    store.release(name, begin, begin + rows);
  });
  return finite;
}

}  // namespace

void load_weights(torch::nn::Module& module, const WeightSource& store,
                  const LoadOptions& options) {
  const at::NoGradGuard no_grad;
  const std::vector<NamedSlot> slots = parameters_and_buffers(module);
  std::vector<std::string> findings;
  std::vector<NamedSlot> stored_slots;  // by stored name: those whose header fits
  std::set<std::string> known;
  std::set<const void*> found;  // TensorImpls that some stored name fills
  for (const auto& [key, slot] : slots) {
    const std::string name = options.prefix + key;
    known.insert(name);
    if (store.contains(name)) found.insert(slot.unsafeGetTensorImpl());
  }
  for (const auto& [key, slot] : slots) {
    const std::string name = options.prefix + key;
    if (store.contains(name)) {
      std::string finding = misfit(store, name, slot);
      if (finding.empty()) {
        stored_slots.emplace_back(name, slot);
      } else {
        findings.push_back(std::move(finding));
      }
    } else if (found.count(slot.unsafeGetTensorImpl()) == 0 && !has_suffix(name, options.ignored)) {
      findings.push_back("missing '" + store.stored_name(name) + "' " + shape_text(slot.sizes()));
    }
  }
  for (const std::string& name : store.names()) {
    const bool ours = name.compare(0, options.prefix.size(), options.prefix) == 0;
    if (ours && known.count(name) == 0 && !has_suffix(name, options.ignored)) {
      findings.push_back("unexpected '" + name + "' " + shape_text(store.entry(name).shape));
    }
  }
  const bool all_fit = findings.empty();
  for (const auto& [name, slot] : stored_slots) {
    // Where something does not fit nothing is copied, but the report is to be complete.
    const bool finite = all_fit ? copy_into(slot, store, name, options.dtype)
                                : stored_is_finite(store, name, options.dtype);
    if (!finite) findings.push_back("NaN or infinite weights in '" + store.stored_name(name) + "'");
  }
  if (findings.empty()) return;
  std::string report = "weights of '" + store.path().string() + "' do not fit:";
  for (const std::string& finding : findings) report += "\n  " + finding;
  throw std::runtime_error(report);
}

std::map<std::string, Tensor> state_dict(const torch::nn::Module& module,
                                         const std::string& prefix) {
  std::map<std::string, Tensor> result;
  std::set<const void*> seen;
  for (const auto& [key, slot] : parameters_and_buffers(module)) {
    if (seen.insert(slot.unsafeGetTensorImpl()).second) result[prefix + key] = slot.detach();
  }
  return result;
}

}  // namespace nvlm
