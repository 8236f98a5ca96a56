#include "common/translated_weights.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace nvlm {
namespace {

std::vector<std::string> stored_names(const TensorOrigin& origin) {
  std::vector<std::string> names = {origin.name};
  names.insert(names.end(), origin.below.begin(), origin.below.end());
  return names;
}

bool is_complete(const WeightSource& stored, const TensorOrigin& origin) {
  const std::vector<std::string> names = stored_names(origin);
  return std::all_of(names.begin(), names.end(),
                     [&](const std::string& name) { return stored.contains(name); });
}

Tensor stacked(const WeightSource& stored, const TensorOrigin& origin) {
  if (origin.below.empty()) return stored.tensor(origin.name);
  std::vector<Tensor> tensors;
  for (const std::string& name : stored_names(origin)) tensors.push_back(stored.tensor(name));
  return at::cat(tensors, 0);
}

/// The first tensor's entry with the rows of all; that of a tensor which cannot stand below it if
/// there is one, which load_weights then reports.
TensorEntry stacked_entry(const WeightSource& stored, const TensorOrigin& origin) {
  TensorEntry result = stored.entry(origin.name);
  for (const std::string& name : origin.below) {
    const TensorEntry entry = stored.entry(name);
    const bool fits =
        !entry.shape.empty() && entry.shape.size() == result.shape.size() &&
        std::equal(entry.shape.begin() + 1, entry.shape.end(), result.shape.begin() + 1);
    if (!fits) return entry;
    result.shape[0] += entry.shape[0];
  }
  return result;
}

/// The shape of our tensor; the stored one's if it cannot be translated, which load_weights then
/// reports.
std::vector<int64_t> translated_shape(std::vector<int64_t> shape, const TensorOrigin& origin) {
  if (origin.transposed && shape.size() == 2) std::swap(shape[0], shape[1]);
  if (!shape.empty() && shape[0] % origin.num_parts == 0) shape[0] /= origin.num_parts;
  return shape;
}

}  // namespace

TranslatedWeights::TranslatedWeights(const WeightSource& stored,
                                     std::map<std::string, TensorOrigin> origins)
    : stored_(stored), origins_(std::move(origins)) {
  for (const auto& [name, origin] : origins_) {
    for (const std::string& stored_name : stored_names(origin)) ++uses_[stored_name];
  }
}

std::vector<std::string> TranslatedWeights::names() const {
  std::vector<std::string> result;
  for (const auto& [name, origin] : origins_) {
    if (is_complete(stored_, origin)) result.push_back(name);
  }
  for (std::string& name : stored_.names()) {
    if (!uses_.contains(name)) result.push_back(std::move(name));
  }
  std::sort(result.begin(), result.end());
  return result;
}

bool TranslatedWeights::contains(const std::string& name) const {
  const auto found = origins_.find(name);
  if (found != origins_.end()) return is_complete(stored_, found->second);
  return !uses_.contains(name) && stored_.contains(name);
}

Tensor TranslatedWeights::tensor(const std::string& name) const {
  const auto found = origins_.find(name);
  if (found == origins_.end()) return stored_.tensor(name);
  const TensorOrigin& origin = found->second;
  Tensor tensor = stacked(stored_, origin);
  if (origin.transposed) tensor = tensor.t();
  if (origin.num_parts > 1) tensor = tensor.chunk(origin.num_parts, 0)[origin.part];
  if (origin.interleaved_heads > 0) {
    tensor = tensor.unflatten(0, {origin.interleaved_heads, -1, 2}).transpose(1, 2).flatten(0, 2);
  }
  return tensor;
}

TensorEntry TranslatedWeights::entry(const std::string& name) const {
  const auto found = origins_.find(name);
  if (found == origins_.end()) return stored_.entry(name);
  TensorEntry entry = stacked_entry(stored_, found->second);
  entry.shape = translated_shape(std::move(entry.shape), found->second);
  return entry;
}

void TranslatedWeights::release(const std::string& name, int64_t begin, int64_t end) const {
  const auto found = origins_.find(name);
  if (found == origins_.end()) return stored_.release(name, begin, end);
  const TensorOrigin& origin = found->second;
  if (origin.transposed || origin.interleaved_heads > 0 || !origin.below.empty()) return;
  const int64_t first = entry(name).shape.empty() ? 0 : origin.part * entry(name).shape[0];
  stored_.release(origin.name, first + begin, first + end);
}

std::string TranslatedWeights::stored_name(const std::string& name) const {
  const auto found = origins_.find(name);
  if (found == origins_.end()) return name;
  const bool complete = is_complete(stored_, found->second);
  std::string result;
  for (const std::string& part : stored_names(found->second)) {
    if (!complete && stored_.contains(part)) continue;
    result += (result.empty() ? "" : " + ") + part;
  }
  return result;
}

}  // namespace nvlm
