// The tokens that a tokenizer must have for the prompts of a model.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fusion/tile_tags.h"

namespace nvlm::fusion {

/// Names of the special tokens of a template, without repetition: the chat markers, the image-pad
/// token, and, where the template has them as tokens, the picture's markers and the tile tags.
///   nvlm_lab     all of them, each tile tag one token: a tag is then one row of X's mask and one
///                entry of H's memory, it costs one position instead of five to nine, and tags of
///                two digits are as long as those of one. 2-D boxes are the exception: "<box>" and
///                "</box>" are tokens, but the coordinates stay text, since numbers that the
///                decoder knows are the point of that tag.
///   chatml       chat markers and image pad alone: NVLM-D-72B was trained with tags as text
///   internvl2_5  <img>, </img> and <IMG_CONTEXT>; it has no tags
/// max_tiles  regular tiles per picture at most: tags up to that number
/// throws     std::invalid_argument for an unknown template or less than one tile
std::vector<std::string> prompt_tokens(std::string_view template_name, TileTagKind tags,
                                       int64_t max_tiles);

}  // namespace nvlm::fusion
