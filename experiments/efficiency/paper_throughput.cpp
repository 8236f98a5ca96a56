#include "experiments/efficiency/paper_throughput.h"

#include "fusion/presets.h"

namespace nvlm::experiments {
namespace {

constexpr int64_t kPaperBatch = 256, kPaperTiles = 7;  // per sample, thumbnail included

}  // namespace

const std::array<PaperThroughput, 3>& paper_throughputs() {
  using fusion::Variant;
  static constexpr std::array<PaperThroughput, 3> rows = {{
      {Variant::kCrossAttention, 1024, 5063, 50.6},
      {Variant::kDecoder, 2816, 8885, 28.8},
      {Variant::kHybrid, 1280, 7071, 36.2},
  }};
  return rows;
}

ModelFlops paper_iteration_flops(const PaperThroughput& row) {
  const fusion::MultimodalConfig config =
      fusion::preset("nvlm-" + fusion::name(row.variant) + "-34b").value();
  const fusion::Routing routing = fusion::routing(row.variant);
  const int64_t remembered = (routing.regular == fusion::Route::kMemory ? kPaperTiles - 1 : 0) +
                             (routing.thumbnail == fusion::Route::kMemory ? 1 : 0);
  const int64_t memory = remembered * config.tile_tokens();
  return model_flops(config,
                     {.batch = kPaperBatch,
                      .sequence = row.sequence,
                      .encoded = kPaperBatch * kPaperTiles,
                      .projected = kPaperBatch * kPaperTiles,
                      .inline_tiles = kPaperBatch * (kPaperTiles - remembered),
                      .memory = memory,
                      .new_memory = memory,
                      .memory_tiles = kPaperBatch * remembered,
                      .logits = kPaperBatch * row.sequence},
                     {.trained = kFinetunedParts});
}

Machine paper_machine() { return {.peak_flops = 128 * 989e12}; }

}  // namespace nvlm::experiments
