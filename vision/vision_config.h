// Dimensions of an InternViT-style encoder, as they stand in Hugging Face's config.json.
#pragma once

#include <cstdint>
#include <string>

#include "common/json.h"
#include "common/weight_store.h"

namespace nvlm::vision {

enum class NormKind { kLayerNorm, kRmsNorm };

/// The defaults are those of the lab's own small encoder; InternViT-300M and 6B come from their
/// config.json.
struct VisionConfig {
  int64_t hidden = 256;
  int64_t layers = 6;
  int64_t heads = 4;
  int64_t ffn_hidden = 1024;
  int64_t image_size = 224;  // pixels; positions are stored for this resolution
  int64_t patch_size = 14;   // pixels
  NormKind norm = NormKind::kLayerNorm;
  bool qkv_bias = true;
  bool qk_normalization = false;  // RMS norm over all heads of q together, and of k
  double norm_eps = 1e-6;
  double initializer_factor = 1.0;  // what the layer scales ls1 and ls2 start from
  /// Heads beyond hidden / head_dim that NVLM-D's checkpoints carry (7 in the 72B). They take part
  /// in attention, but not in the statistic of the q and k norm.
  int64_t dummy_heads = 0;
  /// After the first halving of a convolutional stem, which only the lab's own encoders have;
  /// 0 = linear patch embedding.
  int64_t stem_channels = 0;

  int64_t head_dim() const { return hidden / heads; }
  int64_t attention_width() const { return (heads + dummy_heads) * head_dim(); }
  int64_t grid() const { return image_size / patch_size; }  // patches a side
  int64_t patches() const { return grid() * grid(); }
};

/// Throws std::invalid_argument naming the field, its value and what is expected.
void validate(const VisionConfig& config);

/// Reads the fields of InternVisionModel's config.json (or of `vision_config` in a chat model's).
/// throws  std::runtime_error or std::invalid_argument for a missing, mistyped or impossible field,
///         and for an activation or norm that is not implemented
VisionConfig vision_config_from_json(const Json& json);

/// The same fields, for config.json. `num_dummy_heads` is written only where there are some.
Json to_json(const VisionConfig& config);

/// Reads `vision_config` of InternVL's native port in Hugging Face transformers, which has names of
/// its own for the same encoder; absent fields have the port's defaults.
/// throws  as vision_config_from_json, also for what the port can say and this encoder cannot:
/// sizes
///         that are not square, a norm behind the last layer, no positions, and a q/k norm whose
///         epsilon (fixed at 1e-6 there) is not that of the other norms
/// source  transformers, InternVLVisionConfig
VisionConfig vision_config_from_native_json(const Json& json);

/// The inverse.
/// throws  std::invalid_argument for what the port cannot say: dummy heads, a q/k norm whose
/// epsilon
///         is not 1e-6
Json to_native_json(const VisionConfig& config);

/// Sets dummy_heads to what the stored attention weights have: published configurations do not
/// mention them. `prefix`: what stands before "encoder." in the names, such as "vision_model.".
/// throws  std::runtime_error if the stored qkv cannot be split into heads of this configuration
/// source  NVLM-D-72B: 25 + 7 heads; qkv.weight has 3 * 4096 rows for a hidden size of 3200
VisionConfig with_stored_heads(VisionConfig config, const WeightStore& weights,
                               const std::string& prefix = "");

}  // namespace nvlm::vision
