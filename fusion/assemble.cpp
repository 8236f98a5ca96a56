#include "fusion/assemble.h"

#include <ATen/Context.h>

#include <algorithm>

#include "common/load_weights.h"
#include "common/widest_dtype.h"
#include "decoder/checkpoint.h"
#include "decoder/extended_vocabulary.h"
#include "decoder/tokenizer/special_token_extension.h"
#include "fusion/model_parts.h"
#include "fusion/prompt_tokens.h"

namespace nvlm::fusion {
namespace {

/// The configuration of the whole, checked before anything large is made.
MultimodalConfig joined_config(const AssembleConfig& config, const EncoderPart& encoder,
                               const decoder::LlamaConfig& decoder) {
  const int64_t every = config.every > 0 ? config.every : default_block_spacing(decoder.layers);
  MultimodalConfig joined = lab_model(config.variant, encoder.config, decoder, every);
  joined.preprocessor = encoder.preprocessor;
  joined.preprocessor.tiling = {};
  joined.preprocessor.tiling.tile_size =
      config.tile_size > 0 ? config.tile_size : encoder.config.image_size;
  joined.preprocessor.tiling.max_tiles = config.max_tiles;
  joined.fusion.tile_tags = config.tile_tags;
  joined.prompt_template = config.prompt_template;
  validate(joined);
  if (joined.prompt().format.joint && joined.prompt().routing.uses_memory()) {
    throw std::invalid_argument("fusion.assemble: the template '" + config.prompt_template +
                                "' serves inline tiles only, expected nvlm_lab for variant " +
                                name(config.variant));
  }
  return joined;
}

}  // namespace

int64_t default_block_spacing(int64_t layers) { return std::max<int64_t>(1, (layers + 5) / 10); }

Assembly assemble(const std::filesystem::path& vision, const std::filesystem::path& decoder,
                  const std::filesystem::path& tokenizer_json, const AssembleConfig& config) {
  const EncoderPart encoder = open_encoder(vision);
  DecoderPart text = open_decoder(decoder);
  decoder::ExtendedTokenizer tokenizer = decoder::with_special_tokens(
      read_json(tokenizer_json),
      prompt_tokens(config.prompt_template, config.tile_tags, config.max_tiles), text.config.vocab,
      tokenizer_json.string());
  const decoder::VocabularyExtension extension{text.config.vocab, tokenizer.vocab,
                                               tokenizer.new_ids, config.seed};
  text.config.vocab = tokenizer.vocab;

  Assembly assembly;
  assembly.num_new_tokens = static_cast<int64_t>(extension.new_ids.size());
  assembly.num_grown_rows = extension.vocab - extension.stored_vocab;
  assembly.tokenizer = std::move(tokenizer.json);
  const bool is_bfloat16 = widest_dtype(encoder.weights, encoder.prefix) == at::kBFloat16 &&
                           widest_dtype(text.weights(), text.prefix) == at::kBFloat16;
  assembly.stored_dtype = is_bfloat16 ? at::kBFloat16 : at::kFloat;

  const MultimodalConfig joined = joined_config(config, encoder, text.config);
  at::manual_seed(config.seed);
  assembly.model = MultimodalModel(joined);
  load_weights(*assembly.model->vision_model, encoder.weights, {.prefix = encoder.prefix});
  load_weights(*assembly.model->language_model,
               decoder::ExtendedVocabulary(text.weights(), extension, text.prefix),
               decoder::llama_load_options(text.config, at::kFloat, text.prefix));
  assembly.model->eval();
  return assembly;
}

}  // namespace nvlm::fusion
