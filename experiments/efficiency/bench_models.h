// Models to measure: checkpoints, or fresh ones of sizes that nobody trained here.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "decoder/tokenizer/tokenizer.h"
#include "fusion/multimodal_model.h"

namespace nvlm::experiments {

struct BenchModel {
  std::string name;
  fusion::MultimodalModel model{nullptr};
  decoder::Tokenizer tokenizer;
};

/// throws  as fusion::load_multimodal
BenchModel load_bench_model(const std::filesystem::path& folder, at::ScalarType dtype);

/// "lab", "0.5b" (InternViT-300M and Qwen2.5-0.5B), "1b" (InternViT-300M and Llama-3.2-1B).
const std::vector<std::string>& bench_sizes();

/// Random weights of a size, with the lab's tokenizer. Variants differ in nothing but the routing,
/// with one cross-attention block for every four to six layers, as in the paper.
/// throws  std::invalid_argument for an unknown size
BenchModel random_bench_model(const std::string& size, fusion::Variant variant,
                              at::ScalarType dtype);

}  // namespace nvlm::experiments
