#include "experiments/training/train_config.h"

#include <limits>

#include "common/config_schema.h"
#include "common/error.h"
#include "common/json.h"

namespace nvlm::experiments {
namespace {

template <class T>
void require_train_option(bool holds, const char* field, const T& value, const char* expected) {
  if (holds) return;
  throw UsageError(std::string("train.") + field + " is " + Json(value).dump() + ", expected " +
                   expected);
}

constexpr int64_t kMany = std::numeric_limits<int64_t>::max();
constexpr int64_t kMostThreads = 4096;

}  // namespace

void TrainConfig::validate() const {
  const auto at_least = [](int64_t value, int64_t low, const char* field, const char* expected) {
    require_train_option(value >= low, field, value, expected);
  };
  at_least(steps, 1, "steps", "1 or more");
  at_least(batch_size, 1, "batch_size", "1 or more");
  at_least(accumulation, 1, "accumulation", "1 or more");
  at_least(pass_tokens, 0, "pass_tokens", "a number of tokens, or 0 for no bound");
  require_train_option(steps <= kMany / batch_size / accumulation, "steps", steps,
                       "steps * batch_size * accumulation to fit 63 bits");
  // Comparisons are written so that NaN fails them.
  require_train_option(lr > 0 && lr <= 1e3, "lr", lr, "above 0, at most 1000");
  require_train_option(min_lr >= 0 && min_lr <= lr, "min_lr", min_lr, "from 0 to train.lr");
  require_train_option(warmup_steps >= 0 && warmup_steps <= steps, "warmup_steps", warmup_steps,
                       "from 0 to train.steps");
  require_train_option(beta1 >= 0 && beta1 < 1, "beta1", beta1, "from 0 to below 1");
  require_train_option(beta2 >= 0 && beta2 < 1, "beta2", beta2, "from 0 to below 1");
  require_train_option(eps > 0 && eps <= 1, "eps", eps, "above 0, at most 1");
  require_train_option(weight_decay >= 0 && weight_decay <= 1e3, "weight_decay", weight_decay,
                       "from 0 to 1000");
  require_train_option(clip_norm >= 0 && clip_norm <= 1e30, "clip_norm", clip_norm,
                       "a norm, or 0 for none");
  require_train_option(muon >= 0 && muon <= 1e3, "muon", muon, "from 0 to 1000");
  at_least(seed, 0, "seed", "0 or more");
  at_least(log_every, 1, "log_every", "1 or more");
  at_least(validate_every, 0, "validate_every", "a number of steps, or 0 for the end only");
  at_least(checkpoint_every, 0, "checkpoint_every", "a number of steps, or 0 for the end only");
  at_least(keep_last, 0, "keep_last", "a number of checkpoints, or 0 for all");
  require_train_option(dtype == "auto" || dtype == "float32" || dtype == "bfloat16", "dtype", dtype,
                       "auto, float32 or bfloat16");
  require_train_option(threads >= 0 && threads <= kMostThreads, "threads", threads, "0 to 4096");
  require_train_option(workers >= 0 && workers <= kMostThreads, "workers", workers, "0 to 4096");
  at_least(prefetch, 1, "prefetch", "1 or more");
}

void register_options(ConfigSchema& schema, TrainConfig& config) {
  const auto from = [](int64_t low) { return whole_number_from(low, kMany); };
  schema.add("train.steps", &config.steps, "optimiser steps", from(1));
  schema.add("train.batch_size", &config.batch_size, "samples of one forward pass", from(1));
  schema.add("train.accumulation", &config.accumulation,
             "batches of one step, dealt out to the processes", from(1));
  schema.add("train.pass_tokens", &config.pass_tokens,
             "tokens of one forward pass, at most: larger batches take several; 0 = no bound",
             from(0));
  schema.add("train.lr", &config.lr, "largest learning rate", number_from(0, 1e3));
  schema.add("train.min_lr", &config.min_lr, "learning rate at the end", number_from(0, 1e3));
  schema.add("train.warmup_steps", &config.warmup_steps, "steps of linear warm-up", from(0));
  schema.add("train.beta1", &config.beta1, "AdamW: decay of the mean", number_from(0, 1));
  schema.add("train.beta2", &config.beta2, "AdamW: decay of the mean square", number_from(0, 1));
  schema.add("train.eps", &config.eps, "AdamW: added to the root", number_from(0, 1));
  schema.add("train.weight_decay", &config.weight_decay, "AdamW: decay of matrices",
             number_from(0, 1e3));
  schema.add("train.clip_norm", &config.clip_norm, "bound on the gradient's norm, 0 = none",
             number_from(0, 1e30));
  schema.add("train.muon", &config.muon,
             "rate of hidden matrices under Muon, in units of the rate; 0 = AdamW for all",
             number_from(0, 1e3));
  schema.add("train.shard_optimizer", &config.shard_optimizer,
             "each process keeps the optimiser's state of a share of the parameters (ZeRO-1)");
  schema.add("train.seed", &config.seed, "seed of the data and of dropout", from(0));
  schema.add("train.log_every", &config.log_every, "steps between two lines of metrics", from(1));
  schema.add("train.validate_every", &config.validate_every,
             "steps between two validations, 0 = after the last step only", from(0));
  schema.add("train.checkpoint_every", &config.checkpoint_every,
             "steps between two checkpoints, 0 = after the last step only", from(0));
  schema.add("train.keep_last", &config.keep_last, "checkpoints kept, 0 = all", from(0));
  schema.add(
      "train.keep_best", &config.keep_best,
      "figure of the validation: the checkpoint where it is lowest is kept as checkpoints/best");
  schema.add("train.recompute", &config.recompute,
             "run each decoder layer again in the backward pass instead of keeping what is inside");
  schema.add("train.dtype", &config.dtype, "of the forward pass",
             one_of({"auto", "float32", "bfloat16"}));
  schema.add("train.device", &config.device, "cpu, cuda or cuda:N");
  schema.add("train.threads", &config.threads, "threads of tensor operations, 0 = leave as it is",
             whole_number_from(0, kMostThreads));
  schema.add("train.workers", &config.workers, "threads that prepare batches, 0 = none",
             whole_number_from(0, kMostThreads));
  schema.add("train.prefetch", &config.prefetch, "batches prepared ahead", from(1));
}

}  // namespace nvlm::experiments
