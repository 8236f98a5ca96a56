// Decoder checkpoints: Hugging Face's layout (config.json, generation_config.json and
// model.safetensors, or shards with an index) of Llama, Qwen2 and GPT-2, and Meta's own of Llama.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/load_weights.h"
#include "decoder/device_map.h"
#include "decoder/generation.h"
#include "decoder/llama.h"

namespace nvlm::decoder {

/// Loads a model whose weights have `dtype`, on the CPU; the layout is recognised by the files.
/// throws  std::runtime_error or std::invalid_argument naming the file: a field that is missing or
///         impossible, every missing, unexpected, mis-shaped or non-finite tensor
LlamaForCausalLM load_llama(const std::filesystem::path& dir, at::ScalarType dtype = at::kFloat);

/// The same where, and in the dtype that, `place` says; weights go straight to their device.
/// throws  as load_llama, and what `place` throws
LlamaForCausalLM load_llama(const std::filesystem::path& dir, const PlaceModel& place);

/// What to pass to load_weights for a LlamaForCausalLM: rotary frequencies of old files are
/// ignored, and so is a stored head where it is tied.
/// prefix  of the stored names, such as "language_model."
LoadOptions llama_load_options(const LlamaConfig& config, at::ScalarType dtype,
                               const std::string& prefix = "");

/// What config.json calls the dtype of stored weights: "bfloat16", "float16", "float64", "float32".
std::string torch_dtype_name(at::ScalarType dtype);

/// Throws std::runtime_error if `config` describes far more parameters than `weights` holds: a
/// wrong number in a configuration must not allocate the machine's memory.
void check_plausible(const LlamaConfig& config, const WeightSource& weights);
/// The same for any model, by the number of parameters that its configuration describes.
void check_plausible(int64_t parameters, const WeightSource& weights);

/// Writes config.json, generation_config.json and model.safetensors in Hugging Face's layout of the
/// family, each atomically; a tied head is not written. The folder is made if it does not exist.
/// throws  std::invalid_argument for a mixture of switches that no published family has
void save_llama(const std::filesystem::path& dir, const LlamaForCausalLM& model);

/// The generation_config.json of a checkpoint: stop tokens, and the sampling it asks for, greedy
/// unless do_sample is set. `max_new_tokens` where given.
/// stop_tokens  of config.json; they count where the file is absent or names none
/// throws       std::runtime_error naming the file and the field
GenerationConfig load_generation_config(const std::filesystem::path& dir,
                                        std::vector<int64_t> stop_tokens);

}  // namespace nvlm::decoder
