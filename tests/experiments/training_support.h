// A model and data small enough to train in milliseconds, with switches for every kind of trouble.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/json.h"
#include "common/load_weights.h"
#include "common/random.h"
#include "common/safetensors.h"
#include "experiments/training/trainer.h"
#include "tests/support/json_lines.h"

namespace nvlm::experiments {

/// A folder under the system's temporary folder that goes with the object.
class ScratchDir {
 public:
  ScratchDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "nvlm_train_XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~ScratchDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchDir(const ScratchDir&) = delete;
  ScratchDir& operator=(const ScratchDir&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// 8 numbers per token -> logits of 4 classes.
struct TinyModel : torch::nn::Module {
  explicit TinyModel(uint64_t seed) {
    encoder = register_module("encoder", torch::nn::Linear(8, 16));
    hidden = register_module("hidden", torch::nn::Linear(16, 16));
    head = register_module("head", torch::nn::Linear(16, 4));
    gate = register_parameter("gate", at::empty({1}));
    calls = register_buffer("calls", at::zeros({}, at::kLong));
    Random random(seed);
    for (Tensor& parameter : parameters()) {
      Tensor values = at::empty(parameter.sizes());
      for (int64_t i = 0; i < values.numel(); ++i) {
        values.data_ptr<float>()[i] = static_cast<float>(0.3 * random.normal());
      }
      parameter.data().copy_(values);  // all of them: the layers drew from the global generator
    }
  }
  torch::nn::Linear encoder{nullptr}, hidden{nullptr}, head{nullptr};
  Tensor gate, calls;
};

struct TinyBatch {
  Tensor inputs;  // [tokens, 8]
  Tensor labels;  // [tokens], int64
  BatchRequest request;
};

class TinyTask : public TrainingTask {
 public:
  double dropout = 0.1;
  double extra_weight = 0;
  FreezePlan plan;
  std::function<void(const BatchRequest&)> on_prepare;
  std::function<void(const BatchRequest&, TaskLoss&)> on_loss;
  std::function<void()> on_save;
  std::function<std::map<std::string, double>()> on_validate;
  mutable std::atomic<int64_t> prepared{0};

  TinyModel model_{7};

  torch::nn::Module& model() override { return model_; }
  FreezePlan freeze_plan() const override { return plan; }

  std::vector<std::any> prepare(const BatchRequest& request) const override {
    prepared += 1;
    if (on_prepare) on_prepare(request);
    std::vector<float> inputs;
    std::vector<int64_t> labels;
    for (int64_t i = 0; i < request.num_samples; ++i) {
      Random random(request.seed, static_cast<uint64_t>(request.first_sample + i));
      const int64_t tokens = random.integer(1, 6);
      for (int64_t t = 0; t < tokens; ++t) {
        std::vector<float> token;
        for (int k = 0; k < 8; ++k) token.push_back(static_cast<float>(random.normal()));
        inputs.insert(inputs.end(), token.begin(), token.end());
        const auto best = std::max_element(token.begin(), token.begin() + 4) - token.begin();
        labels.push_back(best);  // the largest of the first four inputs
      }
    }
    const auto tokens = static_cast<int64_t>(labels.size());
    return {TinyBatch{at::tensor(inputs).view({tokens, 8}), at::tensor(labels), request}};
  }

  TaskLoss loss(const std::any& handle) override {
    const auto& batch = std::any_cast<const TinyBatch&>(handle);
    model_.calls.add_(1);
    Tensor x = at::tanh(model_.encoder(batch.inputs));
    x = at::dropout(x, dropout, model_.is_training());
    x = at::tanh(model_.hidden(x)) * model_.gate;
    const Tensor logits = model_.head(x).to(at::kFloat);  // [tokens, 4]
    TaskLoss loss;
    loss.sum = at::cross_entropy_loss(logits, batch.labels, {}, at::Reduction::Sum);
    loss.count = at::scalar_tensor(batch.labels.numel(), at::kLong);
    if (extra_weight > 0) loss.extra = extra_weight * logits.square().sum(-1).mean();
    loss.metrics["accuracy"] = logits.argmax(-1).eq(batch.labels).to(at::kFloat).mean();
    if (on_loss) on_loss(batch.request, loss);
    return loss;
  }

  void save(const std::filesystem::path& dir) override {
    if (on_save) on_save();
    write_safetensors(dir / "model.safetensors", state_dict(model_));
  }

  std::map<std::string, double> validate() override {
    at::rand({3});  // must not disturb the training
    if (on_validate) return on_validate();
    return {{"in_training_mode", model_.is_training() ? 1.0 : 0.0}};
  }
};

inline TrainConfig tiny_config() {
  TrainConfig config;
  config.steps = 20;
  config.batch_size = 4;
  config.lr = 1e-2;
  config.min_lr = 1e-3;
  config.warmup_steps = 3;
  config.log_every = 4;
  config.checkpoint_every = 5;
  config.keep_last = 2;
  config.dtype = "float32";
  config.threads = 1;
  config.prefetch = 3;
  return config;
}

/// A copy of all weights and buffers.
inline std::map<std::string, Tensor> weights_of(const TinyTask& task) {
  std::map<std::string, Tensor> weights;
  for (const auto& [name, tensor] : state_dict(task.model_)) weights[name] = tensor.clone();
  return weights;
}

/// "" if all entries are equal bit for bit, else the first that is not.
inline std::string first_difference(const std::map<std::string, Tensor>& a,
                                    const std::map<std::string, Tensor>& b) {
  if (a.size() != b.size()) return "number of tensors";
  for (const auto& [name, tensor] : a) {
    if (b.count(name) == 0 || !at::equal(tensor, b.at(name))) return name;
  }
  return "";
}

/// The message of what `work` throws, "" if nothing.
inline std::string thrown_by(const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

inline std::vector<Json> metrics_lines(const std::filesystem::path& run_dir) {
  return test::json_lines(run_dir / "metrics.jsonl");
}

}  // namespace nvlm::experiments
