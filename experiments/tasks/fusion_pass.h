// What one forward pass of a fusion run is made of.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "common/tensor.h"
#include "experiments/tasks/attention_guide.h"
#include "experiments/tasks/bad_sample_ledger.h"
#include "fusion/prompt.h"

namespace nvlm::experiments {

/// One sample, before it is known which pass it belongs to.
struct FusionSample {
  std::string name;
  fusion::Prompt prompt;
  std::vector<Tensor> tiles, coded;  // by picture; one of both at most
  std::vector<GuideTarget> targets;  // of sample 0
};

struct FusionPass {
  std::string key;  // names the pictures for the feature cache
  Tensor tiles;     // uint8 [tiles, size, size, 3]; undefined without pictures or with coded ones
  Tensor coded;     // float32 [tiles, tile_tokens, 4 * vision_hidden] in place of them
  fusion::PromptBatch prompts;
  std::vector<GuideTarget> targets;
  std::vector<std::string> names;    // of the samples
  std::vector<BadSampleRecord> bad;  // what the batch's samples were taken in place of
  int64_t drawn = 0;                 // samples of the run, this batch included
};

/// Takes the samples' prompts. `key`, `bad` and `drawn` are left to the caller.
FusionPass collate_pass(std::span<FusionSample> samples);

/// Its size in words: "16 rows of 320 tokens, 57 tiles".
std::string describe(const FusionPass& pass);

/// Writes all of it: stem.safetensors and stem.json, which names the samples and their tiles.
/// returns  the latter
std::filesystem::path dump(const FusionPass& pass, const std::filesystem::path& stem);

}  // namespace nvlm::experiments
