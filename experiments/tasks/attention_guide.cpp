#include "experiments/tasks/attention_guide.h"

#include <map>
#include <stdexcept>

#include "common/config_schema.h"

namespace nvlm::experiments {
namespace {

/// Byte offset -> index of the code point that begins there.
std::map<size_t, int64_t> code_point_starts(std::string_view text) {
  std::map<size_t, int64_t> starts;
  int64_t index = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool continues = (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80;
    if (!continues) starts[i] = index++;
  }
  return starts;
}

/// Mean of -log p[sample, head, position + shift, key] over the targets of one route and all heads.
Tensor route_loss(const Tensor& probabilities, const std::vector<GuideTarget>& targets,
                  fusion::Route route, int64_t shift) {
  std::vector<int64_t> samples, rows, keys;
  for (const GuideTarget& target : targets) {
    if (target.route != route) continue;
    samples.push_back(target.sample);
    rows.push_back(target.position + shift);
    keys.push_back(target.key);
  }
  if (samples.empty()) return {};
  const auto index = [&](const std::vector<int64_t>& values) {
    return at::tensor(values, at::kLong).to(probabilities.device());
  };
  const Tensor picked =
      probabilities.transpose(1, 3).index({index(samples), index(keys), index(rows)});
  const auto count = static_cast<double>(targets.size() * static_cast<size_t>(picked.size(1)));
  return -picked.to(at::kFloat).clamp_min(1e-8).log().sum() / count;
}

void add(Tensor& total, const Tensor& term) {
  if (term.defined()) total = total.defined() ? total + term : term;
}

}  // namespace

void register_options(ConfigSchema& schema, GuidanceConfig& config) {
  const auto index = whole_number_from(0, 1000);
  schema.add("guidance.weight", &config.weight,
             "of the attention guidance beside the language-model loss; 0 = off",
             number_from(0, 1e6));
  schema.add("guidance.heads", &config.heads, "guided heads of each place, the first ones",
             whole_number_from(1, 1000));
  schema.add("guidance.current_layer", &config.current_layer,
             "decoder layer whose first heads look where a token was read from", index);
  schema.add("guidance.next_layer", &config.next_layer,
             "decoder layer whose first heads look where the next token stands", index);
  schema.add("guidance.current_block", &config.current_block,
             "the same for a cross-attention block", index);
  schema.add("guidance.next_block", &config.next_block, "the same for a cross-attention block",
             index);
}

std::vector<GuideTarget> guide_targets(const decoder::Tokenizer& tokenizer,
                                       const fusion::Prompt& prompt, std::string_view answer,
                                       const std::vector<AnswerLocation>& locations, int64_t sample,
                                       int64_t patch_grid) {
  std::map<int64_t, const AnswerLocation*> by_offset;
  for (const AnswerLocation& location : locations) by_offset[location.answer_offset] = &location;
  const std::map<size_t, int64_t> starts = code_point_starts(answer);

  std::vector<GuideTarget> targets;
  size_t byte = 0;
  for (int64_t position = prompt.answer_begin; position < prompt.size() && byte < answer.size();
       ++position) {
    const std::string bytes = tokenizer.token_bytes(prompt.ids[static_cast<size_t>(position)]);
    const auto start = starts.find(byte);
    byte += bytes.size();
    if (start == starts.end()) continue;
    const auto found = by_offset.find(start->second);
    if (found == by_offset.end()) continue;
    const AnswerLocation& location = *found->second;
    const fusion::TilePlacement& tile = prompt.tiles.at(static_cast<size_t>(location.tile));
    const int64_t token = (location.patch_row / 2) * (patch_grid / 2) + location.patch_column / 2;
    targets.push_back({sample, position, tile.route, tile.begin + token});
  }
  return targets;
}

decoder::AttentionProbe guidance_probe(const GuidanceConfig& config,
                                       const fusion::Routing& routing) {
  decoder::AttentionProbe probe;
  probe.heads = config.heads;
  if (config.weight <= 0) return probe;
  if (routing.uses_memory()) probe.cross_blocks = {config.current_block, config.next_block};
  if (routing.thumbnail == fusion::Route::kInline || routing.regular == fusion::Route::kInline) {
    probe.self_layers = {config.current_layer, config.next_layer};
  }
  return probe;
}

Tensor guidance_loss(const GuidanceConfig& config, const decoder::AttentionProbe& probe,
                     const std::vector<GuideTarget>& targets) {
  Tensor total;
  // The row of a token is where its successor is predicted: `next` looks from one row before.
  for (const auto& [layer, block, shift] :
       {std::tuple{config.current_layer, config.current_block, int64_t{0}},
        std::tuple{config.next_layer, config.next_block, int64_t{-1}}}) {
    const auto self = probe.self_probabilities.find(layer);
    if (self != probe.self_probabilities.end()) {
      add(total, route_loss(self->second, targets, fusion::Route::kInline, shift));
    }
    const auto cross = probe.cross_probabilities.find(block);
    if (cross != probe.cross_probabilities.end()) {
      add(total, route_loss(cross->second, targets, fusion::Route::kMemory, shift));
    }
  }
  return total;
}

}  // namespace nvlm::experiments
