#include "experiments/tasks/data_check.h"

#include <algorithm>
#include <stdexcept>

#include "common/atomic_file.h"
#include "experiments/tasks/prompt_checks.h"

namespace nvlm::experiments {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kCheckedSeed = 1;  // of sources without end: the default of train.seed

CheckedSample check_sample(const Sample& sample, int64_t index,
                           const fusion::MultimodalConfig& model,
                           const fusion::PromptBuilder& builder,
                           const decoder::Tokenizer& tokenizer, int64_t most_tokens) {
  std::vector<vision::ImageLayout> layouts;
  for (const Tensor& image : sample.images) {
    layouts.push_back(
        vision::choose_layout(image.size(1), image.size(0), model.preprocessor.tiling));
  }
  const fusion::Prompt prompt = sample_prompt(builder, tokenizer, sample, layouts);
  require_length(prompt, sample, most_tokens);
  return {index, sample.name, prompt.size(), prompt.size() - prompt.answer_begin,
          static_cast<int64_t>(prompt.tiles.size())};
}

Json spread_json(const TokenSpread& spread) {
  return {{"min", spread.low}, {"median", spread.median}, {"max", spread.high}};
}

/// The text beside a picture, as TableFolder finds it; relative to `folder`.
void add_truth(Json& entry, const fs::path& folder, const fs::path& image) {
  const fs::path truth_folder = fs::is_directory(folder / "images") ? folder / "gt" : folder;
  for (const char* key : {"md", "html"}) {
    const fs::path file = truth_folder / (image.stem().string() + "." + key);
    if (fs::is_regular_file(file)) entry[key] = file.lexically_relative(folder).string();
  }
}

}  // namespace

SourceReport check_source(const SampleSource& source, const fusion::MultimodalConfig& model,
                          const decoder::Tokenizer& tokenizer, int64_t most_tokens,
                          int64_t generated, const std::function<void(int64_t)>& progress) {
  const fusion::PromptBuilder builder(tokenizer, model.prompt());
  SourceReport report;
  report.name = source.name();
  for (int64_t index = 0; index < source.size().value_or(generated); ++index) {
    Random random = training_random(kCheckedSeed, index);
    try {
      report.usable.push_back(
          check_sample(source.read(index, random), index, model, builder, tokenizer, most_tokens));
    } catch (const BadSample& bad) {
      report.bad.push_back({index, report.name, index, bad.name, bad.what(), bad.file});
    }
    if (progress) progress(index + 1);
  }
  return report;
}

TokenSpread spread_of(const SourceReport& report, int64_t CheckedSample::*figure) {
  if (report.usable.empty()) return {};
  std::vector<int64_t> values;
  for (const CheckedSample& sample : report.usable) values.push_back(sample.*figure);
  std::sort(values.begin(), values.end());
  return {values.front(), values[values.size() / 2], values.back()};
}

Json source_report_json(const SourceReport& report, int64_t num_longest) {
  Json bad = Json::array(), longest = Json::array();
  for (const BadSampleRecord& record : report.bad) {
    bad.push_back({{"name", record.name}, {"reason", record.reason}, {"index", record.index}});
  }
  std::vector<CheckedSample> sorted = report.usable;
  std::stable_sort(
      sorted.begin(), sorted.end(),
      [](const CheckedSample& a, const CheckedSample& b) { return a.tokens > b.tokens; });
  sorted.resize(std::min(sorted.size(), static_cast<size_t>(num_longest)));
  for (const CheckedSample& sample : sorted) {
    longest.push_back({{"name", sample.name}, {"tokens", sample.tokens}, {"tiles", sample.tiles}});
  }
  return {{"source", report.name},
          {"samples", report.num_samples()},
          {"usable", report.usable.size()},
          {"bad", bad},
          {"tokens", spread_json(spread_of(report, &CheckedSample::tokens))},
          {"answer_tokens", spread_json(spread_of(report, &CheckedSample::answer_tokens))},
          {"tiles", spread_json(spread_of(report, &CheckedSample::tiles))},
          {"longest", longest}};
}

void write_table_index(const fs::path& folder, const SourceReport& report) {
  if (report.usable.empty()) {
    throw std::runtime_error("'" + folder.string() + "': no usable sample to write an index of");
  }
  std::string index;
  for (const CheckedSample& sample : report.usable) {
    const fs::path image = sample.name;  // TableFolder names samples by their picture
    Json entry{{"id", image.stem().string()}, {"image", image.lexically_relative(folder).string()}};
    add_truth(entry, folder, image);
    index += entry.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  write_file_atomically(folder / "index.jsonl", index);
}

}  // namespace nvlm::experiments
