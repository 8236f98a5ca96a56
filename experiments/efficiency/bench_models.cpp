#include "experiments/efficiency/bench_models.h"

#include <algorithm>
#include <stdexcept>

#include "common/atomic_folder.h"
#include "common/nearest_name.h"
#include "common/parameter_scope.h"
#include "decoder/presets.h"
#include "experiments/recipes/lab_model.h"
#include "experiments/recipes/lab_tokenizer.h"
#include "fusion/multimodal_checkpoint.h"
#include "vision/presets.h"

namespace nvlm::experiments {
namespace {

fusion::MultimodalConfig sized_config(const std::string& size, fusion::Variant variant) {
  if (size == "lab") {
    LabModelConfig lab;
    lab.variant = variant;
    return multimodal_config(lab);
  }
  const bool is_half = size == "0.5b";
  const decoder::LlamaConfig decoder =
      decoder::preset(is_half ? "qwen2.5-0.5b" : "llama-3.2-1b").value();
  return fusion::lab_model(variant, vision::preset("internvit-300m").value(), decoder,
                           /*every=*/is_half ? 6 : 4);
}

decoder::Tokenizer fresh_lab_tokenizer() {
  const AtomicFolder folder = AtomicFolder::temporary();
  train_lab_tokenizer(folder.path() / "tokenizer.json");
  return decoder::Tokenizer::from_file(folder.path() / "tokenizer.json");
}

}  // namespace

BenchModel load_bench_model(const std::filesystem::path& folder, at::ScalarType dtype) {
  return {folder.filename().string(), fusion::load_multimodal(folder, dtype),
          decoder::Tokenizer::from_file(folder / "tokenizer.json")};
}

const std::vector<std::string>& bench_sizes() {
  static const std::vector<std::string> sizes = {"lab", "0.5b", "1b"};
  return sizes;
}

BenchModel random_bench_model(const std::string& size, fusion::Variant variant,
                              at::ScalarType dtype) {
  const std::vector<std::string>& sizes = bench_sizes();
  if (std::find(sizes.begin(), sizes.end(), size) == sizes.end()) {
    throw std::invalid_argument("'" + size + "' is no size, expected lab, 0.5b or 1b" +
                                did_you_mean(size, sizes));
  }
  const ParameterScope scope({.dtype = dtype});
  fusion::MultimodalModel model(sized_config(size, variant));
  model->eval();
  return {fusion::name(variant) + " " + size, model, fresh_lab_tokenizer()};
}

}  // namespace nvlm::experiments
