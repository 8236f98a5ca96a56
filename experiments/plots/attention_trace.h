// One picture, one answer, and what every layer and block attended to while reading it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/tensor.h"
#include "decoder/attention_probe.h"
#include "decoder/tokenizer/tokenizer.h"
#include "experiments/plots/figure.h"
#include "fusion/multimodal_model.h"

namespace nvlm::experiments {

/// What to look at.
struct AttentionPlaces {
  std::vector<int64_t> layers, blocks;  // from 0; empty: all of them
};

struct AttentionTrace {
  std::string model;   // its name in titles: "nvlm-h"
  std::string answer;  // Markdown
  Tensor image;        // uint8 [height, width, 3]
  vision::ImageLayout layout;
  fusion::Prompt prompt;            // with the answer
  decoder::AttentionProbe probe;    // batch 1, float32, on the CPU
  std::map<int64_t, double> gates;  // block -> tanh of its attention gate
};

/// Asks the model of `folder` for the picture's table and reads question and answer once more, in
/// one forward pass (teacher-forced), with a probe.
/// answer  in place of the model's own greedy one
/// throws  as fusion::load_multimodal; std::invalid_argument for a place that the model does not
///         have, a resampler (its tokens stand for no place of the picture), an empty answer, or a
///         prompt that fills the context
AttentionTrace trace_attention(const std::filesystem::path& folder, const Tensor& image,
                               const std::optional<std::string>& answer,
                               const AttentionPlaces& places);

/// Shares of attention of the answer's tokens by kind of key, place by place: bars for each layer's
/// self-attention and each block's cross-attention. "attention-mass-<model>"
Figure attention_mass_figure(const AttentionTrace& trace);

/// Attention of `queries` to each tile token.
struct AttentionHeatMap {
  std::string name;     // of its files: "attention-map-<model>"
  std::string title;    // what looks: "NVLM: tokens of cell 1,0"
  std::string caption;  // what is shown, in sentences
  std::string csv;      // a line for each tile token: tile, role, route, token, pixels, weight
  Tensor picture;       // uint8 [height, width, 3]: the thumbnail's panel above that of the tiles
};

/// queries  rows of the attention matrix (attention_map.h)
/// what     they are: "cell 1,0"
AttentionHeatMap attention_heat_map(const AttentionTrace& trace,
                                    const std::vector<int64_t>& queries, const std::string& what);

/// Writes <name>.png, <name>.csv and <name>.txt, atomically. Makes `folder` if need be.
void write_heat_map(const AttentionHeatMap& map, const std::filesystem::path& folder);

}  // namespace nvlm::experiments
