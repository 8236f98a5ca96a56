// An InternViT checkpoint: every stored intermediate tensor, in the order of the computation.
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <stdexcept>

#include "common/load_weights.h"
#include "common/weight_store.h"
#include "eval/parity/encoder_states.h"
#include "eval/parity/kinds.h"
#include "vision/vision_encoder.h"

namespace nvlm::eval {
namespace {

vision::VisionEncoder load_encoder(const CaseFolder& folder) {
  const auto path = folder.path() / "config.json";
  const WeightStore store = WeightStore::open(folder.path());
  vision::VisionConfig config;
  try {
    config = with_stored_heads(vision::vision_config_from_json(read_json(path)), store);
  } catch (const std::invalid_argument& error) {
    throw std::runtime_error(path.string() + ": " + error.what());
  }
  // Before memory is taken for what the configuration claims.
  const std::string last = "encoder.layers." + std::to_string(config.layers - 1) + ".ls1";
  if (!store.contains(last) || store.entry(last).shape != std::vector<int64_t>{config.hidden}) {
    throw std::runtime_error(path.string() + ": hidden_size " + std::to_string(config.hidden) +
                             " and num_hidden_layers " + std::to_string(config.layers) +
                             " do not fit the weights: no '" + last + "' of that size");
  }
  vision::VisionEncoder encoder(config);
  load_weights(*encoder, store);
  encoder->eval();
  return encoder;
}

/// The table resized to the square number of patches that is expected.
void compare_positions(vision::VisionEncoderImpl& encoder, TensorComparison& comparison) {
  const std::string name = "resized_position_embedding";
  if (!comparison.wants(name)) return;
  const Tensor expected = comparison.expected(name);
  const auto side = static_cast<int64_t>(std::lround(std::sqrt(
      static_cast<double>(std::max<int64_t>(expected.numel() / encoder.config().hidden - 1, 1)))));
  comparison.compare(
      name, submodule<vision::VisionEmbeddingsImpl>(encoder, "embeddings").positions(side, side));
}

}  // namespace

void check_internvit(const CaseFolder& folder, ParityReport& report) {
  const at::NoGradGuard no_grad;
  const SafetensorsFile inputs = folder.inputs(), expected = folder.expected();
  TensorComparison comparison(expected, folder.tolerance(), report);
  vision::VisionEncoder encoder = load_encoder(folder);
  const std::string suffix = "pixel_values";
  for (const auto& [input, entry] : inputs.entries()) {
    if (!input.ends_with(suffix)) continue;
    const std::string prefix = input.substr(0, input.size() - suffix.size());
    compare_encoder_states(*encoder, inputs.tensor(input), prefix, comparison);
  }
  compare_positions(*encoder, comparison);
  comparison.finish();
}

}  // namespace nvlm::eval
