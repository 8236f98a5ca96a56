// Times training steps of a multimodal checkpoint on request, so that another program can take
// turns with it (tests/interop/train_step.py):
//   train_step DIR [float32|bfloat16] [threads] [samples]
// prints what a step is, {"batch", "positions", "tokens", "flops", "optimiser", ...}, and then
// answers each line of stdin:
//   export FILE  writes the batch as safetensors                      -> {"file"}
//   step         forward, backward, clipping and AdamW, over and over the same batch
//                                                  -> {"seconds", "loss", "gradient_norm"}
//   peak         multiplies square matrices of the step's dtype       -> {"flops_per_second"}: now
//   profile N    N steps                           -> {"operators": [[name, seconds, calls], ...]}
#include <c10/core/GradMode.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>

#include "bench/op_times.h"
#include "common/autocast.h"
#include "common/device.h"
#include "common/error.h"
#include "common/json.h"
#include "common/kernel_cache.h"
#include "common/safetensors.h"
#include "decoder/language_model_loss.h"
#include "eval/readers/model_reader.h"
#include "experiments/data/label_noise.h"
#include "experiments/efficiency/floors.h"
#include "experiments/efficiency/ledger.h"
#include "experiments/tasks/mixture.h"
#include "experiments/training/optimizer.h"
#include "fusion/multimodal_checkpoint.h"
#include "vision/preprocessor.h"

namespace nvlm::bench {
namespace {

constexpr uint64_t kDataSeed = 1;
constexpr double kRate = 1e-5, kClipNorm = 1;  // small: trained weights stay trained
constexpr experiments::AdamWConfig kAdamW{
    .beta1 = 0.9, .beta2 = 0.98, .eps = 1e-8, .weight_decay = 0.05};

/// Easy tables with their answers, half of the cells wrong so that even a trained model has a loss
/// that can be compared, and what the frozen encoder says of them.
struct TrainBatch {
  fusion::PromptBatch prompts;
  vision::TileFeatures features;
};

TrainBatch train_batch(fusion::MultimodalModel& model, const std::string& folder, int64_t samples) {
  const c10::NoGradGuard no_grad;
  const auto tokenizer = decoder::Tokenizer::from_file(folder + "/tokenizer.json");
  const fusion::PromptBuilder builder(tokenizer, model->config().prompt());
  std::vector<fusion::Prompt> prompts;
  std::vector<Tensor> tokens;
  for (int64_t i = 0; i < samples; ++i) {
    Random random = experiments::training_random(kDataSeed, i);
    auto table = experiments::render_training_table({}, random);
    experiments::corrupt_cells(table.answer, table.glyphs, /*share=*/0.5, random);
    const auto picture = vision::preprocess(table.image, model->config().preprocessor);
    prompts.push_back(builder.build(eval::kTableQuestion, {picture.layout}, table.answer));
    tokens.push_back(model->encode_tiles(picture.pixel_values));
  }
  TrainBatch batch{fusion::collate(std::move(prompts), /*pad_id=*/0), {}};
  batch.features = {at::cat(tokens), batch.prompts.tile_refs()};
  return batch;
}

/// A model in training with its optimiser: what NVLM's second stage trains, without the guidance.
class Training {
 public:
  Training(const std::string& folder, at::ScalarType dtype, int64_t samples)
      : model_(fusion::load_multimodal(folder)),
        dtype_(dtype),
        batch_(train_batch(model_, folder, samples)),
        optimizer_(experiments::apply_freeze_plan(*model_, trained_parts(*model_)), {kAdamW}) {
    model_->train();
  }

  Json description() const {
    const experiments::BatchShape shape = step_shape();
    int64_t trained = 0;
    for (const auto& group : optimizer_.groups()) {
      for (const Tensor& parameter : group.parameters) trained += parameter.numel();
    }
    return {{"batch", shape.batch},
            {"sequence", shape.sequence},
            {"positions", batch_.prompts.attention_mask.sum().item<int64_t>()},
            {"tokens", shape.logits},
            {"tiles", shape.projected},
            {"trained_parameters", trained},
            {"flops", experiments::model_flops(model_->config(), shape,
                                               {.trained = experiments::kFinetunedParts})
                          .all()
                          .total()},
            {"threads", at::get_num_threads()},
            {"optimiser",
             {{"rate", kRate},
              {"beta1", kAdamW.beta1},
              {"beta2", kAdamW.beta2},
              {"eps", kAdamW.eps},
              {"weight_decay", kAdamW.weight_decay},
              {"clip_norm", kClipNorm}}}};
  }

  void export_batch(const std::string& file) const {
    write_safetensors(file, {{"ids", batch_.prompts.ids},
                             {"attention_mask", batch_.prompts.attention_mask.to(at::kLong)},
                             {"labels", batch_.prompts.labels},
                             {"is_slot", batch_.prompts.is_slot.to(at::kLong)},
                             {"features", batch_.features.tokens}});
  }

  /// As the trainer takes it, over packed rows.
  Json step() {
    const auto start = std::chrono::steady_clock::now();
    decoder::LossSum loss;
    {
      const AutocastScope autocast(at::kCPU, dtype_);
      const decoder::DecoderInputs inputs =
          decoder::packed(model_->fuse(batch_.prompts, batch_.features));
      const Tensor hidden = model_->language_model->hidden_states(inputs);
      loss = decoder::language_model_loss(model_->language_model, hidden,
                                          inputs.rows->pack_labels(batch_.prompts.labels));
    }
    loss.sum.backward();
    const Tensor count = loss.count.to(at::kFloat).reshape({});
    const Tensor norm = optimizer_.step(kRate, count, kClipNorm).total;
    optimizer_.zero_grad();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    return {{"seconds", seconds.count()},
            {"loss", (loss.sum.detach() / count).item<double>()},
            {"gradient_norm", norm.item<double>()}};
  }

  at::ScalarType dtype() const { return dtype_; }

 private:
  static experiments::FreezePlan trained_parts(const fusion::MultimodalModelImpl& model) {
    experiments::FreezePlan plan;
    plan.trainable = {"mlp1", "language_model"};
    if (model.config().prompt().routing.uses_memory()) plan.trainable.push_back("cross_attention");
    return plan;
  }

  experiments::BatchShape step_shape() const {
    experiments::BatchShape shape =
        experiments::packed(experiments::shape_of(batch_.prompts, /*labels=*/true), batch_.prompts);
    shape.encoded = 0;  // the encoder has seen the tiles before
    return shape;
  }

  fusion::MultimodalModel model_;
  at::ScalarType dtype_;
  TrainBatch batch_;
  experiments::Optimizer optimizer_;
};

Json profile(Training& training, int64_t steps) {
  Json operators = Json::array();
  const auto times = op_times([&] {
    for (int64_t i = 0; i < steps; ++i) training.step();
  });
  for (const auto& [name, time] : times) {
    operators.push_back({name, time.seconds / static_cast<double>(steps), time.calls / steps});
  }
  std::sort(operators.begin(), operators.end(),
            [](const Json& a, const Json& b) { return a[1] > b[1]; });
  return operators;
}

void answer_requests(Training& training) {
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string request, argument;
    words >> request >> argument;
    Json answer;
    if (request == "export" && !argument.empty()) {
      training.export_batch(argument);
      answer["file"] = argument;
    } else if (request == "step") {
      answer = training.step();
    } else if (request == "peak") {
      answer["flops_per_second"] = experiments::matmul_peak(training.dtype(), at::kCPU);
    } else if (request == "profile" && !argument.empty()) {
      answer["operators"] = profile(training, std::max<int64_t>(1, std::stoll(argument)));
    } else {
      throw UsageError("'" + line + "', expected export FILE, step, peak or profile N");
    }
    std::cout << answer.dump() << std::endl;
  }
}

void run(const std::vector<std::string>& arguments) {
  if (arguments.empty()) {
    throw UsageError("usage: train_step DIR [float32|bfloat16] [threads] [samples]");
  }
  const auto argument = [&](size_t i, const char* otherwise) {
    return i < arguments.size() ? arguments[i] : std::string(otherwise);
  };
  limit_kernel_cache();
  set_threads(std::stoi(argument(2, "0")));
  Training training(arguments[0], compute_dtype(at::kCPU, argument(1, "bfloat16")),
                    std::stoll(argument(3, "16")));
  std::cout << training.description().dump() << std::endl;
  answer_requests(training);
}

}  // namespace
}  // namespace nvlm::bench

int main(int argc, char** argv) {
  try {
    nvlm::bench::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "train_step: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
