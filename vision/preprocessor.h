// From a picture to the encoder's input, as preprocessor_config.json describes it.
#pragma once

#include <array>

#include "common/json.h"
#include "common/tensor.h"
#include "vision/tiling.h"

namespace nvlm::vision {

struct PreprocessorConfig {
  TilingConfig tiling;
  std::array<double, 3> mean = kImageNetMean;            // of values in 0..1
  std::array<double, 3> deviation = kImageNetDeviation;  // of values in 0..1
};

/// Reads preprocessor_config.json: `size` or `crop_size` (a number, or an object with height and
/// width), `image_mean`, `image_std`. The tiling stands there too if we wrote it, under InternVL's
/// names min_dynamic_patch, max_dynamic_patch and use_thumbnail.
/// throws  std::runtime_error or std::invalid_argument for a missing, mistyped or impossible field,
///         and for a resampling that is not bicubic
PreprocessorConfig preprocessor_config_from_json(const Json& json);

/// The same fields, for preprocessor_config.json.
Json to_json(const PreprocessorConfig& config);

/// Takes over what an InternVL or NVLM-D config.json says about tiling: force_image_size,
/// dynamic_image_size, min_dynamic_patch, max_dynamic_patch, use_thumbnail. Absent fields leave
/// `tiling` as it is.
TilingConfig tiling_from_model_config(const Json& model_config, TilingConfig tiling);

/// A picture, ready for the encoder.
struct PreprocessedImage {
  Tensor pixel_values;  // float32 [tiles, 3, tile_size, tile_size]
  ImageLayout layout;
};

/// Cuts and normalises. image: uint8 [height, width, 3]
PreprocessedImage preprocess(const Tensor& image, const PreprocessorConfig& config);

}  // namespace nvlm::vision
