// nvlm bench: speed and memory of D, X and H over tiles, resolutions and batches.
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <tuple>

#include "cli/list_option.h"
#include "cli/model_folder.h"
#include "cli/options.h"
#include "common/atomic_file.h"
#include "common/device.h"
#include "common/manifest.h"
#include "common/progress.h"
#include "experiments/ablations/reading_accuracy.h"
#include "experiments/efficiency/bench_models.h"
#include "experiments/efficiency/grid.h"

namespace nvlm::cli {
namespace {

using experiments::BenchModel;
using experiments::GridRow;

BenchModel fresh_model(const std::string& size, const std::string& variant_name,
                       at::ScalarType dtype) {
  const fusion::Variant variant = parse_option("--variants", variant_name, fusion::parse_variant);
  return parse_option("--size", size, [&](const std::string& known) {
    return experiments::random_bench_model(known, variant, dtype);
  });
}

/// The row that all others are predicted from: NVLM-D (or the first) with the most tiles.
size_t reference_row(const std::vector<GridRow>& rows) {
  const auto work = [](const GridRow& row) {
    return std::pair(row.variant == fusion::Variant::kDecoder,
                     row.speed.encode_flops + row.speed.prefill_flops);
  };
  return static_cast<size_t>(
      std::max_element(rows.begin(), rows.end(),
                       [&](const GridRow& a, const GridRow& b) { return work(a) < work(b); }) -
      rows.begin());
}

/// Reads `items` tables for every row, cut into at most as many tiles as its point has. Batches of
/// one model and number of tiles share what was read.
/// benches  as they take turns in the rows
void add_accuracy(std::vector<GridRow>& rows, std::vector<BenchModel>& benches, int64_t items) {
  std::map<std::tuple<size_t, int64_t, int64_t>, experiments::GridAccuracy> known;
  Progress progress("read", static_cast<int64_t>(rows.size()));
  for (size_t i = 0; i < rows.size(); ++i) {
    BenchModel& bench = benches[i % benches.size()];
    const experiments::GridPoint& point = rows[i].point;
    const auto key = std::tuple(i % benches.size(), point.tile_size, point.tiles);
    if (known.count(key) == 0) {
      fusion::MultimodalConfig config =
          experiments::with_tile_size(bench.model->config(), point.tile_size);
      config.preprocessor.tiling.max_tiles = point.tiles;
      const std::vector<double> scores =
          parse_option("--items", std::to_string(items), [&](const std::string&) {
            return experiments::reading_scores(bench.model, config, bench.tokenizer, items);
          });
      known[key] = {items, eval::bootstrap_mean(scores)};
    }
    rows[i].accuracy = known.at(key);
    progress.update(static_cast<int64_t>(i + 1), bench.name);
  }
  progress.finish();
}

void write_rows(const std::filesystem::path& out, const std::vector<GridRow>& rows,
                const Json& manifest) {
  std::filesystem::create_directories(out);
  std::string lines;
  for (const GridRow& row : rows) lines += to_json(row).dump() + "\n";
  write_file_atomically(out / "bench.jsonl", lines);
  write_file_atomically(out / "bench.csv", to_csv(rows));
  write_file_atomically(out / "bench.md", to_markdown(rows));
  write_file_atomically(out / "manifest.json", manifest.dump(2) + "\n");
}

}  // namespace

int run_bench(const Arguments& arguments) {
  std::string size, variants, tiles, tile_sizes, batches, device_name, dtype_name, out;
  int64_t text_tokens = 0, items = 0;
  int repeats = 0, threads = 0;
  VerbOptions options(
      "bench [options] [MODEL...]",
      "Times encoder, projector, prompt, first token and decoding over numbers of tiles, "
      "resolutions and batches, beside what the ledger predicts. Models are d, x, h or folders; "
      "with --size fresh ones of that size.",
      "nvlm bench d x h --tiles 1,2,4,6,12 --out runs/bench");
  options.positional("models");
  options.add()(
      "size", po::value(&size),
      "random weights instead of folders: lab, 0.5b (InternViT-300M and Qwen2.5-0.5B) or 1b "
      "(InternViT-300M and Llama-3.2-1B)")("variants", po::value(&variants)->default_value("d,x,h"),
                                           "of --size: d, x, h, reversed")(
      "tiles", po::value(&tiles)->default_value("1,2,4,6,12"),
      "regular tiles; more than one come with a thumbnail")(
      "tile-size", po::value(&tile_sizes), "pixels of a tile's side; default: the model's")(
      "batch", po::value(&batches)->default_value("1"), "pictures at once")(
      "text-tokens", po::value(&text_tokens)->default_value(0), "of the prompt, at least")(
      "repeats", po::value(&repeats)->default_value(5), "of each measurement, after a warm-up")(
      "items", po::value(&items)->default_value(0),
      "held-out easy tables that every model reads with each number of tiles, for TEDS with its "
      "95% interval")("device", po::value(&device_name)->default_value("cpu"),
                      "cpu, cuda or cuda:N")("dtype", po::value(&dtype_name)->default_value("auto"),
                                             "auto, float32 or bfloat16")(
      "threads", po::value(&threads)->default_value(0), "of tensor operations; 0 = all processors")(
      "out", po::value(&out), "folder for bench.jsonl, bench.csv, bench.md and manifest.json");
  const auto values = options.parse(arguments);
  if (!values) return 0;
  const std::vector<std::string> models = values->count("models") > 0
                                              ? (*values)["models"].as<std::vector<std::string>>()
                                              : std::vector<std::string>();
  if (models.empty() == size.empty()) {
    throw UsageError("expected MODEL... or --size, and not both");
  }
  require_range("--repeats", repeats, 1, 1000);
  require_range("--text-tokens", text_tokens, 0, 100'000);
  require_range("--items", items, 0, 100'000);
  const at::Device device = parse_device(device_name);
  const at::ScalarType dtype = compute_dtype(device, dtype_name);
  set_threads(threads);
  const std::vector<int64_t> tile_counts = comma_numbers("--tiles", tiles, 1);
  const std::vector<int64_t> batch_sizes = comma_numbers("--batch", batches, 1);
  const std::vector<int64_t> sides =
      tile_sizes.empty() ? std::vector<int64_t>{0} : comma_numbers("--tile-size", tile_sizes, 1);
  const std::vector<std::string> names = size.empty() ? models : comma_list("--variants", variants);

  const c10::InferenceMode inference;
  std::vector<BenchModel> benches;
  for (const std::string& name : names) {
    benches.push_back(size.empty() ? experiments::load_bench_model(model_folder(name), dtype)
                                   : fresh_model(size, name, dtype));
    benches.back().model->to(device);
  }
  std::vector<GridRow> rows;
  Progress progress("measure", static_cast<int64_t>(names.size() * tile_counts.size() *
                                                    sides.size() * batch_sizes.size()));
  // The models of a cell one right after the other: what else the machine does falls on all.
  for (const int64_t side : sides) {
    for (const int64_t count : tile_counts) {
      for (const int64_t batch : batch_sizes) {
        for (BenchModel& bench : benches) {
          const fusion::MultimodalConfig& own = bench.model->config();
          const int64_t tile_size = side > 0 ? side : own.preprocessor.tiling.tile_size;
          const fusion::MultimodalConfig config = parse_option(
              "--tile-size", std::to_string(tile_size),
              [&](const std::string&) { return experiments::with_tile_size(own, tile_size); });
          const experiments::GridPoint point{count, tile_size, batch, text_tokens};
          rows.push_back({bench.name,
                          own.fusion.variant,
                          point,
                          measure_point(bench.model, config, bench.tokenizer, point, repeats),
                          {}});
          progress.update(static_cast<int64_t>(rows.size()), bench.name);
        }
      }
    }
  }
  progress.finish();
  predict(rows, reference_row(rows));
  if (items > 0) add_accuracy(rows, benches, items);
  std::cout << to_markdown(rows);
  if (out.empty()) return 0;
  std::vector<std::string> command = {"bench"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  write_rows(
      out, rows,
      make_manifest({.arguments = command, .device = device.str(), .dtype = c10::toString(dtype)}));
  return 0;
}

}  // namespace nvlm::cli
