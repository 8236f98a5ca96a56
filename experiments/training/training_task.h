// What the training engine needs to know about a model and its data; recipes implement it.
#pragma once

#include <torch/nn/module.h>

#include <any>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/tensor.h"
#include "experiments/training/freeze_plan.h"
#include "experiments/training/train_config.h"

namespace nvlm::experiments {

/// Names one batch. Draw every random choice about sample `i` from `seed` and `i` alone, e.g.
/// Random(request.seed, i): then the data do not depend on batch size, accumulation, number of
/// workers or the variant that is being trained.
struct BatchRequest {
  uint64_t seed = 0;
  int64_t step = 0;          // optimiser step, from 0
  int64_t micro = 0;         // 0 .. accumulation - 1
  int64_t first_sample = 0;  // (step * accumulation + micro) * batch_size
  int64_t num_samples = 0;   // batch_size
  int64_t pass_tokens = 0;   // tokens of one forward pass, at most; 0 = as many as there are

  /// "step 13, batch 0 (samples 384..415)"; steps are counted from 1 here, as in metrics.jsonl.
  std::string describe() const;
};

/// Batch number `item` of a run, counted over all steps.
BatchRequest batch_request(const TrainConfig& config, int64_t item);

/// The parts of a batch's loss; 0-dimensional tensors on the model's device.
struct TaskLoss {
  Tensor sum;    // float, summed over supervised tokens, with gradient
  Tensor count;  // int64 or float: supervised tokens, > 0
  Tensor extra;  // optional: a weighted regulariser, the batch's mean per token, with gradient
  std::map<std::string, Tensor> metrics;  // optional: logged as mean over the batches of a line
};

/// What a pass costs, known before it is carried out.
struct PassCost {
  struct SampleSize {
    int64_t tokens = 0;  // positions of the decoder's sequence
    int64_t tiles = 0;
  };
  std::vector<SampleSize> samples;
  double flops = 0;  // of the matrix products, forward and backward
  double bytes = 0;  // most that is held at once beside weights, moments and earlier gradients
};

/// Consecutive samples [first, last) of one pass.
struct SampleRange {
  int64_t first = 0, last = 0;
};

/// Cuts samples, in order, into passes of at most `pass_tokens` tokens. A sample that is longer by
/// itself is a pass alone: nothing is ever cut off.
/// tokens       of each sample
/// pass_tokens  0 = one pass for all
std::vector<SampleRange> passes_within(const std::vector<int64_t>& tokens, int64_t pass_tokens);

/// What a pass adds to the sum that a step minimises, with gradient.
/// count  loss.count as [] float on the model's device
Tensor total_loss(const TaskLoss& loss, const Tensor& count);

/// Throws std::invalid_argument unless sum, count, extra and metrics are single numbers and sum has
/// a gradient.
void check_shapes(const TaskLoss& loss);

/// A model with its data. A step minimises
///   (sum over batches of (loss.sum + loss.extra * loss.count)) / (sum over batches of loss.count),
/// so a step's gradient does not depend on how its samples are cut into batches.
class TrainingTask {
 public:
  virtual ~TrainingTask() = default;

  /// The model, on its device. Parameters outside freeze_plan() get requires_grad = false. Frozen
  /// parameters may be bfloat16 (faster: autocast converts float32 frozen weights at every use).
  virtual torch::nn::Module& model() = 0;

  /// What is trained; default: everything.
  virtual FreezePlan freeze_plan() const { return {}; }

  /// Whether forward passes keep only the inputs of layers (TrainConfig::recompute). Tasks whose
  /// model cannot do so keep everything.
  virtual void recompute_activations(bool /*enabled*/) {}

  /// Makes a batch (rendering, tokenising, tiling) as one or more passes, each a part of its
  /// samples whose forward and backward run alone; see passes_within(). Called by several worker
  /// threads at once, so it must not change the task, and without autograd.
  virtual std::vector<std::any> prepare(const BatchRequest& request) const = 0;

  /// Forward pass on the trainer's thread, under autocast if the run's dtype is bfloat16: compute
  /// the loss itself from float32 logits. `pass` is one of those that prepare() returned.
  virtual TaskLoss loss(const std::any& pass) = 0;

  /// Writes the model's checkpoint into the existing, empty folder `dir`.
  virtual void save(const std::filesystem::path& dir) = 0;

  /// Called once by train(), before the first batch.
  /// samples  that the run has seen already: 0, or more where it is resumed
  virtual void begin(const std::filesystem::path& run_dir, int64_t samples) {}

  /// Which kind of batch `prepare` would make, told without making it: kinds differ in size and
  /// come with different shares. A forecast looks at each.
  virtual int64_t kind(const BatchRequest& request) const { return 0; }

  /// What a pass will cost; nothing where the task cannot tell.
  virtual std::optional<PassCost> cost(const std::any& pass) const { return std::nullopt; }

  /// Totals of the run so far, for every line of metrics.
  virtual std::map<std::string, int64_t> totals() const { return {}; }

  /// A few words on the size of a pass ("16 rows of 801 tokens, 52 tiles"), for errors.
  virtual std::string describe(const std::any& pass) const { return ""; }

  /// Writes a pass that brought a bad loss into files whose names begin with `stem`.
  /// returns  the one to look into first; empty if the task writes nothing
  virtual std::filesystem::path dump(const std::any& pass,
                                     const std::filesystem::path& stem) const {
    return {};
  }

  /// Figures on held-out data, under names of the task's choice. Called without autograd, with the
  /// model in evaluation mode, under the autocast of loss(). Random numbers drawn here from the
  /// tensor library's generator do not change the training.
  virtual std::map<std::string, double> validate() { return {}; }
};

}  // namespace nvlm::experiments
