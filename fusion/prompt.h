// A prompt says where every token stands: text, tile tags, image slots, and what waits in the
// memory. It is made before any pixel is seen; fusion then only carries it out.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/tensor.h"
#include "decoder/language_model_loss.h"
#include "decoder/tokenizer/tokenizer.h"
#include "fusion/prompt_format.h"
#include "fusion/routing.h"
#include "fusion/tile_tags.h"
#include "vision/tile_features.h"
#include "vision/tiling.h"

namespace nvlm::fusion {

using decoder::kIgnoredLabel;

/// `tile` of an ordinary text token.
inline constexpr int64_t kNoTile = -1;

/// One tile of a prompt and where its tile_tokens tokens stand.
struct TilePlacement {
  int64_t image = 0;  // picture within the sample
  int64_t tile = 0;   // tile within the picture; the thumbnail is last
  vision::TileRole role = vision::TileRole::kThumbnail;
  Route route = Route::kInline;
  int64_t begin = 0;  // of its first token: a position of the sequence, or of the memory
  std::vector<int64_t> memory_tag;  // ids of its tag if that stands in the memory, right before it
};

/// One sample. All vectors over positions have the same length.
struct Prompt {
  std::vector<int64_t> ids;  // an image slot holds the id of the image-pad token
  std::vector<int64_t>
      tile;  // kNoTile, or the index in `tiles` of the tile whose tag or slot it is
  std::vector<bool> is_slot;    // the position takes a tile token
  std::vector<int64_t> labels;  // the answer and its end token, elsewhere kIgnoredLabel; unshifted
  int64_t answer_begin = 0;     // position of the answer's first token, or the length without one

  std::vector<TilePlacement> tiles;   // picture by picture, thumbnail last
  std::vector<int64_t> visible_from;  // by picture: ordinary text from this position on sees it
  int64_t tile_tokens = 0;

  int64_t size() const { return static_cast<int64_t>(ids.size()); }
  /// Tokens in the memory, tags included.
  int64_t memory_size() const;
};

/// What a PromptBuilder needs to know about a model.
struct PromptConfig {
  Routing routing;
  TileTagKind tags = TileTagKind::k1d;
  int64_t tile_tokens = 256;
  PromptFormat format;
};

/// Writes prompts. Safe to share between threads.
class PromptBuilder {
 public:
  /// tokenizer  must outlive the builder
  /// throws     std::invalid_argument if a tile has no tokens, the image-pad token is unknown, or
  ///            tiles go to the memory under a format that tokenises jointly
  PromptBuilder(const decoder::Tokenizer& tokenizer, PromptConfig config);

  /// conversation  pictures without markers come first in their turn, each followed by a newline
  /// layouts       of all its pictures, in order
  /// answer        absent: a prompt to generate from
  /// throws        std::invalid_argument as decoder::validate, or if a turn has markers, but not as
  ///               many as pictures
  /// differs:      each piece of text is tokenised alone (see PromptFormat::joint), the answer
  ///               always
  Prompt build(std::span<const decoder::Message> conversation,
               const std::vector<vision::ImageLayout>& layouts,
               std::optional<std::string_view> answer = std::nullopt) const;

  /// The same for one question.
  Prompt build(std::string_view question, const std::vector<vision::ImageLayout>& layouts,
               std::optional<std::string_view> answer = std::nullopt) const;

  const PromptConfig& config() const { return config_; }

 private:
  const decoder::Tokenizer* tokenizer_;
  PromptConfig config_;
  int64_t slot_id_;
};

/// Prompts of a batch, padded on the right.
struct PromptBatch {
  Tensor ids;                   // [batch, seq], int64
  Tensor attention_mask;        // [batch, seq], bool, true = real token
  Tensor labels;                // [batch, seq], int64, unshifted
  Tensor tile;                  // [batch, seq], int64
  Tensor is_slot;               // [batch, seq], bool
  std::vector<Prompt> samples;  // as they were, for everything that is not a tensor

  int64_t size() const { return static_cast<int64_t>(samples.size()); }
  /// The same batch with its tensors on another device.
  PromptBatch to(at::Device device) const;
  /// The order in which fusion wants the tiles of this batch.
  std::vector<vision::TileRef> tile_refs() const;
};

/// pad_id  what `ids` holds behind the end of a sample; nothing ever attends to it
/// throws  std::invalid_argument for an empty batch
PromptBatch collate(std::vector<Prompt> prompts, int64_t pad_id);

}  // namespace nvlm::fusion
