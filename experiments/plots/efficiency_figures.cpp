#include "experiments/plots/efficiency_figures.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "experiments/efficiency/paper_throughput.h"
#include "experiments/plots/suite_series.h"

namespace nvlm::experiments {
namespace {

constexpr int kPredictedLooks = 4;  // looks of predictions begin behind those of the variants

using ValueOf = std::function<double(const BenchRow&)>;

/// The rows that differ in model and tiles alone.
std::vector<BenchRow> comparable_rows(std::span<const BenchRow> rows) {
  std::map<int64_t, int64_t> sizes;
  for (const BenchRow& row : rows) ++sizes[row.tile_size];
  const int64_t size =
      std::max_element(sizes.begin(), sizes.end(), [](const auto& a, const auto& b) {
        return a.second < b.second;
      })->first;
  int64_t batch = rows.front().batch;
  for (const BenchRow& row : rows) batch = std::min(batch, row.batch);
  std::vector<BenchRow> chosen;
  std::copy_if(rows.begin(), rows.end(), std::back_inserter(chosen),
               [&](const BenchRow& row) { return row.tile_size == size && row.batch == batch; });
  return chosen;
}

std::vector<std::string> variants_of(const std::vector<BenchRow>& rows) {
  std::vector<std::string> variants;
  for (const BenchRow& row : rows) {
    if (std::find(variants.begin(), variants.end(), row.variant) == variants.end()) {
      variants.push_back(row.variant);
    }
  }
  return variants;
}

Series line_of(const std::vector<BenchRow>& rows, const std::string& variant,
               const std::string& kind, int look, Marks marks, const ValueOf& value) {
  Series series{variant_title(variant) + kind, look, marks, {}};
  for (const BenchRow& row : rows) {
    if (row.variant != variant) continue;
    series.points.push_back({static_cast<double>(row.all_tiles()), value(row)});
  }
  return series;
}

Panel tiles_panel(const std::vector<BenchRow>& rows, const std::string& title, const Axis& y,
                  const ValueOf& measured, const ValueOf& predicted) {
  Panel panel{title, {"tiles, thumbnail included"}, y, {}, {}};
  for (const std::string& variant : variants_of(rows)) {
    const int look = variant_look(variant);
    panel.series.push_back(line_of(rows, variant, "", look, Marks::kLines, measured));
    if (!predicted) continue;
    panel.series.push_back(
        line_of(rows, variant, ", predicted", look + kPredictedLooks, Marks::kCurves, predicted));
  }
  return panel;
}

std::string rows_sentence(const std::vector<BenchRow>& rows) {
  std::set<std::string> models;
  for (const BenchRow& row : rows) models.insert(row.model);
  std::string names;
  for (const std::string& model : models) names += (names.empty() ? "" : ", ") + model;
  return " Models " + names + "; tiles of " + std::to_string(rows.front().tile_size) +
         " pixels, batch " + std::to_string(rows.front().batch) + "; medians.";
}

}  // namespace

std::vector<Figure> efficiency_against_tiles(std::span<const BenchRow> all) {
  if (all.empty()) return {};
  const std::vector<BenchRow> rows = comparable_rows(all);
  std::set<int64_t> tiles;
  for (const BenchRow& row : rows) tiles.insert(row.tiles);
  if (tiles.size() < 2) return {};
  const Panel first = tiles_panel(
      rows, "to the first token", {"seconds"}, [](const BenchRow& row) { return row.first_token; },
      [](const BenchRow& row) { return row.predicted_first_token; });
  const Panel prompt = tiles_panel(
      rows, "of the prompt, encoder left out", {"seconds"},
      [](const BenchRow& row) { return row.prompt; },
      [](const BenchRow& row) { return row.predicted_prompt; });
  const Panel bytes = tiles_panel(
      rows, "keys and values kept", {"megabytes"},
      [](const BenchRow& row) { return (row.cache_bytes + row.memory_bytes) / 1e6; }, {});
  return {{"efficiency-tiles",
           "Time and memory against tiles",
           "Predictions: exact FLOPs of the ledger at the speed that the decoder variant with the "
           "most tiles reached." +
               rows_sentence(rows),
           {first, prompt, bytes}}};
}

Figure paper_throughput_bars() {
  const auto& rows = paper_throughputs();
  const auto find = [&](fusion::Variant variant) {
    return *std::find_if(rows.begin(), rows.end(),
                         [&](const PaperThroughput& row) { return row.variant == variant; });
  };
  const auto work = [](const PaperThroughput& row) {
    return Work{.flops = paper_iteration_flops(row).all().total()};
  };
  const PaperThroughput d = find(fusion::Variant::kDecoder);
  const Machine machine = fitted(paper_machine(), work(d), d.milliseconds_per_iteration / 1e3);
  Panel panel{"", {""}, {"samples per second"}, {}, {}};
  Series paper{"paper", 0, Marks::kBars, {}}, ledger{"ledger, fitted on D", 1, Marks::kBars, {}};
  double place = 0;
  for (const fusion::Variant variant :
       {fusion::Variant::kCrossAttention, fusion::Variant::kHybrid, fusion::Variant::kDecoder}) {
    const PaperThroughput row = find(variant);
    const double samples = row.samples_per_second * row.milliseconds_per_iteration / 1e3;
    panel.categories.push_back(variant_title(fusion::name(variant)));
    paper.points.push_back({place, row.samples_per_second});
    ledger.points.push_back({place, samples / machine.seconds(work(row))});
    ++place;
  }
  panel.series = {paper, ledger};
  return {
      "paper-throughput",
      "The paper's training throughput and the ledger's prediction",
      "Fine-tuning of the 34B on 128 H100 (NVLM, table 3). The prediction counts matrix products "
      "alone, at the speed that D reached.",
      {panel}};
}

}  // namespace nvlm::experiments
