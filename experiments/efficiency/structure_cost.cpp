#include "experiments/efficiency/structure_cost.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <vector>

#include "eval/readers/table_constraint.h"
#include "experiments/efficiency/timing.h"

namespace nvlm::experiments {
namespace {

constexpr int64_t kSteps = 96;
constexpr int kTurns = 7;

}  // namespace

StructureCost measure_structure_cost(fusion::MultimodalModel& model,
                                     const decoder::Tokenizer& tokenizer,
                                     const fusion::PromptBatch& prompts) {
  const c10::InferenceMode inference;
  const Tensor weight = model->language_model->model->embed_tokens->weight;
  const int64_t size = model->config().vision.image_size;
  const std::vector<vision::TileRef> tiles = prompts.tile_refs();
  const vision::TileFeatures features{
      model->encode_tiles(
          at::randn({static_cast<int64_t>(tiles.size()), 3, size, size}, weight.options())),
      tiles};
  eval::TableVocabulary vocabulary(tokenizer, /*stop_tokens=*/{});  // answers never end

  const auto seconds = [&](bool rectangular, int64_t steps) {
    decoder::GenerationConfig generation;
    generation.max_new_tokens = steps;
    return time_repeats(weight.device(), 1,
                        [&] {
                          eval::TableConstraint constraint(vocabulary, prompts.size(), kSteps);
                          model->generate(
                              prompts, features, generation,
                              [&](int64_t sample, int64_t token) {
                                if (rectangular) constraint.push(sample, token);
                              },
                              rectangular ? constraint.hook() : decoder::LogitsHook{});
                        })
        .front();
  };
  std::vector<double> free, rectangular;
  for (int turn = 0; turn < kTurns; ++turn) {
    for (const bool constrained : {false, true}) {
      const double steps = seconds(constrained, kSteps) - seconds(constrained, 1);
      (constrained ? rectangular : free).push_back(steps / static_cast<double>(kSteps - 1));
    }
  }
  std::sort(free.begin(), free.end());
  std::sort(rectangular.begin(), rectangular.end());
  return {median(free), median(rectangular)};
}

}  // namespace nvlm::experiments
