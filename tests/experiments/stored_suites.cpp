#include "tests/experiments/stored_suites.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <utility>

#include "common/json.h"
#include "common/random.h"

namespace nvlm::test {
namespace {

using experiments::ItemRow;
using experiments::RunSummary;
using experiments::Suite;
using experiments::SuiteArm;

double within_0_1(double value) { return std::clamp(value, 0.0, 1.0); }

/// Items are equally hard for all runs; four of them are of one document.
std::vector<ItemRow> made_rows(const MadeSuite& made, double gain, int64_t tiles, Random random) {
  Random item_random(99);
  std::vector<ItemRow> rows;
  const double shift = gain + made.seed_spread * random.normal();
  for (int64_t i = 0; i < made.num_items; ++i) {
    const double hardness = 0.1 * item_random.normal();
    ItemRow row;
    row.item = "table-" + std::to_string(i);
    row.group = "document-" + std::to_string(i / 4);
    row.tiles = tiles > 0 ? tiles : 1 + i % 6;
    row.glyph_height = 6.0 + static_cast<double>(i % 12);
    row.tokens = 40 + i % 7;
    const double score = 0.7 + shift + hardness + 0.01 * row.glyph_height + 0.02 * random.normal();
    row.token_accuracy = within_0_1(score);
    row.teds = within_0_1(score - 0.1);
    row.nll = std::max(0.0, 2.0 * (1.1 - score));
    rows.push_back(row);
  }
  return rows;
}

double speed_of(const std::string& arm) {
  if (arm == "x") return 0.9;
  return arm == "h" ? 1.0 : 1.2;
}

std::string made_metrics(const MadeArm& arm, Random random) {
  std::string lines;
  for (int step = 10; step <= 200; step += 10) {
    Json line{{"step", step},
              {"samples", step * 16},
              {"loss", 4.0 * std::exp(-step / 60.0) + 0.5 - arm.gain + 0.05 * random.uniform()},
              {"validation", {{"loss", 1.0}}}};
    if (arm.arm == "x" || arm.arm == "h") {
      for (const char* block : {"0", "1", "2"}) {
        const double gate = std::tanh(step / 300.0) * (1.0 + 0.1 * random.uniform());
        line["gate." + std::string(block) + ".attention"] = gate;
        line["gate." + std::string(block) + ".ffn"] = gate / 2.0;
      }
    }
    lines += line.dump() + "\n";
  }
  return lines;
}

int64_t tiles_of(const MadeArm& arm) {
  const auto tiles = arm.options.find("tiling.max_tiles");
  return tiles == arm.options.end() ? 0 : std::stoll(tiles->second);
}

RunSummary made_summary(const MadeSuite& made, const Suite& suite, const MadeArm& arm, int64_t seed,
                        const std::vector<ItemRow>& rows, Random random) {
  RunSummary run;
  run.suite = suite.suite;
  run.matching = arm.matching;
  run.arm = arm.arm;
  run.seed = seed;
  run.revision = suite.revision;
  run.items_hash = suite.items_hash;
  run.config_hash = std::string(64, 'c');
  run.weights_hash = std::string(64, 'd');
  run.data = "synthetic";
  run.steps = 200;
  run.samples = arm.matching == "flops" ? 4000 : 3200;
  run.train_flops = (arm.arm == "x" ? 2e12 : 4e12) * (arm.matching == "samples" ? 1.0 : 1.3);
  run.trainable_parameters = arm.arm == "d" ? 1'200'000 : 1'500'000;
  run.total_parameters = 4'000'000;
  run.train_seconds = 60.0;
  run.eval_seconds = 5.0;
  const auto tiles = static_cast<double>(tiles_of(arm) > 0 ? tiles_of(arm) : 5);
  run.answer = {tiles,
                100.0,
                arm.arm == "d" ? 0.0 : 64.0 * tiles,
                1e9 * tiles,
                (arm.arm == "d" ? 2e9 : 1e9) * tiles,
                arm.arm == "d" ? 1e7 : 2e7,
                speed_of(arm.arm) + 0.001 * random.uniform() + 0.1 * tiles};
  double sum = 0.0;
  for (const ItemRow& row : rows) sum += metric_of(row, made.metric);
  run.headline_metric = made.metric;
  run.headline_mean = sum / static_cast<double>(rows.size());
  return run;
}

}  // namespace

MadeSuite fusion_suite() {
  MadeSuite made;
  for (const char* matching : {"samples", "parameters", "flops"}) {
    made.arms.push_back({matching, "d", "NVLM-D", 0.0, {{"fusion.variant", "d"}}});
    made.arms.push_back({matching, "x", "NVLM-X", -0.08, {{"fusion.variant", "x"}}});
    made.arms.push_back({matching, "h", "NVLM-H", -0.04, {{"fusion.variant", "h"}}});
    made.comparisons.push_back({matching, "d", "x"});
    made.comparisons.push_back({matching, "d", "h"});
    made.comparisons.push_back({matching, "x", "h"});
  }
  return made;
}

MadeSuite tile_tags_suite() {
  MadeSuite made;
  made.suite = "tile-tags";
  const std::vector<std::pair<std::string, double>> gains = {
      {"none", 0.0}, {"1d", 0.06}, {"2d-grid", 0.03}, {"2d-box", 0.0}};
  for (const auto& [tags, gain] : gains) {
    made.arms.push_back({"none",
                         tags,
                         tags == "none" ? "no tags" : tags + " tags",
                         gain,
                         {{"fusion.variant", "d"}, {"fusion.tile_tags", tags}}});
    if (tags != "none") made.comparisons.push_back({"none", "none", tags});
  }
  return made;
}

MadeSuite resolution_suite() {
  MadeSuite made;
  made.suite = "resolution";
  for (const int tiles : {1, 2, 4, 6}) {
    made.arms.push_back({"none",
                         "tiles-" + std::to_string(tiles),
                         std::to_string(tiles) + " tiles",
                         0.02 * tiles,
                         {{"fusion.variant", "d"}, {"tiling.max_tiles", std::to_string(tiles)}}});
  }
  made.comparisons.push_back({"none", "tiles-1", "tiles-6"});
  return made;
}

MadeSuite cross_layers_suite() {
  MadeSuite made;
  made.suite = "cross-layers";
  for (const char* label :
       {"one, before layer 1", "two, before layers 1 and 2", "two, before layers 1 and 3",
        "two, before and after the last layer", "four, one after every layer"}) {
    const std::string name = "arm-" + std::to_string(made.arms.size());
    made.arms.push_back({"samples", name, label, 0.0, {}});
    if (name != "arm-0") made.comparisons.push_back({"samples", "arm-0", name});
  }
  return made;
}

void write_made_suite(const std::filesystem::path& folder, const MadeSuite& made) {
  Suite suite;
  suite.suite = made.suite;
  suite.preset = made.preset;
  suite.question = "Does it matter?";
  suite.revision = "0123456789abcdef0123456789abcdef01234567";
  suite.metric = made.metric;
  suite.smaller_is_better = made.metric == "nll";
  suite.seeds = made.seeds;
  suite.num_items = made.num_items;
  suite.items_hash = experiments::item_list_hash(made_rows(made, 0.0, 0, Random(0)));
  suite.comparisons = made.comparisons;
  for (const MadeArm& arm : made.arms) {
    suite.arms.push_back({arm.matching, arm.arm, arm.label, arm.options, {200, 3200, 4e12, 1, 60}});
  }
  std::filesystem::create_directories(folder);
  write_suite(folder, suite);
  uint64_t stream = 0;
  for (const MadeArm& arm : made.arms) {
    for (const int64_t seed : made.seeds) {
      const Random random(7, ++stream);
      const auto run_dir = experiments::run_folder(folder, arm.matching, arm.arm, seed);
      std::filesystem::create_directories(run_dir);
      std::ofstream(run_dir / "metrics.jsonl") << made_metrics(arm, random);
      const std::vector<ItemRow> rows = made_rows(made, arm.gain, tiles_of(arm), random);
      write_run(run_dir, made_summary(made, suite, arm, seed, rows, random), rows);
    }
  }
}

}  // namespace nvlm::test
