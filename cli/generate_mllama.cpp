#include "cli/generate_mllama.h"

#include <c10/core/InferenceMode.h>

#include <iostream>

#include "common/device.h"
#include "common/error.h"
#include "decoder/tokenizer/stream_decoder.h"
#include "eval/parity/model_family.h"
#include "fusion/mllama_checkpoint.h"

namespace nvlm::cli {

bool is_mllama_folder(const std::filesystem::path& folder) {
  return eval::model_family(read_json(folder / "config.json")) == eval::ModelFamily::kMllama;
}

void generate_mllama(const std::filesystem::path& folder, const ReaderOptions& options,
                     const Tensor& picture) {
  if (options.structure != "free") {
    throw UsageError("--structure is '" + options.structure +
                     "', expected free for Llama 3.2 Vision");
  }
  if (options.reader.max_tiles != 0) {
    throw UsageError("--max-tiles is " + std::to_string(options.reader.max_tiles) +
                     ", expected 0 for Llama 3.2 Vision: its positions are made for the grids of "
                     "its checkpoint");
  }
  set_threads(options.threads);
  const at::Device device = parse_device(options.reader.device);
  const auto tokenizer = decoder::Tokenizer::from_file(folder / "tokenizer.json");
  fusion::MllamaModel model =
      fusion::load_mllama(folder, compute_dtype(device, options.reader.dtype));
  model->to(device);
  const fusion::MllamaConfig& config = model->config();
  const fusion::MllamaPromptBatch prompts =
      fusion::collate_mllama({fusion::MllamaPromptBuilder(tokenizer, config.image_token_id)
                                  .build(options.reader.question, /*num_images=*/1)},
                             config.pad_token_id)
          .to(device);

  const c10::InferenceMode inference;
  const fusion::MllamaImageFeatures image = model->encode_images(
      vision::stack_images({vision::preprocess_mllama(picture, config.preprocessor)}));
  decoder::GenerationConfig generation;
  generation.max_new_tokens = options.reader.max_new_tokens;
  generation.eos_token_ids = config.decoder.eos_token_ids;
  generation.sampling = options.reader.sampling;
  decoder::StreamDecoder stream(tokenizer);
  model->generate(prompts, image, generation,
                  [&](int64_t, int64_t token) { std::cout << stream.push(token) << std::flush; });
  std::cout << stream.flush() << "\n";
}

}  // namespace nvlm::cli
