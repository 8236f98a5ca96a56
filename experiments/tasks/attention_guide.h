// Shows the decoder where to look: the renderer knows where every character of the answer stands.
//
// chosen: not in the paper. NVLM starts from a 34B language model and a trained encoder and aligns
// them with billions of tokens. An earlier lab study without guidance saw no alignment in its short
// runs; with one attention head in each of two places told where to look, reading begins within
// some thousand tables. No unguided arm of these recipes has been run yet (guidance.weight 0 is
// that arm), so how much the guidance itself contributes is not measured. It serves all variants
// alike: self-attention where a tile is inline, cross-attention where it is memory.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/tensor.h"
#include "decoder/attention_probe.h"
#include "decoder/tokenizer/tokenizer.h"
#include "experiments/data/glyph_labels.h"
#include "fusion/prompt.h"

namespace nvlm {
class ConfigSchema;
}

namespace nvlm::experiments {

/// Which places are guided, and how strongly. At `current` a token of the answer looks where it was
/// itself read from, at `next` where the following token stands.
struct GuidanceConfig {
  double weight = 1.0;  // of the guidance beside the language-model loss; 0 = off
  int64_t heads = 4;    // the first so many heads of each place: one head carries too little
  int64_t current_layer = 1, next_layer = 2;  // decoder layers, for inline tiles
  int64_t current_block = 0, next_block = 1;  // cross-attention blocks, for tiles in the memory
};

/// Registers every field as `guidance.<field>`.
void register_options(ConfigSchema& schema, GuidanceConfig& config);

/// Where one token of the answer is read from.
struct GuideTarget {
  int64_t sample = 0;    // row of the batch
  int64_t position = 0;  // of the answer's token in the decoder's sequence
  fusion::Route route = fusion::Route::kInline;
  int64_t key = 0;  // position in the sequence (inline) or in the memory
};

/// Targets of one sample: the answer's tokens whose first byte begins a character with a glyph.
/// prompt      with its answer
/// answer      the same answer as UTF-8
/// locations   of the answer's code points, as answer_locations() gives them
/// patch_grid  patches per side of a tile; two by two of them make a tile token
std::vector<GuideTarget> guide_targets(const decoder::Tokenizer& tokenizer,
                                       const fusion::Prompt& prompt, std::string_view answer,
                                       const std::vector<AnswerLocation>& locations, int64_t sample,
                                       int64_t patch_grid);

/// A probe for the places that `config` guides.
decoder::AttentionProbe guidance_probe(const GuidanceConfig& config,
                                       const fusion::Routing& routing);

/// Mean negative log-probability that the guided heads give to the right places, averaged over the
/// heads and summed over `current` and `next`.
/// returns  float32 scalar with gradient; undefined if there is no target
Tensor guidance_loss(const GuidanceConfig& config, const decoder::AttentionProbe& probe,
                     const std::vector<GuideTarget>& targets);

}  // namespace nvlm::experiments
