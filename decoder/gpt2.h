// GPT-2 in the terms of LlamaConfig and under Llama's tensor names: the first rung of the ladder.
#pragma once

#include <map>
#include <string>

#include "common/translated_weights.h"
#include "decoder/llama_config.h"

namespace nvlm::decoder {

/// Whether a config.json is GPT-2's, by `architectures` or else `model_type`.
bool is_gpt2(const Json& json);
/// Whether all switches stand as in GPT-2.
bool is_gpt2(const LlamaConfig& config);

/// A configuration with these switches and the lab's sizes.
LlamaConfig gpt2_switches();

/// Reads GPT-2's config.json. throws as llama_config_from_json
LlamaConfig gpt2_config_from_json(const Json& json);
/// The same fields under GPT-2's names.
Json gpt2_config_to_json(const LlamaConfig& config);

/// Where our tensors lie in GPT-2's checkpoint: one matrix for query, key and value, all matrices
/// stored [in, out].
/// prefix  of the stored names: "transformer." or, in the oldest files, nothing
std::map<std::string, TensorOrigin> gpt2_origins(const LlamaConfig& config,
                                                 const std::string& prefix);

/// Our tensors (LlamaForCausalLM's names) as GPT-2's checkpoint, with "transformer.".
std::map<std::string, Tensor> gpt2_state_dict(const std::map<std::string, Tensor>& tensors,
                                              const LlamaConfig& config);

}  // namespace nvlm::decoder
