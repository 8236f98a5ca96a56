// Tile features of a frozen encoder, kept on disk: the variants see the same pictures in the same
// order, so the encoder has to look at each of them once and not once per variant.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "common/tensor.h"
#include "vision/vision_encoder.h"

namespace nvlm::experiments {

/// One file per batch. Several runs may share a folder at the same time: each file appears complete
/// or not at all, and who comes second reads it. The folder's name holds a hash of the encoder's
/// weights, so another encoder never meets these files.
class FeatureCache {
 public:
  /// folder   made if need be
  /// encoder  what computes the features; its weights must not change afterwards
  FeatureCache(const std::filesystem::path& folder, const vision::VisionEncoder& encoder);

  /// The features stored under `key`, or what `compute` returns, which is then stored.
  /// key  names the data completely: seed, samples, mixture, tiling
  Tensor get(const std::string& key, const std::function<Tensor()>& compute) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace nvlm::experiments
