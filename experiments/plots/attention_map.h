// Where tokens look: shares of their attention by kind of key, and what each tile token gets, with
// its place on the picture.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/tensor.h"
#include "decoder/attention_probe.h"
#include "decoder/tokenizer/tokenizer.h"
#include "fusion/prompt.h"

namespace nvlm::experiments {

/// What a token is that can be attended to.
enum class KeyKind {
  kThumbnail,  // a token of the thumbnail
  kRegular,    // a token of a regular tile
  kTag,        // of a tile's tag, in the sequence or in the memory
  kText        // anything else: question, answer, the template's markers
};

inline constexpr std::array kKeyKinds = {KeyKind::kThumbnail, KeyKind::kRegular, KeyKind::kTag,
                                         KeyKind::kText};

/// "thumbnail", "regular tiles", "tile tags", "text"
std::string title(KeyKind kind);

/// The kind of every position of the sequence, and of every token of the memory.
std::vector<KeyKind> sequence_keys(const fusion::Prompt& prompt);
std::vector<KeyKind> memory_keys(const fusion::Prompt& prompt);

/// Rows of the attention matrix that predict the answer's tokens, its end included: each is one
/// before its token. prompt  with its answer
std::vector<int64_t> answer_queries(const fusion::Prompt& prompt);

/// The rows that predict what stands in one cell of the table that `answer` holds.
/// answer  what the prompt was built with
/// row     0 is the header
/// throws  std::invalid_argument if the answer holds no table, or the cell is not there or empty
std::vector<int64_t> cell_queries(const decoder::Tokenizer& tokenizer, const fusion::Prompt& prompt,
                                  std::string_view answer, int64_t row, int64_t column);

/// The rows of a tag's own tokens.
/// number  of the regular tile as 1-D tags count, row by row from 1; 0 = the thumbnail
/// throws  std::invalid_argument if there is no such tile, or its tag is not in the sequence
std::vector<int64_t> tag_queries(const fusion::Prompt& prompt, int64_t number);

/// Shares by kind, in the order of kKeyKinds.
using AttentionMasses = std::array<double, kKeyKinds.size()>;

/// Mean over heads and queries; sums to 1 as each row of probabilities does.
/// probabilities  [1, heads, seq, keys]
/// keys           their kinds
AttentionMasses attention_masses(const Tensor& probabilities, const std::vector<KeyKind>& keys,
                                 const std::vector<int64_t>& queries);

/// Mean attention over heads, queries and the probed places of a tile's route: layers for an inline
/// tile, cross-attention blocks for one in the memory.
/// returns  float64 [tiles of the prompt, tile_tokens]; a row is NaN where its route was not probed
Tensor tile_weights(const decoder::AttentionProbe& probe, const fusion::Prompt& prompt,
                    const std::vector<int64_t>& queries);

/// In pixels of the picture, edges between them.
struct PixelRectangle {
  double left = 0, top = 0, right = 0, bottom = 0;
};

/// The part of the picture that a tile token was made from: tiles are cut from the picture resized
/// to the grid, and the thumbnail is all of it.
/// tile    within the picture; the thumbnail is last
/// token   within the tile, row-major
/// side    tokens along a tile's side
/// width, height  of the picture
/// throws  std::out_of_range if the layout has no such tile or the tile no such token
PixelRectangle token_rectangle(const vision::ImageLayout& layout, int64_t tile, int64_t token,
                               int64_t side, int64_t width, int64_t height);

}  // namespace nvlm::experiments
