// A new multimodal model from a trained encoder and a trained decoder, with fresh fusion between.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "common/json.h"
#include "fusion/multimodal_model.h"

namespace nvlm::fusion {

/// What the two folders leave open.
struct AssembleConfig {
  Variant variant = Variant::kDecoder;
  TileTagKind tile_tags = TileTagKind::k1d;
  int64_t max_tiles = 6;  // regular tiles per picture; NVLM §4.1
  int64_t every = 0;      // decoder layers per cross-attention block; 0 = default_block_spacing()
  int64_t tile_size = 0;  // pixels; 0 = the encoder's image size
  std::string prompt_template = "nvlm_lab";
  uint64_t seed = 0;  // of fusion weights and new rows
};

/// The model and what it took to join its parts.
struct Assembly {
  MultimodalModel model{nullptr};  // float32, in evaluation mode
  Json tokenizer;                  // the decoder's, with the prompt's tokens
  int64_t num_new_tokens = 0;      // rows of the embedding drawn anew
  int64_t num_grown_rows = 0;      // of them those for which the embedding had to grow
  /// bfloat16 where both parts are stored in it, else float32: nothing is lost in it.
  at::ScalarType stored_dtype = at::kFloat;
};

/// A tenth of the decoder's layers, at least one: ten blocks as in NVLM's 34B (every 6 of 60) and
/// 72B (every 8 of 80) models.
int64_t default_block_spacing(int64_t layers);

/// Joins the parts as lab_model() does, with gates at 0, so that the text model is unchanged until
/// the blocks are trained.
/// vision          folder of an InternViT, or of a multimodal checkpoint whose encoder is taken
/// decoder         folder of a Llama or Qwen2 in Hugging Face's layout, of a Llama in Meta's, or of
///                 a multimodal checkpoint (InternVL 2.5, NVLM-D, a lab model) whose decoder is
///                 taken
/// tokenizer_json  the decoder's
/// throws  std::runtime_error or std::invalid_argument naming the folder and what is wrong: no
///         encoder in it, a family that cannot be joined (GPT-2, Llama 3.2 Vision), a tokenizer of
///         another decoder, sizes that do not fit, a template that does not serve the variant
Assembly assemble(const std::filesystem::path& vision, const std::filesystem::path& decoder,
                  const std::filesystem::path& tokenizer_json, const AssembleConfig& config);

}  // namespace nvlm::fusion
