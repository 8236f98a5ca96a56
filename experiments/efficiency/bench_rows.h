// The rows that `nvlm bench` stored, read again for figures and reports.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace nvlm::experiments {

/// A line of bench.jsonl: medians of what was measured, and what was predicted, in seconds.
struct BenchRow {
  std::string model, variant;
  int64_t tiles = 0;  // regular ones; more than one come with a thumbnail
  int64_t tile_size = 0, batch = 0;
  int64_t sequence = 0, memory = 0;
  double first_token = 0, first_token_p95 = 0, predicted_first_token = 0;
  double prompt = 0, predicted_prompt = 0;  // projector, decoder and cross-attention
  double encode = 0, predicted_encode = 0;
  double decode = 0, predicted_decode = 0;   // of one token for each sample
  double cache_bytes = 0, memory_bytes = 0;  // of the whole batch, behind the prompt
  double prompt_flops = 0, first_token_flops = 0;

  int64_t all_tiles() const { return tiles + (tiles > 1 ? 1 : 0); }
};

/// throws  std::runtime_error with file and line: nothing there, a missing or mistyped field
std::vector<BenchRow> read_bench(const std::filesystem::path& folder);

}  // namespace nvlm::experiments
