#include "vision/presets.h"

namespace nvlm::vision {
namespace {

VisionConfig internvit_300m() {
  VisionConfig config;
  config.hidden = 1024;
  config.layers = 24;
  config.heads = 16;
  config.ffn_hidden = 4096;
  config.image_size = 448;
  return config;
}

VisionConfig internvit_6b() {
  VisionConfig config;
  config.hidden = 3200;
  config.layers = 45;
  config.heads = 25;
  config.ffn_hidden = 12800;
  config.image_size = 448;
  config.norm = NormKind::kRmsNorm;
  config.qkv_bias = false;
  config.qk_normalization = true;
  config.initializer_factor = 0.1;
  return config;
}

}  // namespace

std::vector<std::string> preset_names() { return {"internvit-300m", "internvit-6b"}; }

std::optional<VisionConfig> preset(std::string_view name) {
  if (name == "internvit-300m") return internvit_300m();
  if (name == "internvit-6b") return internvit_6b();
  return std::nullopt;
}

}  // namespace nvlm::vision
