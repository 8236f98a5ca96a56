// Llama in Meta's own layout: params.json and consolidated.NN.safetensors, read and written.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "common/json.h"
#include "common/translated_weights.h"
#include "decoder/llama.h"
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
/// The same from the content of params.json and what is read off the weights: the number of rows of
/// the embedding, and whether there is no head of its own. `where`: the file, for errors.
LlamaConfig meta_llama_config(const Json& params, int64_t vocab, bool has_tied_head,
                              const std::string& where);

/// Where our tensors lie in Meta's layout: rows of q and k are in pairs there.
std::map<std::string, TensorOrigin> meta_llama_origins(const LlamaConfig& config);

/// params.json of a Llama, such that meta_llama_config() gives `config` again but for
/// max_position_embeddings and the begin and end tokens, which Meta keeps in its code.
/// throws  std::invalid_argument naming the field that params.json cannot express (Qwen2's biases,
/// a
///         head_dim of its own, other constants of rope_scaling)
Json meta_llama_params(const LlamaConfig& config);

/// Writes params.json and consolidated.NN.safetensors in the dtype of the weights, the inverse of
/// load_llama on such a folder; a tied head is not written. The folder is made if it does not
/// exist. shards  files of model parallelism; matrices are cut as Meta cuts them throws
/// std::invalid_argument as meta_llama_params, or naming the size that `shards` does not
///         divide; std::runtime_error if a file cannot be written
void save_meta_llama(const std::filesystem::path& dir, const LlamaForCausalLM& model,
                     int64_t shards = 1);

/// Along which dimension model parallelism cuts a tensor of Meta's layout; -1: every shard has all
/// of it.
/// embedding  that of tok_embeddings.weight: 1 (hidden) up to Llama 2, 0 (vocabulary) later
/// source     facts of Meta's layout
int64_t meta_cut_dimension(const std::string& name, int64_t embedding);

/// "<dir>/consolidated.NN.safetensors".
std::filesystem::path meta_shard_path(const std::filesystem::path& dir, size_t number);

}  // namespace nvlm::decoder
