// The options of one training run, shared by every recipe.
#pragma once

#include <cstdint>
#include <string>

namespace nvlm {
class ConfigSchema;
}

namespace nvlm::experiments {

/// Plain values with defaults. One optimiser step reads `accumulation` batches of `batch_size`
/// samples, so a step sees batch_size * accumulation samples, whatever the number of processes:
/// they share the batches of a step (docs/distributed.md). A batch of more than `pass_tokens`
/// tokens is carried out in several passes; the step's gradient is the same.
struct TrainConfig {
  int64_t steps = 1000;
  int64_t batch_size = 32;
  int64_t accumulation = 1;
  int64_t pass_tokens = 0;  // tokens of one forward pass, at most; 0 = batch_size alone decides

  double lr = 1e-3;
  double min_lr = 1e-4;
  int64_t warmup_steps = 100;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;
  double weight_decay = 0.1;
  double clip_norm = 1.0;  // global norm; 0 = no clipping
  double muon = 0;         // rate of hidden matrices under Muon, in units of lr; 0 = AdamW for all
  bool shard_optimizer = false;  // each process keeps the optimiser's state of its share (ZeRO-1)

  int64_t seed = 1;                // of the data, of dropout; 0 or more
  int64_t log_every = 10;          // steps between two lines of metrics.jsonl
  int64_t validate_every = 0;      // steps; 0 = only after the last step
  int64_t checkpoint_every = 500;  // steps; 0 = only after the last step
  int64_t keep_last = 2;           // checkpoints kept; 0 = all
  std::string keep_best;  // validation figure of which the lowest is kept, too; empty: none

  bool recompute = false;  // decoder layers again in the backward pass, instead of kept activations

  std::string dtype = "auto";  // of the forward pass: auto, float32, bfloat16
  std::string device = "cpu";
  int64_t threads = 0;   // of tensor operations; 0 = as the process has them
  int64_t workers = 1;   // threads that prepare batches; 0 = the trainer's own thread
  int64_t prefetch = 4;  // batches prepared ahead

  /// Throws UsageError "train.<field> is ..., expected ..." on the first value out of range.
  void validate() const;
};

/// Registers every field as `train.<field>`.
void register_options(ConfigSchema& schema, TrainConfig& config);

}  // namespace nvlm::experiments
