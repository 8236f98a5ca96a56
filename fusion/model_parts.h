// Where the encoder and the decoder of a checkpoint folder lie, whether alone or inside a model.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "common/weight_store.h"
#include "decoder/llama_config.h"
#include "vision/preprocessor.h"
#include "vision/vision_config.h"

namespace nvlm::fusion {

/// An encoder that is opened but not loaded.
struct EncoderPart {
  vision::VisionConfig config;
  vision::PreprocessorConfig preprocessor;  // means and deviations of the folder, where it has them
  WeightStore weights;
  std::string prefix;  // of its tensors: nothing, or "vision_model."
};

/// A decoder that is opened but not loaded.
struct DecoderPart {
  decoder::LlamaConfig config;
  std::unique_ptr<const WeightSource> files;
  std::unique_ptr<const WeightSource> translated;  // of `files`, where their layout is Meta's
  std::string prefix;                              // of its tensors: nothing, or "language_model."

  const WeightSource& weights() const { return translated ? *translated : *files; }
};

/// The folder of an InternViT, or of a model with a `vision_config` and tensors "vision_model.*".
/// throws  std::runtime_error naming the folder: no encoder of this kind in it, a field that is
///         missing or impossible
EncoderPart open_encoder(const std::filesystem::path& folder);

/// The folder of a Llama or Qwen2 in Hugging Face's or Meta's layout, or of a model with an
/// `llm_config` and tensors "language_model.*".
/// throws  std::runtime_error naming the folder: another family, a field that is missing or
///         impossible, far more parameters described than stored
DecoderPart open_decoder(const std::filesystem::path& folder);

}  // namespace nvlm::fusion
