#include "fusion/prompt.h"

#include <stdexcept>
#include <string>
#include <utility>

#include "decoder/padded_rows.h"
#include "fusion/image_markers.h"

namespace nvlm::fusion {
namespace {

/// Grows a prompt from left to right.
class PromptWriter {
 public:
  PromptWriter(const decoder::Tokenizer& tokenizer, const PromptConfig& config, int64_t slot_id)
      : tokenizer_(tokenizer), config_(config), slot_id_(slot_id) {
    prompt.tile_tokens = config.tile_tokens;
  }

  void text(std::string_view piece, int64_t tile = kNoTile) {
    pending_ += piece;
    if (!config_.format.joint) flush(tile);
  }

  void image(const vision::ImageLayout& layout) {
    text(config_.format.image_open);
    const auto image = static_cast<int64_t>(prompt.visible_from.size());
    prompt.visible_from.push_back(prompt.size());
    for (int64_t tile = 0; tile < layout.num_tiles(); ++tile) {
      prompt.tiles.push_back(write_tile(layout, image, tile));
    }
    text(config_.format.image_close);
  }

  void answer(std::string_view piece) {
    for (const int64_t id : tokenizer_.encode(piece)) push(id, kNoTile, /*is_slot=*/false, id);
  }

  /// Joint text may cover tags of tiles; its tokens then belong to no tile.
  void flush(int64_t tile = kNoTile) {
    for (const int64_t id : tokenizer_.encode(std::exchange(pending_, {}))) {
      push(id, tile, /*is_slot=*/false, kIgnoredLabel);
    }
  }

  Prompt prompt;

 private:
  TilePlacement write_tile(const vision::ImageLayout& layout, int64_t image, int64_t tile) {
    const auto index = static_cast<int64_t>(prompt.tiles.size());
    const std::string tag = tile_tag(config_.tags, layout, tile);
    TilePlacement place;
    place.image = image;
    place.tile = tile;
    place.role = layout.role(tile);
    place.route = config_.routing.of(place.role);
    if (place.route == Route::kInline) {
      text(tag, index);
      slots(index);
      place.begin = prompt.size() - config_.tile_tokens;
      return place;
    }
    if (config_.routing.memory_tags == Route::kInline) {
      text(tag, index);
    } else {
      place.memory_tag = tokenizer_.encode(tag);
    }
    place.begin = memory_end_ + static_cast<int64_t>(place.memory_tag.size());
    memory_end_ = place.begin + config_.tile_tokens;
    return place;
  }

  void slots(int64_t tile) {
    flush();
    for (int64_t i = 0; i < config_.tile_tokens; ++i) {
      push(slot_id_, tile, /*is_slot=*/true, kIgnoredLabel);
    }
  }

  void push(int64_t id, int64_t tile, bool is_slot, int64_t label) {
    prompt.ids.push_back(id);
    prompt.tile.push_back(tile);
    prompt.is_slot.push_back(is_slot);
    prompt.labels.push_back(label);
  }

  const decoder::Tokenizer& tokenizer_;
  const PromptConfig& config_;
  int64_t slot_id_;
  int64_t memory_end_ = 0;
  std::string pending_;
};

}  // namespace

int64_t Prompt::memory_size() const {
  int64_t size = 0;
  for (const TilePlacement& tile : tiles) {
    if (tile.route == Route::kMemory) size = tile.begin + tile_tokens;
  }
  return size;
}

PromptBuilder::PromptBuilder(const decoder::Tokenizer& tokenizer, PromptConfig config)
    : tokenizer_(&tokenizer), config_(std::move(config)) {
  if (config_.tile_tokens < 1) {
    throw std::invalid_argument("fusion.prompt: tile_tokens is " +
                                std::to_string(config_.tile_tokens) + ", expected 1 or more");
  }
  if (config_.format.joint && config_.routing.uses_memory()) {
    throw std::invalid_argument(
        "fusion.prompt: a format that tokenises jointly serves inline tiles only; expected a "
        "template such as nvlm_lab");
  }
  const auto slot_id = tokenizer.find(config_.format.slot);
  if (!slot_id) {
    throw std::invalid_argument("fusion.prompt: the tokenizer has no token '" +
                                config_.format.slot + "' for image slots");
  }
  slot_id_ = *slot_id;
}

Prompt PromptBuilder::build(std::string_view question,
                            const std::vector<vision::ImageLayout>& layouts,
                            std::optional<std::string_view> answer) const {
  const decoder::Message message{.text = std::string(question),
                                 .num_images = static_cast<int64_t>(layouts.size())};
  return build(std::span(&message, 1), layouts, answer);
}

Prompt PromptBuilder::build(std::span<const decoder::Message> conversation,
                            const std::vector<vision::ImageLayout>& layouts,
                            std::optional<std::string_view> answer) const {
  const decoder::ChatTemplate& chat = config_.format.chat;
  int64_t num_images = 0;
  for (const decoder::Message& message : conversation) num_images += message.num_images;
  if (num_images != static_cast<int64_t>(layouts.size())) {
    throw std::invalid_argument("fusion.prompt: the conversation has " +
                                std::to_string(num_images) + " pictures but there are layouts of " +
                                std::to_string(layouts.size()));
  }
  PromptWriter writer(*tokenizer_, config_, slot_id_);
  size_t image = 0;
  for (const auto& piece : decoder::chat_pieces(chat, conversation, /*answer_follows=*/true)) {
    if (piece.message < 0) {
      writer.text(piece.text);
      continue;
    }
    const int64_t pictures = conversation[static_cast<size_t>(piece.message)].num_images;
    const auto texts = pieces_around_images(piece.text, pictures, "\n");
    for (size_t i = 0; i + 1 < texts.size(); ++i) {
      writer.text(texts[i]);
      writer.image(layouts[image++]);
    }
    writer.text(texts.back());
  }
  writer.flush();
  writer.prompt.answer_begin = writer.prompt.size();
  if (answer) {
    writer.answer(*answer);
    writer.answer(chat.stop);
  }
  return std::move(writer.prompt);
}

PromptBatch PromptBatch::to(at::Device device) const {
  return {ids.to(device),  attention_mask.to(device), labels.to(device),
          tile.to(device), is_slot.to(device),        samples};
}

std::vector<vision::TileRef> PromptBatch::tile_refs() const {
  std::vector<vision::TileRef> refs;
  for (int64_t sample = 0; sample < size(); ++sample) {
    for (const TilePlacement& place : samples[static_cast<size_t>(sample)].tiles) {
      refs.push_back({sample, place.image, place.tile, place.role});
    }
  }
  return refs;
}

PromptBatch collate(std::vector<Prompt> prompts, int64_t pad_id) {
  if (prompts.empty()) throw std::invalid_argument("fusion.collate: the batch is empty");
  using decoder::padded_rows;
  PromptBatch batch;
  batch.ids = padded_rows(prompts, pad_id, [](const Prompt& p, size_t t) { return p.ids[t]; });
  batch.attention_mask = decoder::real_positions(prompts);
  batch.labels =
      padded_rows(prompts, kIgnoredLabel, [](const Prompt& p, size_t t) { return p.labels[t]; });
  batch.tile = padded_rows(prompts, kNoTile, [](const Prompt& p, size_t t) { return p.tile[t]; });
  batch.is_slot = padded_rows(prompts, 0, [](const Prompt& p, size_t t) {
                    return int64_t{p.is_slot[t]};
                  }).to(at::kBool);
  batch.samples = std::move(prompts);
  return batch;
}

}  // namespace nvlm::fusion
