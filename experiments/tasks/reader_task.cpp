#include "experiments/tasks/reader_task.h"

#include "common/json.h"
#include "common/load_weights.h"
#include "common/safetensors.h"
#include "experiments/data/charset.h"
#include "experiments/data/glyph_labels.h"
#include "experiments/data/text_image.h"

namespace nvlm::experiments {
namespace {

/// Most patches are empty; at full weight they would drown the characters.
constexpr double kEmptyWeight = 0.2;

struct ReaderBatch {
  Tensor tiles;   // uint8 [tiles, size, size, 3]
  Tensor labels;  // int64 [tiles, patches, 3]
};

}  // namespace

GlyphReaderImpl::GlyphReaderImpl(const vision::VisionConfig& config) {
  vision_model = register_module("vision_model", vision::VisionEncoder(config));
  glyph_head_ = register_module("glyph_head", torch::nn::Linear(config.hidden, 3 * kNumClasses));
}

Tensor GlyphReaderImpl::forward(const Tensor& pixel_values) {
  const Tensor hidden = vision_model->forward(pixel_values);      // [tiles, 1 + patches, hidden]
  const Tensor logits = glyph_head_(hidden.slice(/*dim=*/1, 1));  // [tiles, patches, 3 * classes]
  return logits.unflatten(-1, {3, kNumClasses});
}

ReaderTask::ReaderTask(const vision::VisionConfig& vision, const vision::TilingConfig& tiling,
                       const MixtureConfig& mixture, at::Device device)
    : tiling_(tiling), mixture_(mixture), device_(device), reader_(vision) {
  reader_->to(device_);
}

std::any ReaderTask::prepare(const BatchRequest& request) const {
  const int64_t size = tiling_.tile_size;
  const int64_t patch = reader_->vision_model->config().patch_size;
  std::vector<Tensor> tiles, labels;
  for (int64_t i = 0; i < request.num_samples; ++i) {
    Random random = training_random(request.seed, request.first_sample + i);
    if (random.chance(mixture_.text_blocks)) {
      const RenderedText text =
          render_text_block(random, size, size, pick_difficulty(mixture_, random));
      tiles.push_back(text.image.unsqueeze(0));
      labels.push_back(glyph_labels(text.glyphs, size, size, vision::ImageLayout{}, size, patch));
    } else {
      const RenderedTable table = render_training_table(mixture_, random);
      vision::TiledImage cut = vision::cut_tiles(table.image, tiling_);
      labels.push_back(glyph_labels(table.glyphs, table.image.size(1), table.image.size(0),
                                    cut.layout, size, patch));
      tiles.push_back(std::move(cut.tiles));
    }
  }
  return ReaderBatch{at::cat(tiles), at::cat(labels)};
}

TaskLoss ReaderTask::loss(const std::any& batch) {
  const auto& [tiles, labels] = std::any_cast<const ReaderBatch&>(batch);
  const Tensor logits = reader_(vision::normalise_tiles(tiles.to(device_)));
  const Tensor flat = logits.flatten(0, 2).to(at::kFloat);  // [tiles * patches * 3, classes]
  const Tensor target = labels.to(device_).flatten();       // [tiles * patches * 3]
  const Tensor is_glyph = target != 0;
  const Tensor weight = at::where(is_glyph, 1.0, kEmptyWeight).to(at::kFloat);
  const Tensor nll = at::nll_loss(flat.log_softmax(-1), target, /*weight=*/{}, at::Reduction::None);

  TaskLoss result;
  result.sum = (nll * weight).sum();
  result.count = weight.sum();
  const Tensor right = flat.detach().argmax(-1) == target;
  result.metrics["glyph_accuracy"] =
      right.logical_and(is_glyph).sum().to(at::kFloat) / is_glyph.sum().clamp_min(1);
  return result;
}

void ReaderTask::save(const std::filesystem::path& dir) {
  write_json(dir / "config.json", vision::to_json(reader_->vision_model->config()));
  write_safetensors(dir / "model.safetensors", state_dict(*reader_->vision_model));
  write_safetensors(dir / "reader.safetensors", state_dict(*reader_));
}

}  // namespace nvlm::experiments
