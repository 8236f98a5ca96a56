// Which sources a run draws its samples from, and what it does with samples that cannot be used.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "experiments/data/sources/sample_source.h"
#include "experiments/tasks/mixture.h"

namespace nvlm {
class ConfigSchema;
}

namespace nvlm::experiments {

/// What becomes of a sample with more tokens than the model's context. It is never cut.
enum class LongSamples {
  kSkip,   // a bad sample like others: counted, reported, replaced
  kRefuse  // the run ends with an error that names it
};

struct SourceConfig {
  /// "SOURCE" or "SOURCE:WEIGHT"; empty: what the recipe renders. See open_source() for sources.
  std::vector<std::string> sources = {};
  std::string image_folder = {};  // of LLaVA files; empty: the folder of the file
  /// What the validation reads, in the form of `sources`; empty: what the recipe renders, from
  /// random numbers that no training sample has.
  std::vector<std::string> validation = {};
  int64_t validation_samples = 0;  // 0: there is none
  double max_bad = 0.01;           // share of bad samples above which a run fails
  int64_t max_tokens = 0;          // longest sample; 0 = the model's context
  LongSamples long_samples = LongSamples::kSkip;
};

/// Registers every field as `data.<field>`.
void register_options(ConfigSchema& schema, SourceConfig& config);

struct WeightedSource {
  std::shared_ptr<const SampleSource> source;
  double weight = 1;
};

/// One source by what `text` names:
///   render             the renderer, by data.tiny .. data.hard
///   corpus             the generated text corpus
///   FILE.json, .jsonl  LLaVA conversations (llava_file.h)
///   other FILE         text (text_files.h)
///   FOLDER             tables (table_folder.h); with *.txt and without pictures: text
/// A name like a folder's that begins with "./" is always a path.
/// throws  UsageError if there is no such file or folder; what the source throws
std::shared_ptr<const SampleSource> open_source(const std::string& text,
                                                const std::string& image_folder,
                                                const MixtureConfig& mixture);

/// The sources of a configuration; the renderer if it names none. A source of weight 0 is opened
/// and left out.
/// throws  UsageError naming the entry: a negative weight, weights that sum to 0, a source without
///         a single usable sample (and what was looked for), or as open_source
std::vector<WeightedSource> open_sources(const SourceConfig& config, const MixtureConfig& mixture);

/// The same for the validation's.
std::vector<WeightedSource> open_validation(const SourceConfig& config,
                                            const MixtureConfig& mixture);

}  // namespace nvlm::experiments
