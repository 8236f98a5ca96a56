#include "fusion/prompt.h"

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

namespace nvlm::fusion {
namespace {

constexpr std::string_view kImageMarker = "<image>";

/// Grows a prompt from left to right.
class PromptWriter {
 public:
  PromptWriter(const decoder::Tokenizer& tokenizer, bool joint)
      : tokenizer_(tokenizer), joint_(joint) {}

  void text(std::string_view piece, int64_t tile = kNoTile) {
    pending_ += piece;
    if (!joint_) flush(tile);
  }

  void slots(int64_t count, int64_t id, int64_t tile) {
    flush();
    for (int64_t i = 0; i < count; ++i) push(id, tile, /*is_slot=*/true, kIgnoredLabel);
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
  void push(int64_t id, int64_t tile, bool is_slot, int64_t label) {
    prompt.ids.push_back(id);
    prompt.tile.push_back(tile);
    prompt.is_slot.push_back(is_slot);
    prompt.labels.push_back(label);
  }

  const decoder::Tokenizer& tokenizer_;
  bool joint_;
  std::string pending_;
};

/// The question with a marker for each picture, between whose pieces the pictures stand.
std::vector<std::string> pieces_around_images(std::string_view question, size_t num_images) {
  std::string text(question);
  if (text.find(kImageMarker) == std::string::npos) {
    for (size_t i = 0; i < num_images; ++i) text.insert(0, std::string(kImageMarker) + "\n");
  }
  std::vector<std::string> pieces;
  size_t begin = 0;
  for (size_t end; (end = text.find(kImageMarker, begin)) != std::string::npos;
       begin = end + kImageMarker.size()) {
    pieces.push_back(text.substr(begin, end - begin));
  }
  pieces.push_back(text.substr(begin));
  if (pieces.size() != num_images + 1) {
    throw std::invalid_argument("fusion.prompt: the question has " +
                                std::to_string(pieces.size() - 1) + " <image> markers but " +
                                std::to_string(num_images) + " pictures were given");
  }
  return pieces;
}

Tensor padded_rows(const std::vector<Prompt>& prompts, int64_t seq, int64_t padding,
                   const std::function<int64_t(const Prompt&, size_t)>& value) {
  Tensor rows = at::full({static_cast<int64_t>(prompts.size()), seq}, padding, at::kLong);
  auto row = rows.accessor<int64_t, 2>();
  for (size_t sample = 0; sample < prompts.size(); ++sample) {
    for (size_t t = 0; t < prompts[sample].ids.size(); ++t) {
      row[static_cast<int64_t>(sample)][static_cast<int64_t>(t)] = value(prompts[sample], t);
    }
  }
  return rows;  // [batch, seq]
}

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
  const std::vector<std::string> pieces = pieces_around_images(question, layouts.size());
  const PromptFormat& format = config_.format;
  PromptWriter writer(*tokenizer_, format.joint);
  Prompt& prompt = writer.prompt;
  prompt.tile_tokens = config_.tile_tokens;
  int64_t memory_end = 0;

  writer.text(format.opening);
  for (size_t image = 0; image < layouts.size(); ++image) {
    const vision::ImageLayout& layout = layouts[image];
    writer.text(pieces[image]);
    writer.text(format.image_open);
    prompt.visible_from.push_back(prompt.size());
    for (int64_t tile = 0; tile < layout.num_tiles(); ++tile) {
      const auto index = static_cast<int64_t>(prompt.tiles.size());
      const std::string tag = tile_tag(config_.tags, layout, tile);
      TilePlacement place;
      place.image = static_cast<int64_t>(image);
      place.tile = tile;
      place.role = layout.role(tile);
      place.route = config_.routing.of(place.role);
      if (place.route == Route::kInline) {
        writer.text(tag, index);
        writer.slots(config_.tile_tokens, slot_id_, index);
        place.begin = prompt.size() - config_.tile_tokens;
      } else {
        if (config_.routing.memory_tags == Route::kInline) {
          writer.text(tag, index);
        } else {
          place.memory_tag = tokenizer_->encode(tag);
        }
        place.begin = memory_end + static_cast<int64_t>(place.memory_tag.size());
        memory_end = place.begin + config_.tile_tokens;
      }
      prompt.tiles.push_back(std::move(place));
    }
    writer.text(format.image_close);
  }
  writer.text(pieces.back());
  writer.text(format.answer_open);
  writer.flush();
  prompt.answer_begin = prompt.size();
  if (answer) {
    writer.answer(*answer);
    writer.answer(format.answer_close);
  }
  return std::move(prompt);
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
  int64_t seq = 0;
  for (const Prompt& prompt : prompts) seq = std::max(seq, prompt.size());
  PromptBatch batch;
  batch.ids = padded_rows(prompts, seq, pad_id, [](auto& p, size_t t) { return p.ids[t]; });
  batch.attention_mask =
      padded_rows(prompts, seq, 0, [](auto&, size_t) { return 1; }).to(at::kBool);
  batch.labels =
      padded_rows(prompts, seq, kIgnoredLabel, [](auto& p, size_t t) { return p.labels[t]; });
  batch.tile = padded_rows(prompts, seq, kNoTile, [](auto& p, size_t t) { return p.tile[t]; });
  batch.is_slot = padded_rows(prompts, seq, 0, [](auto& p, size_t t) {
                    return int64_t{p.is_slot[t]};
                  }).to(at::kBool);
  batch.samples = std::move(prompts);
  return batch;
}

}  // namespace nvlm::fusion
