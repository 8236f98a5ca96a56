// Dimensions and constants of a Llama-style decoder, as they stand in Hugging Face's config.json.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/json.h"

namespace nvlm::decoder {

/// How Llama 3.1 and later stretch their rotary frequencies to long contexts.
struct Llama3RopeScaling {
  double factor = 8;  // 32 for Llama-3.2 1B and 3B
  double low_freq_factor = 1;
  double high_freq_factor = 4;
  int64_t original_max_position_embeddings = 8192;  // tokens
};

/// The switches between GPT-2 and Llama (docs/llama-ladder.md); each can be set alone.
enum class NormKind { kRms, kLayer };                 // LayerNorm has a bias
enum class FeedForwardKind { kSwiglu, kGelu };        // GELU: two matrices, the tanh approximation
enum class PositionKind { kRotary, kLearned };        // learned: added to the embeddings
enum class BiasKind { kNone, kQueryKeyValue, kAll };  // of the linear maps: Llama, Qwen2, GPT-2

/// The defaults are the lab's own small decoder; published ones come from their config.json.
struct LlamaConfig {
  int64_t hidden = 256;
  int64_t layers = 4;
  int64_t heads = 8;
  int64_t kv_heads = 8;  // each serves heads / kv_heads query heads
  int64_t head_dim = 32;
  int64_t ffn_hidden = 704;
  int64_t vocab = 2048;
  /// Rows of embed_tokens beyond the vocabulary: tokens that are read but never predicted, like
  /// <|image|> and its 7 neighbours in Llama 3.2 Vision.
  int64_t extra_embeddings = 0;
  double rope_theta = 10000;
  std::optional<Llama3RopeScaling> rope_scaling;
  /// "Dynamic" scaling of NVLM-D and InternVL2.5 changes nothing up to max_position_embeddings; the
  /// factor is kept for config.json, and longer sequences are refused. 0 = none.
  double rope_dynamic_factor = 0;
  double norm_eps = 1e-5;
  bool tie_word_embeddings = false;
  NormKind norm = NormKind::kRms;
  FeedForwardKind feed_forward = FeedForwardKind::kSwiglu;
  PositionKind positions = PositionKind::kRotary;
  BiasKind biases = BiasKind::kNone;
  int64_t max_position_embeddings = 2048;
  int64_t bos_token_id = -1;  // -1 = none
  std::vector<int64_t> eos_token_ids;
  double initializer_range = 0.02;  // standard deviation of fresh weights
};

/// Throws std::invalid_argument naming the field, its value and what is expected.
void validate(const LlamaConfig& config);

/// Reads the fields of Llama's, Qwen2's or GPT-2's config.json, or of the `llm_config` or
/// `text_config` in a chat model's; both the older (rope_theta, rope_scaling) and the newer
/// spelling (rope_parameters). `architectures` outranks `model_type`: NVLM-D's says "llama" for a
/// Qwen2. throws  std::runtime_error or std::invalid_argument for a missing, mistyped or impossible
/// field,
///         and for a feature that is not implemented (other activations, rope types, biases,
///         sliding windows)
LlamaConfig llama_config_from_json(const Json& json);

/// The same fields under Hugging Face's (older, widely understood) names, for config.json.
/// throws  std::invalid_argument for a mixture of switches that no published family has
Json to_json(const LlamaConfig& config);

/// Whether all switches stand as in Llama or Qwen2, which differ in the biases of q, k and v.
bool is_llama_or_qwen2(const LlamaConfig& config);

/// Parameters of the model, a tied head counted once.
int64_t num_parameters(const LlamaConfig& config);

}  // namespace nvlm::decoder
