#include "experiments/tasks/reader_task.h"

#include <cmath>

#include "common/json.h"
#include "common/load_weights.h"
#include "common/safetensors.h"
#include "experiments/data/glyph_labels.h"
#include "experiments/data/text_image.h"
#include "experiments/tasks/local_start.h"

namespace nvlm::experiments {
namespace {

/// Most patches are empty; at full weight they would drown the characters.
constexpr double kEmptyWeight = 0.2;

/// Of the squared error of the code beside the cross-entropy of the characters.
constexpr double kCodeWeight = 1.0;

struct ReaderBatch {
  Tensor tiles;   // uint8 [tiles, size, size, 3]
  Tensor labels;  // int64 [tiles, patches, 3]
};

/// One tile full of text, stretched as tiling stretches a table to its grid.
RenderedText stretched_text(Random& random, int64_t size, const TableDifficulty& difficulty) {
  const auto side = [&](double least, double most) {
    const double stretch = std::exp(random.uniform(std::log(least), std::log(most)));
    return std::lround(static_cast<double>(size) / stretch);
  };
  const int64_t width = side(0.8, 3.0), height = side(1.0, 2.6);
  return render_text_block(random, width, height, difficulty);
}

}  // namespace

ReaderTask::ReaderTask(const vision::VisionConfig& vision, const vision::TilingConfig& tiling,
                       const MixtureConfig& mixture, at::Device device)
    : tiling_(tiling),
      mixture_(mixture),
      device_(device),
      encoder_(vision),
      code_(vision.hidden, vision.grid(), device) {
  start_local(*encoder_);
  encoder_->to(device_);
}

std::vector<std::any> ReaderTask::prepare(const BatchRequest& request) const {
  const int64_t size = tiling_.tile_size;
  const int64_t patch = encoder_->config().patch_size;
  std::vector<Tensor> tiles, labels;
  const auto add = [&](const Tensor& image, const std::vector<Glyph>& glyphs,
                       const vision::TilingConfig& tiling) {
    vision::TiledImage cut = vision::cut_tiles(image, tiling);
    labels.push_back(glyph_labels(glyphs, image.size(1), image.size(0), cut.layout, size, patch));
    tiles.push_back(std::move(cut.tiles));
  };
  for (int64_t i = 0; i < request.num_samples; ++i) {
    Random random = training_random(request.seed, request.first_sample + i);
    vision::TilingConfig tiling = tiling_;
    if (random.chance(mixture_.text_blocks)) {
      const RenderedText text = stretched_text(random, size, pick_difficulty(mixture_, random));
      tiling = vision::with_max_tiles(tiling, 1);
      add(text.image, text.glyphs, tiling);
    } else {
      const RenderedTable table = render_training_table(mixture_, random);
      tiling.use_thumbnail = random.chance(mixture_.thumbnails);
      add(table.image, table.glyphs, tiling);
    }
  }
  return {ReaderBatch{at::cat(tiles), at::cat(labels)}};
}

TaskLoss ReaderTask::loss(const std::any& batch) {
  const auto& [tiles, cpu_labels] = std::any_cast<const ReaderBatch&>(batch);
  const Tensor labels = cpu_labels.to(device_);
  const Tensor hidden = encoder_(vision::normalise_tiles(tiles.to(device_)))
                            .slice(/*dim=*/1, 1)
                            .to(at::kFloat);                    // [tiles, patches, hidden]
  const Tensor glyphs = labels.flatten().nonzero().squeeze(1);  // [glyphs]
  const Tensor target = labels.flatten().index_select(0, glyphs) - 1;
  const Tensor logits =
      code_.logits(hidden).flatten(0, 2).index_select(0, glyphs);  // [glyphs, classes - 1]
  const Tensor squared = (hidden - code_.encode(labels)).square().mean(-1);  // [tiles, patches]
  const Tensor weight = at::where((labels != 0).any(-1), 1.0, kEmptyWeight).to(at::kFloat);
  const Tensor error = (squared * weight).sum() / weight.sum();
  const int64_t count = std::max<int64_t>(target.size(0), 1);

  TaskLoss result;
  result.sum = at::cross_entropy_loss(logits, target, /*weight=*/{}, at::Reduction::Sum) +
               kCodeWeight * error * static_cast<double>(count);
  result.count = at::scalar_tensor(count, target.options());
  result.metrics["glyph_accuracy"] =
      (logits.detach().argmax(-1) == target).sum().to(at::kFloat) / static_cast<double>(count);
  result.metrics["code_error"] = error.detach();
  return result;
}

void ReaderTask::save(const std::filesystem::path& dir) {
  write_json(dir / "config.json", vision::to_json(encoder_->config()));
  write_safetensors(dir / "model.safetensors", state_dict(*encoder_));
}

}  // namespace nvlm::experiments
