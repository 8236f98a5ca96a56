// Llama 3.2 Vision (Mllama) as Hugging Face's config.json describes it, in the terms of this
// project: a decoder of self-attention layers, and cross-attention blocks that stand between them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/json.h"
#include "decoder/llama_config.h"
#include "fusion/gated_cross_attention.h"
#include "vision/mllama_tiling.h"
#include "vision/mllama_vision_config.h"

namespace nvlm::fusion {

struct MllamaConfig {
  vision::MllamaVisionConfig vision;
  vision::MllamaPreprocessorConfig preprocessor;
  /// Self-attention layers alone; its embeddings have extra rows for <|image|> and 7 other tokens.
  decoder::LlamaConfig decoder;
  /// Rising numbers among all layers, self- and cross-attention ones, counted together.
  std::vector<int64_t> cross_attention_layers;
  int64_t image_token_id = 128256;
  int64_t pad_token_id = 128004;
  /// What text before a picture does, see GatedCrossAttentionConfig. Meta's code, which trained the
  /// published weights, leaves it alone; transformers lets it attend to everything.
  bool attend_without_memory = false;

  int64_t num_layers() const {
    return decoder.layers + static_cast<int64_t>(cross_attention_layers.size());
  }
  /// For each cross-attention block the decoder layer that it stands before.
  std::vector<int64_t> depths() const;
  /// For each decoder layer its number among all layers.
  std::vector<int64_t> self_attention_layers() const;
  GatedCrossAttentionConfig cross_attention() const;
};

/// Throws std::invalid_argument where the parts do not fit together.
void validate(const MllamaConfig& config);

/// Reads config.json of a MllamaForConditionalGeneration.
/// throws  std::runtime_error or std::invalid_argument for a missing, mistyped or impossible field
MllamaConfig mllama_config_from_json(const Json& json);

/// The same fields, for config.json.
Json to_json(const MllamaConfig& config);

/// Parameters of the whole model.
int64_t num_parameters(const MllamaConfig& config);

/// Where Hugging Face's files keep a parameter of MllamaModel:
/// "cross_attention.0.mlp.up_proj.weight" is "language_model.model.layers.3.mlp.up_proj.weight" in
/// the 11B model, and "...layers.3..." of the decoder "...layers.4...".
std::string mllama_stored_name(const MllamaConfig& config, const std::string& name);

/// The same in the files of transformers 4.52 and later: "model." stands before all modules, and
/// the language model is split into "model.language_model." and "lm_head.".
std::string mllama_new_stored_name(const MllamaConfig& config, const std::string& name);

}  // namespace nvlm::fusion
