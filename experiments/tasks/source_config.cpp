#include "experiments/tasks/source_config.h"

#include <optional>
#include <utility>

#include "common/config_schema.h"
#include "common/config_text.h"
#include "common/error.h"
#include "experiments/data/sources/llava_file.h"
#include "experiments/data/sources/table_folder.h"
#include "experiments/data/sources/text_files.h"
#include "experiments/tasks/generated_sources.h"

namespace nvlm::experiments {
namespace {

namespace fs = std::filesystem;

/// "tables:3" -> "tables", 3; a colon without a number behind it belongs to the name.
std::pair<std::string, double> split_weight(const std::string& entry) {
  const size_t colon = entry.rfind(':');
  if (colon == std::string::npos) return {entry, 1};
  const std::optional<double> weight = parse_config_double(entry.substr(colon + 1));
  if (!weight) return {entry, 1};
  if (!(*weight >= 0 && *weight <= 1e6)) {
    throw UsageError("data.sources: the weight of '" + entry + "' is " + entry.substr(colon + 1) +
                     ", expected 0 to 1000000");
  }
  return {entry.substr(0, colon), *weight};
}

/// Reads on until a sample is usable, so that a hopeless source is refused before anything runs.
void require_usable_sample(const SampleSource& source) {
  const int64_t size = source.size().value_or(0);
  std::string first_problem;
  for (int64_t index = 0; index < size; ++index) {
    try {
      Random unused(0);
      source.read(index, unused);
      return;
    } catch (const BadSample& bad) {
      if (first_problem.empty()) first_problem = bad.name + ": " + bad.what();
    }
  }
  throw UsageError("data.sources: '" + source.name() + "' holds no usable sample" +
                   (size == 0 ? "; looked for " + source.wanted()
                              : " of " + std::to_string(size) + "; the first: " + first_problem));
}

}  // namespace

void register_options(ConfigSchema& schema, SourceConfig& config) {
  schema.add("data.sources", &config.sources,
             "where samples come from, SOURCE or SOURCE:WEIGHT: render, corpus, a folder of tables"
             " or *.txt, a LLaVA file (.json, .jsonl), a text file; with sources, data.text_only"
             " has no meaning; empty = what the recipe renders");
  schema.add(
      "data.validation", &config.validation,
      "sources of the validation, which no training sample should come from; empty = what the "
      "recipe renders, other tables");
  schema.add("data.validation_samples", &config.validation_samples,
             "samples of a validation, always the same ones; 0 = none",
             whole_number_from(0, 1 << 24));
  schema.add("data.image_folder", &config.image_folder,
             "folder of the pictures of LLaVA files; empty = the file's own");
  schema.add("data.max_bad", &config.max_bad,
             "share of bad samples (unreadable, without answer, too long) above which a run fails",
             number_from(0, 1));
  schema.add("data.max_tokens", &config.max_tokens,
             "longest sample, tokens; 0 = the model's context", whole_number_from(0, 1 << 24));
  schema.add_enum<LongSamples>("data.long_samples", &config.long_samples,
                               "what becomes of longer ones; none is ever cut",
                               {{"skip", LongSamples::kSkip}, {"refuse", LongSamples::kRefuse}});
}

std::shared_ptr<const SampleSource> open_source(const std::string& text,
                                                const std::string& image_folder,
                                                const MixtureConfig& mixture) {
  if (text == "render") return std::make_shared<RenderedTables>(mixture);
  if (text == "corpus") return std::make_shared<CorpusDocuments>();
  const fs::path path = text;
  if (!fs::exists(path)) {
    throw UsageError("data.sources: no file or folder '" + text + "', and no source of that name" +
                     " (render, corpus)");
  }
  if (fs::is_directory(path)) {
    auto tables = std::make_shared<TableFolder>(path);
    if (tables->size() == 0 && has_text_files(path)) return std::make_shared<TextFiles>(path);
    return tables;
  }
  const std::string ending = path.extension().string();
  if (ending == ".json" || ending == ".jsonl") {
    const fs::path images = image_folder.empty() ? path.parent_path() : fs::path(image_folder);
    return std::make_shared<LlavaFile>(path, images);
  }
  return std::make_shared<TextFiles>(path);
}

std::vector<WeightedSource> open_validation(const SourceConfig& config,
                                            const MixtureConfig& mixture) {
  SourceConfig validation = config;
  validation.sources = config.validation;
  return open_sources(validation, mixture);
}

std::vector<WeightedSource> open_sources(const SourceConfig& config, const MixtureConfig& mixture) {
  if (config.sources.empty()) return {{std::make_shared<RenderedTables>(mixture), 1}};
  std::vector<WeightedSource> sources;
  for (const std::string& entry : config.sources) {
    const auto [text, weight] = split_weight(entry);
    auto source = open_source(text, config.image_folder, mixture);
    if (source->size()) require_usable_sample(*source);
    if (weight > 0) sources.push_back({std::move(source), weight});
  }
  if (sources.empty()) throw UsageError("data.sources: the weights sum to 0");
  return sources;
}

}  // namespace nvlm::experiments
