// Llama in Meta's own layout: params.json and consolidated.NN.safetensors.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "common/translated_weights.h"
#include "decoder/llama_config.h"

namespace nvlm::decoder {

/// Whether a folder is in Meta's layout: params.json and no config.json.
bool is_meta_llama(const std::filesystem::path& dir);

/// Opens the shards of model parallelism as one source, each matrix joined along the dimension
/// along which it was cut.
/// throws  std::runtime_error naming the file: no shard, a gap in their numbers, tensors that
///         differ between shards
std::unique_ptr<WeightSource> open_meta_weights(const std::filesystem::path& dir);

/// The configuration of params.json. What it does not say is read off the weights: the vocabulary
/// where vocab_size is -1, and whether the head is tied.
/// use_scaled_rope has constants that no file names: 8, 1, 4, 8192.
/// differs: Llama 3.2 1B and 3B, whose files say no more than that, need factor 32; they are
///          recognised by their tied head
/// throws  std::runtime_error or std::invalid_argument as llama_config_from_json
LlamaConfig meta_llama_config(const std::filesystem::path& dir, const WeightSource& weights);

/// Where our tensors lie in Meta's layout: rows of q and k are in pairs there.
std::map<std::string, TensorOrigin> meta_llama_origins(const LlamaConfig& config);

}  // namespace nvlm::decoder
