// Draws weights over a picture so that it stays readable, in colour and in grey.
#pragma once

#include <string>
#include <vector>

#include "common/tensor.h"
#include "experiments/plots/attention_map.h"

namespace nvlm::experiments {

struct HeatCell {
  PixelRectangle place;
  double strength = 0;  // 0 to 1
};

/// The picture under a tint that goes from white (0) to orange (1), while its own contrast goes
/// from faint to full: the stronger, the darker, in grey as well.
/// image  uint8 [height, width, 3]; cells may touch, and cover it or not
Tensor draw_heat(const Tensor& image, const std::vector<HeatCell>& cells);

struct CaptionedPicture {
  std::string caption;  // one line of ASCII, of up to 70 characters
  Tensor picture;       // uint8 [height, width, 3]
};

/// Pictures below each other, each under its caption; all enlarged by one whole factor where they
/// are too narrow for a caption. throws  c10::Error for none
Tensor stack_pictures(const std::vector<CaptionedPicture>& pictures);

}  // namespace nvlm::experiments
