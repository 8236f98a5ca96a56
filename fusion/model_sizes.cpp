#include "fusion/model_sizes.h"

#include <c10/util/Exception.h>

namespace nvlm::fusion {

decoder::PartSizes model_sizes(const torch::nn::Module& model,
                               const decoder::LlamaForCausalLMImpl& language,
                               const std::vector<int64_t>& depths) {
  decoder::PartSizes sizes = decoder::part_sizes(language);
  const decoder::LlamaConfig& config = language.config();
  const int64_t memory = 2 * decoder::planned_context(config) * config.kv_heads * config.head_dim;
  int64_t elsewhere = decoder::num_elements(language);
  const auto children = model.named_children();
  if (const auto* stack = children.find("cross_attention")) {
    const auto blocks = (*stack)->children();
    TORCH_CHECK(blocks.size() == depths.size(), "fusion.model_sizes: ", blocks.size(),
                " cross-attention blocks, expected ", depths.size());
    for (size_t i = 0; i < blocks.size(); ++i) {
      const int64_t elements = decoder::num_elements(*blocks[i]);
      const auto depth = static_cast<size_t>(depths[i]);
      int64_t& part = depth < sizes.layers.size() ? sizes.layers[depth] : sizes.tail;
      part += elements + memory;
      elsewhere += elements;
    }
  }
  sizes.front += decoder::num_elements(model) - elsewhere;
  return sizes;
}

}  // namespace nvlm::fusion
