// A model small enough for brute force, in double, with one set of weights for all variants.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/random.h"
#include "decoder/llama.h"
#include "decoder/tokenizer/tokenizer.h"
#include "fusion/fusion_module.h"
#include "fusion/prompt.h"
#include "tests/support/tensors.h"

namespace nvlm::test {

/// Byte-level BPE with ChatML's special tokens, trained once.
const decoder::Tokenizer& tiny_tokenizer();
/// Its file.
std::filesystem::path tiny_tokenizer_json();

/// A prompt before it is routed.
struct Question {
  std::string text;
  std::vector<vision::ImageLayout> layouts;
  std::optional<std::string> answer;
};

/// A picture of columns x rows tiles.
vision::ImageLayout grid(int64_t columns, int64_t rows, bool has_thumbnail = true);

inline const std::vector<fusion::Variant> kVariants = {
    fusion::Variant::kDecoder, fusion::Variant::kCrossAttention, fusion::Variant::kHybrid,
    fusion::Variant::kReversed};

/// One layer, tiles of 2 x 2 tokens.
vision::VisionConfig tiny_encoder();

class TinyLab {
 public:
  /// Random shapes and weights; gates open, since closed ones let broken code pass.
  explicit TinyLab(uint64_t seed);

  /// Random pictures, words and answers; at least one picture.
  Question random_question();

  fusion::PromptBatch batch(const fusion::Routing& routing, const std::vector<Question>& questions,
                            fusion::TileTagKind tags = fusion::TileTagKind::k1d) const;

  /// Random tokens for all tiles of a batch, [tiles, tile_tokens, tile_width].
  vision::TileFeatures features(const fusion::PromptBatch& prompts);

  /// The module that carries out any prompt (or, with `inline_only`, NVLM-D's without blocks); both
  /// have the same projector.
  fusion::FusionModule& module(bool inline_only = false) {
    return inline_only ? *inline_fusion_ : *fusion_;
  }
  void set_gates(double value);

  decoder::DecoderInputs inputs(const fusion::PromptBatch& prompts,
                                const vision::TileFeatures& features);
  /// inputs() of the module, then the decoder: [batch, seq, vocab].
  Tensor logits(const fusion::PromptBatch& prompts, const vision::TileFeatures& features);
  /// The prompts without any picture; slots keep the image-pad token.
  Tensor text_logits(const fusion::PromptBatch& prompts);

  Random random;
  decoder::LlamaConfig config;
  decoder::LlamaForCausalLM decoder{nullptr};
  int64_t tile_tokens, tile_width;

 private:
  std::shared_ptr<fusion::FusionModule> fusion_, inline_fusion_;
};

}  // namespace nvlm::test
