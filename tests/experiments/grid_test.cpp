// The grid of bench: what is measured, what is predicted from it, and how it is written.
#include "experiments/efficiency/grid.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "experiments/efficiency/bench_models.h"

namespace nvlm::experiments {
namespace {

TEST_CASE("spread: mean, deviation and percentiles by hand") {
  const Spread four = spread({1, 2, 3, 6});
  CHECK(four.mean == doctest::Approx(3));
  CHECK(four.deviation == doctest::Approx(std::sqrt(14.0 / 3)));
  CHECK(four.p50 == 3);
  CHECK(four.p95 == 6);
  CHECK(spread({5}).deviation == 0);
}

TEST_CASE("grid: tiles of another size must hold whole pairs of patches") {
  fusion::MultimodalConfig config;
  CHECK(with_tile_size(config, 56).tile_tokens() == 4);
  CHECK_THROWS_AS(with_tile_size(config, 60), std::invalid_argument);
  CHECK_THROWS_AS(with_tile_size(config, 0), std::invalid_argument);
}

TEST_CASE("grid: a lab model measured in three cells, D's cost and X's") {
  std::vector<GridRow> rows;
  for (const fusion::Variant variant :
       {fusion::Variant::kDecoder, fusion::Variant::kCrossAttention}) {
    BenchModel bench = random_bench_model("lab", variant, at::kFloat);
    for (const GridPoint& point : {GridPoint{.tiles = 1, .tile_size = 56},
                                   GridPoint{.tiles = 2, .tile_size = 112, .batch = 2}}) {
      const fusion::MultimodalConfig config =
          with_tile_size(bench.model->config(), point.tile_size);
      rows.push_back({bench.name,
                      variant,
                      point,
                      measure_point(bench.model, config, bench.tokenizer, point, /*repeats=*/2),
                      {}});
    }
  }
  const MultimodalSpeed &d = rows[1].speed, &x = rows[3].speed;
  CHECK(d.tiles() == 2 * 3);  // with thumbnails
  CHECK(d.shape.memory == 0);
  CHECK(x.shape.memory == 3 * 16);
  CHECK(d.shape.sequence >= x.shape.sequence + 3 * 16);
  CHECK(d.encode_flops == x.encode_flops);
  CHECK(d.cache.memory == 0);
  CHECK(x.cache.memory > 0);
  CHECK(x.cache.sequence < d.cache.sequence);
  for (const GridRow& row : rows) {
    CHECK(row.speed.encode_seconds.p50 > 0);
    CHECK(row.speed.first_token_seconds.p50 > 0);
    CHECK(row.speed.peak_bytes > 0);
  }

  predict(rows, 1);
  CHECK(rows[1].predicted.encode == doctest::Approx(d.encode_seconds.p50));
  CHECK(rows[1].predicted.decode == doctest::Approx(d.decode_seconds.p50));
  CHECK(rows[3].predicted.prefill ==
        doctest::Approx(rows[1].predicted.prefill * (x.fuse_flops + x.prefill_flops) /
                        (d.fuse_flops + d.prefill_flops)));

  const Json json = to_json(rows[3]);
  CHECK(json["variant"] == "x");
  CHECK(json["prefill"]["flops"] == x.prefill_flops);
  const std::string csv = to_csv(rows), markdown = to_markdown(rows);
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 5);
  CHECK(csv.find("prefill.p50") < csv.find('\n'));
  CHECK(std::count(markdown.begin(), markdown.end(), '\n') == 6);
  CHECK(markdown.find("TEDS") == std::string::npos);

  for (GridRow& row : rows) row.accuracy = GridAccuracy{.items = 7, .teds = {0.9, 0.85, 0.9375, 7}};
  CHECK(to_json(rows[0])["teds"]["high"] == 0.9375);
  CHECK(to_markdown(rows).find("| 0.900 [0.850, 0.938] |") != std::string::npos);
}

TEST_CASE("grid: unknown sizes of bench models are refused") {
  CHECK_THROWS_AS(random_bench_model("9t", fusion::Variant::kDecoder, at::kFloat),
                  std::invalid_argument);
}

}  // namespace
}  // namespace nvlm::experiments
