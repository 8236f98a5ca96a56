#include "experiments/efficiency/structure_cost.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "eval/readers/table_constraint.h"
#include "experiments/efficiency/timing.h"

namespace nvlm::experiments {
namespace {

constexpr int64_t kSteps = 96;
constexpr int kTurns = 7;

using StructureClock = std::chrono::steady_clock;

double seconds_between(StructureClock::time_point from, StructureClock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

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

  decoder::GenerationConfig generation;
  generation.max_new_tokens = kSteps;
  std::vector<double> steps, constraints;
  for (int turn = 0; turn <= kTurns; ++turn) {
    eval::TableConstraint constraint(vocabulary, prompts.size(), kSteps);
    const decoder::LogitsHook mask = constraint.hook();
    double in_constraint = 0;
    StructureClock::time_point first_token;
    int64_t step = 0;
    model->generate(
        prompts, features, generation,
        [&](int64_t sample, int64_t token) {
          const auto start = StructureClock::now();
          constraint.push(sample, token);
          in_constraint += seconds_between(start, StructureClock::now());
        },
        [&](int64_t at, const std::vector<int64_t>& samples, Tensor& logits) {
          const auto start = StructureClock::now();
          mask(at, samples, logits);
          const auto end = StructureClock::now();
          if (step++ == 0) {  // what came before is the prompt's pass
            first_token = end;
            in_constraint = 0;
          } else {
            in_constraint += seconds_between(start, end);
          }
        });
    if (turn == 0) continue;  // the warm-up
    const auto count = static_cast<double>(kSteps - 1);
    steps.push_back(seconds_between(first_token, StructureClock::now()) / count);
    constraints.push_back(in_constraint / count);
  }
  std::sort(steps.begin(), steps.end());
  std::sort(constraints.begin(), constraints.end());
  return {median(steps), median(constraints)};
}

}  // namespace nvlm::experiments
