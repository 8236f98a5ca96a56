// The speed of D, X and H over numbers of tiles, resolutions and batches: measured beside what the
// ledger predicts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/json.h"
#include "decoder/tokenizer/tokenizer.h"
#include "eval/statistics/bootstrap.h"
#include "experiments/efficiency/multimodal_speed.h"

namespace nvlm::experiments {

/// One cell of the grid.
struct GridPoint {
  int64_t tiles = 1;      // regular ones; more than one come with a thumbnail
  int64_t tile_size = 0;  // pixels a side
  int64_t batch = 1;
  int64_t text_tokens = 0;  // of the prompt besides the question, at least
};

/// Seconds that a fitted machine predicts for the parts of an answer.
struct PredictedSeconds {
  double encode = 0, prefill = 0, decode = 0;
};

/// TEDS of the model's answers to held-out tables, cut into at most as many tiles as the point has.
struct GridAccuracy {
  int64_t items = 0;
  eval::MeanInterval teds;  // over items, 95%
};

struct GridRow {
  std::string model;
  fusion::Variant variant = fusion::Variant::kDecoder;
  GridPoint point;
  MultimodalSpeed speed;
  PredictedSeconds predicted;
  std::optional<GridAccuracy> accuracy = {};  // of all rows or of none
};

/// The model with tiles of another size: positions of the encoder are resized as needed.
/// throws  std::invalid_argument if a side is no multiple of two patches
fusion::MultimodalConfig with_tile_size(fusion::MultimodalConfig config, int64_t tile_size);

/// Measures one cell.
/// config  of `model`, with_tile_size(point.tile_size)
MultimodalSpeed measure_point(fusion::MultimodalModel& model,
                              const fusion::MultimodalConfig& config,
                              const decoder::Tokenizer& tokenizer, const GridPoint& point,
                              int repeats);

/// Fits one machine for each part (encode; projector, decoder and cross-attention; a step of
/// decoding) to the median of row `reference`, and fills in what it predicts for all rows. Reading
/// the prompt and encoding are taken as bound by operations, decoding by bytes.
void predict(std::vector<GridRow>& rows, size_t reference);

/// {"model", "variant", "tiles", "thumbnail", "tile_size", "batch", "sequence", "memory", "<part>":
/// {"mean", "deviation", "p50", "p95", "flops", "predicted"}, "cache_bytes", "memory_bytes",
/// "peak_bytes", ...}; seconds and bytes; with accuracy also "teds": {"items", "mean", "low",
/// "high"}
Json to_json(const GridRow& row);

/// A table for people: milliseconds, mean and deviation, with measured / predicted, and TEDS with
/// its interval where there is one.
std::string to_markdown(const std::vector<GridRow>& rows);

/// The same rows as to_json(), one line each under a header.
std::string to_csv(const std::vector<GridRow>& rows);

}  // namespace nvlm::experiments
