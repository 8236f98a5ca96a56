// Reads a whole source as training would, to say beforehand what can be used and how long it is.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "common/json.h"
#include "decoder/tokenizer/tokenizer.h"
#include "experiments/tasks/sample_stream.h"
#include "fusion/multimodal_config.h"

namespace nvlm::experiments {

/// A sample that can be used.
struct CheckedSample {
  int64_t index = 0;
  std::string name;
  int64_t tokens = 0;         // in the decoder's sequence, image slots included
  int64_t answer_tokens = 0;  // supervised, the one that ends the answer included
  int64_t tiles = 0;
};

struct SourceReport {
  std::string name;
  std::vector<CheckedSample> usable;
  std::vector<BadSampleRecord> bad;

  int64_t num_samples() const { return static_cast<int64_t>(usable.size() + bad.size()); }
};

/// Reads all samples of a source, or the first `generated` of one without end, and builds their
/// prompts.
/// most_tokens  longest prompt that is usable
/// progress     called with the number of samples read; may be empty
SourceReport check_source(const SampleSource& source, const fusion::MultimodalConfig& model,
                          const decoder::Tokenizer& tokenizer, int64_t most_tokens,
                          int64_t generated, const std::function<void(int64_t)>& progress);

/// Smallest, median and largest of a figure over the usable samples; zeros without any.
struct TokenSpread {
  int64_t low = 0, median = 0, high = 0;
};
TokenSpread spread_of(const SourceReport& report, int64_t CheckedSample::*figure);

/// Members: source, samples, usable, bad (name, reason, index), tokens, answer_tokens, tiles (each
/// min, median, max), longest (the `num_longest` usable samples of most tokens).
Json source_report_json(const SourceReport& report, int64_t num_longest);

/// Writes `folder`/index.jsonl with the usable samples of a folder of tables, which `eval tables`
/// then reads. An index that is there is replaced.
/// throws  std::runtime_error if it cannot be written or no sample is usable
void write_table_index(const std::filesystem::path& folder, const SourceReport& report);

}  // namespace nvlm::experiments
