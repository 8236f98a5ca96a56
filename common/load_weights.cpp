#include "common/load_weights.h"

#include <ATen/core/grad_mode.h>

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

// Finite in `dtype` as well: 1e300 is not in float32.
bool all_finite(const Tensor& tensor, at::ScalarType dtype) {
  if (!tensor.is_floating_point() || tensor.numel() == 0) return true;
  const auto [low, high] =
      tensor.aminmax();  // NaN spreads, and nothing of the tensor's size is made
  const Tensor ends = at::stack({low, high}).to(dtype).to(at::kDouble);
  const double* values = ends.const_data_ptr<double>();
  return std::isfinite(values[0]) && std::isfinite(values[1]);
}

// What keeps `name` from being copied into `slot`, or "".
std::string misfit(const WeightSource& store, const std::string& name, const Tensor& slot,
                   const LoadOptions& options) {
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
  if (floating && !all_finite(store.tensor(name), options.dtype)) {
    return "NaN or infinite weights in '" + store.stored_name(name) + "'";
  }
  return "";
}

void copy_into(Tensor slot, const Tensor& stored, at::ScalarType dtype) {
  if (slot.is_floating_point() && slot.scalar_type() != dtype) {
    slot.mutable_grad().reset();  // a gradient of another dtype would be refused
    slot.set_data(at::empty_like(slot, slot.options().dtype(dtype)).copy_(stored));
  } else {
    slot.copy_(stored);
  }
}

}  // namespace

void load_weights(torch::nn::Module& module, const WeightSource& store,
                  const LoadOptions& options) {
  const at::NoGradGuard no_grad;
  const std::vector<NamedSlot> slots = parameters_and_buffers(module);
  std::vector<std::string> findings;
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
      std::string finding = misfit(store, name, slot, options);
      if (!finding.empty()) findings.push_back(std::move(finding));
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
  if (!findings.empty()) {
    std::string report = "weights of '" + store.path().string() + "' do not fit:";
    for (const std::string& finding : findings) report += "\n  " + finding;
    throw std::runtime_error(report);
  }
  for (const auto& [key, slot] : slots) {
    const std::string name = options.prefix + key;
    if (store.contains(name)) copy_into(slot, store.tensor(name), options.dtype);
  }
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
