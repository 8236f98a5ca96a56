#include "fusion/gated_cross_attention_stack.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "common/parameter_scope.h"

namespace nvlm::fusion {
namespace {

void check_rising(const std::vector<int64_t>& depths) {
  for (size_t i = 0; i < depths.size(); ++i) {
    const int64_t lowest = i == 0 ? 0 : depths[i - 1] + 1;
    if (depths[i] >= lowest) continue;
    throw std::invalid_argument("fusion.cross_attention: depth " + std::to_string(i) + " is " +
                                std::to_string(depths[i]) + ", expected " + std::to_string(lowest) +
                                " or more (depths must rise)");
  }
}

}  // namespace

std::vector<int64_t> evenly_spaced_depths(int64_t layers, int64_t every) {
  if (every < 1 || every > layers) {
    throw std::invalid_argument("fusion.cross_attention: a block after every " +
                                std::to_string(every) + " layers, expected 1 to " +
                                std::to_string(layers));
  }
  std::vector<int64_t> depths;
  for (int64_t depth = every; depth <= layers; depth += every) depths.push_back(depth);
  return depths;
}

GatedCrossAttentionStackImpl::GatedCrossAttentionStackImpl(const GatedCrossAttentionConfig& config,
                                                           std::vector<int64_t> depths)
    : depths_(std::move(depths)) {
  check_rising(depths_);
  for (size_t i = 0; i < depths_.size(); ++i) {
    const ParameterScope scope(style_at_depth(depths_[i]));
    blocks_.push_back(
        register_module(std::to_string(i), std::make_shared<GatedCrossAttentionImpl>(config)));
  }
}

GatedCrossAttentionStackImpl::GatedCrossAttentionStackImpl(const FlamingoBlockConfig& config,
                                                           std::vector<int64_t> depths)
    : depths_(std::move(depths)) {
  check_rising(depths_);
  for (size_t i = 0; i < depths_.size(); ++i) {
    const ParameterScope scope(style_at_depth(depths_[i]));
    blocks_.push_back(
        register_module(std::to_string(i), std::make_shared<FlamingoBlockImpl>(config)));
  }
}

std::optional<int64_t> GatedCrossAttentionStackImpl::block_at(int64_t depth) const {
  const auto found = std::lower_bound(depths_.begin(), depths_.end(), depth);
  if (found == depths_.end() || *found != depth) return std::nullopt;
  return found - depths_.begin();
}

decoder::MemoryKeysValues GatedCrossAttentionStackImpl::project_memory(int64_t block,
                                                                       const Tensor& memory) {
  return blocks_[static_cast<size_t>(block)]->project_memory(memory);
}

Tensor GatedCrossAttentionStackImpl::update(int64_t block, const Tensor& hidden,
                                            const decoder::MemoryKeysValues& memory,
                                            const Tensor& mask, decoder::AttentionProbe* probe) {
  CrossAttentionBlock& attention = *blocks_[static_cast<size_t>(block)];
  if (probe != nullptr && probe->cross_blocks.count(block) > 0) {
    probe->cross_probabilities[block] = attention.probabilities(hidden, memory, mask, probe->heads);
  }
  return attention.forward(hidden, memory, mask);
}

}  // namespace nvlm::fusion
