// Published vision encoders by name, at their real sizes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vision/vision_config.h"

namespace nvlm::vision {

/// "internvit-300m" and "internvit-6b".
std::vector<std::string> preset_names();

/// What the config.json of InternViT-300M-448px or InternViT-6B-448px-V1-5 says (the V2.5 of both
/// have the same shapes); nothing for an unknown name.
std::optional<VisionConfig> preset(std::string_view name);

}  // namespace nvlm::vision
