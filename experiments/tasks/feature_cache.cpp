#include "experiments/tasks/feature_cache.h"

#include "common/hash.h"
#include "common/load_weights.h"
#include "common/safetensors.h"

namespace nvlm::experiments {
namespace {

std::string fingerprint(const vision::VisionEncoder& encoder) {
  Sha256 hash;
  for (const auto& [name, weight] : state_dict(*encoder)) {
    const Tensor bytes = weight.detach().cpu().contiguous().view(at::kByte);
    hash.update(name);
    hash.update(
        {static_cast<const char*>(bytes.const_data_ptr()), static_cast<size_t>(bytes.numel())});
  }
  return hash.hex_digest().substr(0, 16);
}

}  // namespace

FeatureCache::FeatureCache(const std::filesystem::path& folder,
                           const vision::VisionEncoder& encoder)
    : folder_(folder / fingerprint(encoder)) {
  std::filesystem::create_directories(folder_);
}

Tensor FeatureCache::get(const std::string& key, const std::function<Tensor()>& compute) const {
  const std::filesystem::path path = folder_ / (sha256(key) + ".safetensors");
  if (std::filesystem::exists(path)) return SafetensorsFile::open(path).tensor("features");
  const Tensor features = compute();
  write_safetensors(path, {{"features", features}}, {{"key", key}});
  return features;
}

}  // namespace nvlm::experiments
