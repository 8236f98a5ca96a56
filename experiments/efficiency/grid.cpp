#include "experiments/efficiency/grid.h"

#include <algorithm>
#include <iomanip>
#include <sstream>
#include <stdexcept>

#include "eval/readers/model_reader.h"
#include "experiments/efficiency/roofline.h"

namespace nvlm::experiments {
namespace {

vision::ImageLayout layout_of(int64_t tiles) {
  vision::ImageLayout layout;
  layout.columns = tiles;
  layout.rows = 1;
  return layout;
}

fusion::PromptBatch prompts_of(const fusion::MultimodalConfig& config,
                               const decoder::Tokenizer& tokenizer, const GridPoint& point) {
  const fusion::PromptBuilder builder(tokenizer, config.prompt());
  std::string question = eval::kTableQuestion;
  while (static_cast<int64_t>(tokenizer.encode(question).size()) < point.text_tokens) {
    question += " " + std::string(eval::kTableQuestion);
  }
  const fusion::Prompt prompt = builder.build(question, {layout_of(point.tiles)});
  return fusion::collate(std::vector(static_cast<size_t>(point.batch), prompt), /*pad_id=*/0);
}

/// What is timed as reading the prompt.
double prompt_seconds(const MultimodalSpeed& speed) {
  return speed.fuse_seconds.p50 + speed.prefill_seconds.p50;
}

double prompt_flops(const MultimodalSpeed& speed) { return speed.fuse_flops + speed.prefill_flops; }

Json part_json(const Spread& seconds, double flops) {
  return {{"mean", seconds.mean},
          {"deviation", seconds.deviation},
          {"p50", seconds.p50},
          {"p95", seconds.p95},
          {"flops", flops}};
}

std::string milliseconds(const Spread& seconds) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << 1e3 * seconds.mean << " ± "
       << 1e3 * seconds.deviation;
  return text.str();
}

std::string ratio(double measured, double predicted) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(2) << measured / predicted;
  return text.str();
}

/// "0.912 [0.880, 0.941]"
std::string interval(const eval::MeanInterval& mean) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(3) << mean.mean << " [" << mean.low << ", " << mean.high
       << "]";
  return text.str();
}

/// Fields of fields have dotted names: "prefill.p50".
std::vector<std::pair<std::string, std::string>> csv_fields(const Json& json) {
  std::vector<std::pair<std::string, std::string>> fields;
  const Json flat = json.flatten();
  for (const auto& [pointer, value] : flat.items()) {
    std::string name = pointer.substr(1);  // "/prefill/p50"
    std::replace(name.begin(), name.end(), '/', '.');
    fields.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
  }
  return fields;
}

}  // namespace

fusion::MultimodalConfig with_tile_size(fusion::MultimodalConfig config, int64_t tile_size) {
  const int64_t step = 2 * config.vision.patch_size;
  if (tile_size < step || tile_size % step != 0) {
    throw std::invalid_argument("a tile of " + std::to_string(tile_size) +
                                " pixels, expected a multiple of " + std::to_string(step) +
                                ", two patches");
  }
  config.preprocessor.tiling.tile_size = tile_size;
  config.vision.image_size = tile_size;
  return config;
}

MultimodalSpeed measure_point(fusion::MultimodalModel& model,
                              const fusion::MultimodalConfig& config,
                              const decoder::Tokenizer& tokenizer, const GridPoint& point,
                              int repeats) {
  const at::Device device = model->language_model->model->embed_tokens->weight.device();
  return measure_multimodal(model, config, prompts_of(config, tokenizer, point).to(device),
                            repeats);
}

void predict(std::vector<GridRow>& rows, size_t reference) {
  const MultimodalSpeed& known = rows.at(reference).speed;
  const Machine unit{.peak_flops = 1};
  const Machine encoding = fitted(unit, {.flops = known.encode_flops}, known.encode_seconds.p50);
  const Machine reading = fitted(unit, {.flops = prompt_flops(known)}, prompt_seconds(known));
  const double bandwidth = known.decode_bytes / known.decode_seconds.p50;
  for (GridRow& row : rows) {
    row.predicted = {.encode = encoding.seconds({.flops = row.speed.encode_flops}),
                     .prefill = reading.seconds({.flops = prompt_flops(row.speed)}),
                     .decode = row.speed.decode_bytes / bandwidth};
  }
}

Json to_json(const GridRow& row) {
  const MultimodalSpeed& speed = row.speed;
  Json json = {
      {"model", row.model},
      {"variant", fusion::name(row.variant)},
      {"tiles", row.point.tiles},
      {"thumbnail", row.point.tiles > 1},
      {"tile_size", row.point.tile_size},
      {"batch", row.point.batch},
      {"parameters", speed.parameters},
      {"sequence", speed.shape.sequence},
      {"memory", speed.shape.memory},
      {"encode", part_json(speed.encode_seconds, speed.encode_flops)},
      {"fuse", part_json(speed.fuse_seconds, speed.fuse_flops)},
      {"prefill", part_json(speed.prefill_seconds, speed.prefill_flops)},
      {"first_token",
       part_json(speed.first_token_seconds, speed.encode_flops + prompt_flops(speed))},
      {"decode", part_json(speed.decode_seconds, speed.decode_flops)},
      {"decode_tokens_per_second", static_cast<double>(row.point.batch) / speed.decode_seconds.p50},
      {"cache_bytes", speed.cache.sequence},
      {"memory_bytes", speed.cache.memory},
      {"peak_bytes", speed.peak_bytes}};
  json["encode"]["predicted"] = row.predicted.encode;
  json["prefill"]["predicted_with_fuse"] = row.predicted.prefill;
  json["decode"]["predicted"] = row.predicted.decode;
  if (row.accuracy) {
    json["teds"] = {{"items", row.accuracy->items},
                    {"mean", row.accuracy->teds.mean},
                    {"low", row.accuracy->teds.low},
                    {"high", row.accuracy->teds.high}};
  }
  return json;
}

std::string to_markdown(const std::vector<GridRow>& rows) {
  std::ostringstream text;
  text << "| model | tiles | tile, px | batch | sequence | memory | encode, ms | fuse, ms | "
          "prefill, "
          "ms | first token, ms | decode, ms | tokens/s | cache + memory, MB | peak, MB | measured "
          "/ "
          "predicted: encode, prompt, decode |";
  const bool has_accuracy = !rows.empty() && rows.front().accuracy;
  if (has_accuracy) text << " TEDS of " << rows.front().accuracy->items << " tables, 95% |";
  text << "\n|";
  for (int column = 0; column < (has_accuracy ? 16 : 15); ++column) text << "---|";
  text << "\n" << std::fixed;
  for (const GridRow& row : rows) {
    const MultimodalSpeed& speed = row.speed;
    text << "| " << row.model << " | " << row.point.tiles << (row.point.tiles > 1 ? " + 1" : "")
         << " | " << row.point.tile_size << " | " << row.point.batch << " | "
         << speed.shape.sequence << " | " << speed.shape.memory << " | "
         << milliseconds(speed.encode_seconds) << " | " << milliseconds(speed.fuse_seconds) << " | "
         << milliseconds(speed.prefill_seconds) << " | " << milliseconds(speed.first_token_seconds)
         << " | " << milliseconds(speed.decode_seconds) << " | " << std::setprecision(1)
         << static_cast<double>(row.point.batch) / speed.decode_seconds.p50 << " | "
         << speed.cache.sequence / 1e6 << " + " << speed.cache.memory / 1e6 << " | "
         << static_cast<double>(speed.peak_bytes) / 1e6 << " | "
         << ratio(speed.encode_seconds.p50, row.predicted.encode) << ", "
         << ratio(prompt_seconds(speed), row.predicted.prefill) << ", "
         << ratio(speed.decode_seconds.p50, row.predicted.decode) << " |";
    if (row.accuracy) text << " " << interval(row.accuracy->teds) << " |";
    text << "\n";
  }
  return text.str();
}

std::string to_csv(const std::vector<GridRow>& rows) {
  std::ostringstream text;
  bool has_header = false;
  for (const GridRow& row : rows) {
    const auto fields = csv_fields(to_json(row));
    const auto write = [&](const auto& part) {
      for (size_t i = 0; i < fields.size(); ++i) text << (i > 0 ? "," : "") << part(fields[i]);
      text << "\n";
    };
    if (!has_header) write([](const auto& field) { return field.first; });
    has_header = true;
    write([](const auto& field) { return field.second; });
  }
  return text.str();
}

}  // namespace nvlm::experiments
