// nvlm data check: usable and bad samples of training data, and their lengths in tokens.
#include "experiments/tasks/data_check.h"

#include <algorithm>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <optional>

#include "cli/data_verbs.h"
#include "cli/model_folder.h"
#include "cli/options.h"
#include "common/error.h"
#include "common/progress.h"
#include "experiments/tasks/prompt_checks.h"
#include "experiments/tasks/source_config.h"
#include "fusion/multimodal_checkpoint.h"

namespace nvlm::cli {
namespace {

using experiments::SourceReport;

constexpr int64_t kLongestShown = 5;

void print_spread(const std::string& what, const Json& spread) {
  std::cout << "  " << std::left << std::setw(18) << what << std::right << std::setw(7)
            << spread.at("min").get<int64_t>() << std::setw(8) << spread.at("median").get<int64_t>()
            << std::setw(8) << spread.at("max").get<int64_t>() << "\n";
}

void print_report(const SourceReport& report, int64_t most_tokens) {
  const Json json = experiments::source_report_json(report, kLongestShown);
  std::cout << report.name << ": " << report.num_samples() << " samples, " << report.usable.size()
            << " usable, " << report.bad.size() << " bad\n";
  std::cout << "                      min  median     max\n";
  print_spread("tokens", json.at("tokens"));
  print_spread("answer tokens", json.at("answer_tokens"));
  print_spread("tiles", json.at("tiles"));
  std::cout << "  longest, of at most " << most_tokens << " tokens\n";
  for (const Json& sample : json.at("longest")) {
    std::cout << "    " << sample.at("tokens").get<int64_t>() << "  "
              << sample.at("name").get<std::string>() << "\n";
  }
  if (!report.bad.empty()) std::cout << "  bad\n";
  for (const auto& bad : report.bad) std::cout << "    " << bad.name << ": " << bad.reason << "\n";
}

}  // namespace

int run_data_check(const Arguments& arguments) {
  std::string model_name;
  experiments::SourceConfig sources;
  int64_t generated = 0;
  bool as_json = false, write_index = false;
  VerbOptions options(
      "data check SOURCE... [options]",
      "Reads every sample as training would: which are usable, which are bad and why, and how many "
      "tokens they have. SOURCE is what data.sources takes: a folder of tables or texts, a LLaVA "
      "file, a text file. Exit code 1 if a larger share than --max-bad is bad.",
      "nvlm data check my-tables --model d");
  options.add()("model", po::value(&model_name)->default_value("d"),
                "d, x, h or a folder: whose tokens, tiles and context count")(
      "max-tokens", po::value(&sources.max_tokens)->default_value(0),
      "longest sample; 0 = the model's context")(
      "max-bad", po::value(&sources.max_bad)->default_value(sources.max_bad), "share, 0 to 1")(
      "image-folder", po::value(&sources.image_folder), "of the pictures of LLaVA files")(
      "generated", po::value(&generated)->default_value(200), "samples of a source without end")(
      "write-index", po::bool_switch(&write_index),
      "write FOLDER/index.jsonl with the usable samples, for nvlm eval tables")(
      "json", po::bool_switch(&as_json), "print JSON");
  options.positional("source");
  const auto values = options.parse(arguments);
  if (!values) return 0;
  sources.sources = (*values)["source"].as<std::vector<std::string>>();
  if (sources.sources.empty()) throw UsageError("data check: expected at least one source");
  if (!(sources.max_bad >= 0 && sources.max_bad <= 1)) {
    throw UsageError("--max-bad: expected 0 to 1");
  }
  require_range("--max-tokens", sources.max_tokens, 0, 1 << 24);
  require_range("--generated", generated, 1, 1 << 24);

  const std::filesystem::path folder = model_folder(model_name);
  const fusion::MultimodalConfig model = fusion::load_multimodal(folder)->config();
  const auto tokenizer = decoder::Tokenizer::from_file(folder / "tokenizer.json");
  experiments::require_prompt_tokens(tokenizer, model, (folder / "tokenizer.json").string());
  const int64_t context = model.decoder.max_position_embeddings;
  const int64_t most = sources.max_tokens > 0 ? std::min(sources.max_tokens, context) : context;

  int64_t num_samples = 0, num_bad = 0;
  Json reports = Json::array();
  for (const auto& [source, weight] : experiments::open_sources(sources, {})) {
    Progress progress("check", source->size().value_or(generated));
    const SourceReport report = experiments::check_source(
        *source, model, tokenizer, most, generated, [&](int64_t done) { progress.update(done); });
    progress.finish();
    num_samples += report.num_samples();
    num_bad += static_cast<int64_t>(report.bad.size());
    if (as_json) {
      reports.push_back(experiments::source_report_json(report, kLongestShown));
    } else {
      print_report(report, most);
    }
    if (write_index) {
      if (!std::filesystem::is_directory(report.name)) {
        throw UsageError("--write-index: '" + report.name + "' is no folder of tables");
      }
      experiments::write_table_index(report.name, report);
    }
  }
  if (as_json) std::cout << reports.dump(2) << "\n";
  if (static_cast<double>(num_bad) <= sources.max_bad * static_cast<double>(num_samples)) return 0;
  std::cerr << "nvlm: " << num_bad << " of " << num_samples
            << " samples are bad, more than --max-bad " << sources.max_bad << " allows\n";
  return 1;
}

}  // namespace nvlm::cli
