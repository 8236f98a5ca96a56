#include "common/translated_weights.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace nvlm {
namespace {

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
  for (const auto& [name, origin] : origins_) ++uses_[origin.name];
}

std::vector<std::string> TranslatedWeights::names() const {
  std::vector<std::string> result;
  for (const auto& [name, origin] : origins_) {
    if (stored_.contains(origin.name)) result.push_back(name);
  }
  for (std::string& name : stored_.names()) {
    if (!uses_.contains(name)) result.push_back(std::move(name));
  }
  std::sort(result.begin(), result.end());
  return result;
}

bool TranslatedWeights::contains(const std::string& name) const {
  const auto found = origins_.find(name);
  if (found != origins_.end()) return stored_.contains(found->second.name);
  return !uses_.contains(name) && stored_.contains(name);
}

Tensor TranslatedWeights::tensor(const std::string& name) const {
  const auto found = origins_.find(name);
  if (found == origins_.end()) return stored_.tensor(name);
  const TensorOrigin& origin = found->second;
  Tensor tensor = stored_.tensor(origin.name);
  if (origin.transposed) tensor = tensor.t();
  if (origin.num_parts > 1) tensor = tensor.chunk(origin.num_parts, 0)[origin.part];
  if (origin.interleaved_heads > 0) {
    tensor = tensor.unflatten(0, {origin.interleaved_heads, -1, 2}).transpose(1, 2).flatten(0, 2);
  }
  return tensor;
}

TensorEntry TranslatedWeights::entry(const std::string& name) const {
  TensorEntry entry = stored_.entry(stored_name(name));
  const auto found = origins_.find(name);
  if (found != origins_.end()) entry.shape = translated_shape(entry.shape, found->second);
  return entry;
}

std::string TranslatedWeights::stored_name(const std::string& name) const {
  const auto found = origins_.find(name);
  return found == origins_.end() ? name : found->second.name;
}

}  // namespace nvlm
