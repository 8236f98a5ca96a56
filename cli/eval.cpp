// nvlm eval tables: predictions of a model for a set of table pictures, then their scores.
#include <iomanip>
#include <iostream>

#include "cli/reader_options.h"
#include "common/error.h"
#include "common/nearest_name.h"
#include "eval/runner/predict.h"
#include "eval/runner/score.h"

namespace nvlm::cli {
namespace {

void print_summary(const eval::ScoreSummary& summary) {
  std::cout << summary.num_items << " items, " << summary.failures.size() << " failed, "
            << summary.without_table.size() << " answers without a table\n"
            << std::fixed << std::setprecision(4);
  for (const auto& [name, score] : summary.scores) {
    std::cout << "  " << std::left << std::setw(22) << name << score.mean << "  [" << score.low
              << ", " << score.high << "]  n=" << score.n << "\n";
  }
}

int run_tables(const Arguments& arguments) {
  std::string data, out, truth;
  eval::PredictOptions predict_options;
  ReaderOptions reader_options;
  bool score_only = false;
  VerbOptions options("eval tables --data DIR --out RUN [options]",
                      "Writes RUN/predictions.jsonl, then scores that file alone into "
                      "RUN/scores.json and RUN/item_scores.jsonl. A stopped run continues.",
                      "nvlm eval tables --model h --data runs/easy-7 --out runs/easy-7-h");
  options.add()("data", po::value(&data)->required(),
                "folder with index.jsonl, pictures and ground truth")(
      "out", po::value(&out)->required(), "run directory")(
      "truth", po::value(&truth)->default_value("html-else-markdown"),
      "which ground truth counts: html-else-markdown, html or markdown")(
      "limit", po::value(&predict_options.limit)->default_value(0),
      "only the first so many items; 0 = all")(
      "batch", po::value(&predict_options.batch_size)->default_value(8), "pictures per batch")(
      "score-only", po::bool_switch(&score_only), "score existing predictions; loads no model");
  add_reader_options(options, reader_options);
  if (!options.parse(arguments)) return 0;

  const auto format = [&] {
    if (truth == "html-else-markdown") return eval::TruthFormat::kHtmlElseMarkdown;
    if (truth == "html") return eval::TruthFormat::kHtml;
    if (truth == "markdown") return eval::TruthFormat::kMarkdown;
    throw UsageError("--truth is '" + truth + "', expected html-else-markdown, html or markdown");
  }();
  const eval::TablesTask task = eval::TablesTask::open(data, format);
  if (!score_only) {
    eval::ModelReader reader = load_reader(reader_options);
    eval::predict(task, reader, out, predict_options);
  }
  eval::ScoreOptions score_options;
  score_options.predicted_only = predict_options.limit > 0;
  print_summary(eval::score(task, out, score_options));
  return 0;
}

}  // namespace

int run_eval(const Arguments& arguments) {
  const bool wants_help = !arguments.empty() && (arguments[0] == "--help" || arguments[0] == "-h");
  if (wants_help) return run_tables({"--help"});
  if (!arguments.empty() && arguments[0] == "tables") {
    return run_tables({arguments.begin() + 1, arguments.end()});
  }
  throw UsageError("eval: expected a task: tables" +
                   (arguments.empty() ? ""
                                      : ", found '" + arguments[0] + "'" +
                                            did_you_mean(arguments[0], {"tables"})));
}

}  // namespace nvlm::cli
