#include "experiments/ablations/evaluate.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <chrono>
#include <span>
#include <string>

#include "eval/readers/model_reader.h"
#include "eval/table/gfm_parser.h"
#include "eval/table/merge_marks.h"
#include "eval/tasks/table_scores.h"
#include "experiments/ablations/held_out.h"
#include "experiments/efficiency/ledger.h"
#include "fusion/prompt.h"

namespace nvlm::experiments {
namespace {

constexpr int64_t kItemsAtOnce = 16;
constexpr int64_t kTimedItems = 6;

/// An item as the model sees it.
struct ReadItem {
  std::string answer;
  std::string question;
  std::vector<vision::ImageLayout> layouts;  // none or one
  Tensor tiles;                              // uint8, see cut_tiles; undefined without a picture
  Tensor features;                           // undefined without a picture
  double glyph_height = 0;
};

Tensor encode(FusionTask& task, const Tensor& tiles) {
  fusion::MultimodalModel& model = task.multimodal();
  const auto weight = model->vision_model->parameters().front();
  return model
      ->encode_tiles(vision::normalise_tiles(tiles.to(weight.device())).to(weight.scalar_type()))
      .to(at::kFloat);
}

ReadItem read_item(FusionTask& task, const EvaluationRequest& request, int64_t index) {
  if (request.held_out == HeldOut::kText)
    return {held_out_text(index), kTextQuestion, {}, {}, {}, 0};
  const vision::TilingConfig& tiling = task.multimodal()->config().preprocessor.tiling;
  const RenderedTable table = held_out_table(request.mixture, index);
  const int64_t width = table.image.size(1), height = table.image.size(0);
  vision::TiledImage cut = vision::cut_tiles(table.image, tiling);
  ReadItem item;
  item.answer = table.answer;
  item.question = eval::kTableQuestion;
  item.layouts = {cut.layout};
  item.tiles = std::move(cut.tiles);
  item.glyph_height = median_glyph_height(table.glyphs);
  if (const CodedFeatures* coded = task.coded_features()) {
    Random random = held_out_random(index);
    item.features = (*coded)(table.glyphs, width, height, item.layouts.front(), random);
  } else {
    item.features = encode(task, item.tiles);
  }
  return item;
}

/// A batch of items with what the fusion wants.
struct ItemBatch {
  fusion::PromptBatch prompts;
  vision::TileFeatures features;
};

ItemBatch batch_of(FusionTask& task, const std::vector<ReadItem>& items, bool with_answers) {
  const fusion::PromptBuilder builder(task.tokenizer(), task.multimodal()->config().prompt());
  const at::Device device = task.multimodal()->language_model->parameters().front().device();
  std::vector<fusion::Prompt> prompts;
  std::vector<Tensor> features;
  for (const ReadItem& item : items) {
    prompts.push_back(with_answers ? builder.build(item.question, item.layouts, item.answer)
                                   : builder.build(item.question, item.layouts));
    if (item.features.defined()) features.push_back(item.features);
  }
  ItemBatch batch{fusion::collate(std::move(prompts), /*pad_id=*/0).to(device), {}};
  batch.features.tiles = batch.prompts.tile_refs();
  if (!features.empty()) batch.features.tokens = at::cat(features).to(device);
  return batch;
}

/// Fills in tokens, nll and token_accuracy of the rows from `first` on.
void score_teacher_forced(FusionTask& task, const ItemBatch& batch, std::span<ItemRow> rows) {
  fusion::MultimodalModel& model = task.multimodal();
  const Tensor hidden = model->hidden_states(batch.prompts, batch.features);
  const Tensor logits = model->logits(hidden.slice(1, 0, -1)).to(at::kFloat);  // [batch, seq-1, v]
  const Tensor labels = batch.prompts.labels.slice(1, 1);                      // [batch, seq - 1]
  const Tensor is_answer = labels.ne(fusion::kIgnoredLabel);
  const Tensor target = labels.clamp_min(0).unsqueeze(-1);
  const Tensor losses = -logits.log_softmax(-1).gather(-1, target).squeeze(-1) * is_answer;
  const Tensor right = logits.argmax(-1).eq(labels).logical_and(is_answer);
  const Tensor sums = at::stack({is_answer.sum(1).to(at::kDouble),
                                 losses.sum(1, false, at::kDouble), right.sum(1).to(at::kDouble)})
                          .cpu();  // [3, batch]
  const auto values = sums.accessor<double, 2>();
  for (int64_t i = 0; i < static_cast<int64_t>(rows.size()); ++i) {
    ItemRow& row = rows[static_cast<size_t>(i)];
    row.tokens = static_cast<int64_t>(values[0][i]);
    row.nll = values[1][i] / values[0][i];
    row.token_accuracy = values[2][i] / values[0][i];
  }
}

void score_greedy(FusionTask& task, const std::vector<ReadItem>& items, int64_t max_new_tokens,
                  std::span<ItemRow> rows) {
  const ItemBatch batch = batch_of(task, items, /*with_answers=*/false);
  decoder::GenerationConfig config;
  config.max_new_tokens = max_new_tokens;
  config.eos_token_ids = task.multimodal()->config().decoder.eos_token_ids;
  const decoder::Generation generation =
      task.multimodal()->generate(batch.prompts, batch.features, config);
  for (size_t i = 0; i < items.size(); ++i) {
    std::vector<int64_t> tokens = generation.tokens[i];
    if (generation.finish_reasons[i] == decoder::FinishReason::kStopToken) tokens.pop_back();
    rows[i].teds = answer_teds(task.tokenizer().decode(tokens), items[i].answer);
  }
}

double seconds_of_answer(FusionTask& task, ReadItem item) {
  decoder::GenerationConfig config;  // without stop tokens: as long as the true answer
  config.max_new_tokens =
      std::max<int64_t>(1, static_cast<int64_t>(task.tokenizer().encode(item.answer).size()));
  const auto start = std::chrono::steady_clock::now();
  if (item.tiles.defined()) item.features = encode(task, item.tiles);
  const ItemBatch batch = batch_of(task, {std::move(item)}, /*with_answers=*/false);
  task.multimodal()->generate(batch.prompts, batch.features, config);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

double answer_teds(const std::string& answer, const std::string& truth) {
  const auto expected = eval::parse_gfm_table(truth);
  TORCH_CHECK(expected.has_value(), "held-out item: its ground truth is no table");
  const eval::Table table = eval::merge_marked_cells(expected->table);
  const double score = eval::score_table(eval::answer_with_spans(answer), table).teds;
  return std::clamp(score, 0.0, 1.0);
}

std::vector<ItemRow> evaluate_items(FusionTask& task, const EvaluationRequest& request) {
  const c10::NoGradGuard no_grad;
  task.model().eval();
  std::vector<ItemRow> rows = held_out_rows(request.held_out, request.mixture, request.num_items);
  const bool decodes = request.max_new_tokens > 0 && request.held_out == HeldOut::kTables;
  for (int64_t first = 0; first < request.num_items; first += kItemsAtOnce) {
    const int64_t count = std::min(kItemsAtOnce, request.num_items - first);
    const std::span<ItemRow> part =
        std::span(rows).subspan(static_cast<size_t>(first), static_cast<size_t>(count));
    std::vector<ReadItem> items;
    for (int64_t i = first; i < first + count; ++i) {
      items.push_back(read_item(task, request, i));
      ItemRow& row = rows[static_cast<size_t>(i)];
      row.glyph_height = items.back().glyph_height;
      if (!items.back().layouts.empty()) row.tiles = items.back().layouts.front().num_tiles();
    }
    score_teacher_forced(task, batch_of(task, items, /*with_answers=*/true), part);
    if (decodes) score_greedy(task, items, request.max_new_tokens, part);
  }
  return rows;
}

AnswerCost measure_answer_cost(FusionTask& task, const EvaluationRequest& request) {
  const c10::NoGradGuard no_grad;
  task.model().eval();
  const fusion::MultimodalConfig& config = task.multimodal()->config();
  const fusion::PromptBuilder builder(task.tokenizer(), config.prompt());
  AnswerCost cost;
  std::vector<double> seconds;
  for (int64_t i = 0; i < request.num_items; ++i) {
    ReadItem item = read_item(task, request, i);
    const fusion::Prompt prompt = builder.build(item.question, item.layouts);
    const auto answer = static_cast<int64_t>(task.tokenizer().encode(item.answer).size());
    const BatchShape shape = shape_of(fusion::collate({prompt}, /*pad_id=*/0), /*labels=*/false);
    const ModelFlops prefill = model_flops(config, shape);
    const double share = 1.0 / static_cast<double>(request.num_items);
    cost.tiles += share * static_cast<double>(prompt.tiles.size());
    cost.sequence += share * static_cast<double>(prompt.size());
    cost.memory += share * static_cast<double>(prompt.memory_size());
    cost.encode_flops += share * prefill.encoder.forward;
    cost.prefill_flops += share * (prefill.all().forward - prefill.encoder.forward);
    cost.decode_flops +=
        share * model_flops(config, decode_shape(shape, prompt.size() + answer / 2)).all().forward;
    if (i <= kTimedItems) {
      const double taken = seconds_of_answer(task, std::move(item));
      if (i > 0 || request.num_items == 1) seconds.push_back(taken);  // the first one warms up
    }
  }
  const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
  std::nth_element(seconds.begin(), middle, seconds.end());
  cost.latency_seconds = *middle;
  return cost;
}

}  // namespace nvlm::experiments
