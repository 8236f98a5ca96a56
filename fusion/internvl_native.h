// InternVL as ported to Hugging Face transformers (repositories ending in "-hf"): its
// configuration and its names for our tensors.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/json.h"
#include "common/translated_weights.h"
#include "fusion/multimodal_config.h"

namespace nvlm::fusion {

/// Whether config.json is that of InternVLForConditionalGeneration.
bool is_internvl_native(const Json& json);

/// Reads such a config.json. Its tiling stands in the preprocessor's file, see
/// internvl_native_preprocessor().
/// throws  std::runtime_error or std::invalid_argument for a missing, mistyped or impossible field,
///         and for features that are not the last layer's patches, shuffled 2x2
/// source  transformers, InternVLConfig and InternVLMultiModalProjector
MultimodalConfig internvl_native_config_from_json(const Json& json);

/// The inverse.
/// slot_id  the token that holds a tile token's place
/// throws   std::invalid_argument for a model that the layout cannot express
Json to_internvl_native_json(const MultimodalConfig& config, int64_t slot_id);

/// Reads preprocessor_config.json, or the same object within processor_config.json: besides the
/// usual fields min_patches and max_patches.
/// chosen: `crop_to_patches` is not looked at, for InternVL's processor always cuts
/// throws  as vision::preprocessor_config_from_json
vision::PreprocessorConfig internvl_native_preprocessor(const Json& json);

/// Both spellings of tensor names are in use: files made by transformers say "vision_tower.*",
/// "language_model.model.*"; its modules say "model.vision_tower.*", "model.language_model.*".
enum class NativeNaming { kFiles, kModules };

/// The stored names of one of our tensors: one, or those of q, k and v, in this order.
std::vector<std::string> internvl_native_names(const std::string& name, NativeNaming naming);

/// Where our tensors lie in a checkpoint.
/// names   ours, as state_dict() of a MultimodalModel has them
/// stored  decides which spelling it is
std::map<std::string, TensorOrigin> internvl_native_origins(const std::vector<std::string>& names,
                                                            const WeightSource& stored);

/// Whether the checkpoint has a head of its own; without one it is the embeddings.
bool internvl_native_has_head(const WeightSource& stored);

}  // namespace nvlm::fusion
