// The cross-attention blocks of a model and the places where they stand between decoder layers.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <memory>
#include <vector>

#include "decoder/cross_attention_stack.h"
#include "fusion/cross_attention_block.h"
#include "fusion/flamingo_block.h"
#include "fusion/gated_cross_attention.h"

namespace nvlm::fusion {

/// Where blocks stand if one follows every `every` decoder layers: every, 2 * every, ...; a depth
/// of d means before decoder layer d, and d = layers after the last one. source  NVLM §4.2.2: one
/// after every 6 of 60 layers, or every 8 of 80
std::vector<int64_t> evenly_spaced_depths(int64_t layers, int64_t every);

/// Blocks of one kind, registered as "0", "1", ...
class GatedCrossAttentionStackImpl : public torch::nn::Module, public decoder::CrossAttentionStack {
 public:
  /// depths  rising, one for each block
  /// throws  std::invalid_argument if they do not rise or one is negative
  GatedCrossAttentionStackImpl(const GatedCrossAttentionConfig& config,
                               std::vector<int64_t> depths);
  GatedCrossAttentionStackImpl(const FlamingoBlockConfig& config, std::vector<int64_t> depths);

  int64_t num_blocks() const override { return static_cast<int64_t>(blocks_.size()); }
  std::optional<int64_t> block_at(int64_t depth) const override;
  decoder::MemoryKeysValues project_memory(int64_t block, const Tensor& memory) override;
  Tensor update(int64_t block, const Tensor& hidden, const decoder::MemoryKeysValues& memory,
                const Tensor& mask, decoder::AttentionProbe* probe) override;

 private:
  std::vector<int64_t> depths_;
  std::vector<std::shared_ptr<CrossAttentionBlock>> blocks_;
};
TORCH_MODULE(GatedCrossAttentionStack);

}  // namespace nvlm::fusion
