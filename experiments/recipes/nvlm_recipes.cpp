#include "experiments/recipes/nvlm_recipes.h"

#include <algorithm>

namespace nvlm::experiments {
namespace {

constexpr int64_t kFewerSamples = 32;  // per step than in the paper
constexpr int64_t kFewerSteps = 20;    // warm-up included
constexpr int64_t kMicroBatch = 4;     // samples that go through the model at once

/// A column of table 10 or 11, in the paper's own numbers.
struct PaperColumn {
  int64_t global_batch, steps, warmup;
  double lr, min_lr, beta2, weight_decay, clip_norm;
  int64_t max_tiles;  // regular ones; more than one come with a thumbnail
};

ExperimentConfig scaled_recipe(fusion::Variant variant, const PaperColumn& column) {
  ExperimentConfig c;
  c.model.variant = variant;
  c.model.tiling.max_tiles = column.max_tiles;
  c.model.gate_init = 0;
  c.guidance.weight = 0;
  c.train.steps = column.steps / kFewerSteps;
  c.train.warmup_steps = column.warmup / kFewerSteps;
  const int64_t batch = column.global_batch / kFewerSamples;
  c.train.batch_size = std::min(batch, kMicroBatch);
  c.train.accumulation = batch / c.train.batch_size;
  c.train.lr = column.lr;
  c.train.min_lr = column.min_lr;
  c.train.beta2 = column.beta2;
  c.train.weight_decay = column.weight_decay;
  c.train.clip_norm = column.clip_norm;
  return c;
}

}  // namespace

ExperimentConfig nvlm_d_pretrain() {
  return scaled_recipe(fusion::Variant::kDecoder,
                       {2048, 20000, 500, 1e-4, 2.5e-5, 0.95, 0.1, 10, /*max_tiles=*/1});
}

ExperimentConfig nvlm_x_pretrain() {
  return scaled_recipe(fusion::Variant::kCrossAttention,
                       {2048, 20000, 1000, 1e-4, 1e-5, 0.95, 0.05, 1, /*max_tiles=*/1});
}

ExperimentConfig nvlm_h_pretrain() {
  return scaled_recipe(fusion::Variant::kHybrid,
                       {2048, 20000, 1000, 1e-4, 1e-5, 0.98, 0.05, 1, /*max_tiles=*/6});
}

ExperimentConfig nvlm_d_sft() {
  return scaled_recipe(fusion::Variant::kDecoder,
                       {128, 40000, 1000, 2e-6, 2.5e-7, 0.98, 0.1, 10, /*max_tiles=*/6});
}

ExperimentConfig nvlm_x_sft() {
  return scaled_recipe(fusion::Variant::kCrossAttention,
                       {256, 20000, 500, 1e-5, 1e-7, 0.98, 0.05, 1, /*max_tiles=*/6});
}

ExperimentConfig nvlm_h_sft() {
  return scaled_recipe(fusion::Variant::kHybrid,
                       {256, 40000, 1000, 1e-5, 1e-7, 0.98, 0.05, 1, /*max_tiles=*/6});
}

}  // namespace nvlm::experiments
