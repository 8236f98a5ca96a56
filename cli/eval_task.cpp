// nvlm eval tables, ocr, docvqa, ...: predictions of a model for a task, then their scores.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <memory>

#include "cli/eval_verbs.h"
#include "cli/reader_options.h"
#include "common/error.h"
#include "common/json.h"
#include "eval/readers/task_reader.h"
#include "eval/runner/predict.h"
#include "eval/runner/score.h"
#include "eval/tasks/ocr_task.h"
#include "eval/tasks/question_layouts.h"
#include "eval/tasks/tables_task.h"

namespace nvlm::cli {
namespace {

namespace fs = std::filesystem;

/// Longest answer to a question by default, as InternVL evaluates documents and charts.
constexpr int64_t kAnswerTokens = 100;

/// Where the items of a task come from.
struct TaskData {
  std::string data, images, layout, truth, split;
};

eval::TruthFormat truth_format(const std::string& name) {
  if (name == "html-else-markdown") return eval::TruthFormat::kHtmlElseMarkdown;
  if (name == "html") return eval::TruthFormat::kHtml;
  if (name == "markdown") return eval::TruthFormat::kMarkdown;
  throw UsageError("--truth is '" + name + "', expected html-else-markdown, html or markdown");
}

eval::TablesTask open_tables(const TaskData& from) {
  const fs::path images =
      from.images.empty() ? fs::path(from.data).parent_path() : fs::path(from.images);
  const eval::TruthFormat format = truth_format(from.truth);
  if (from.layout == "folder") return eval::TablesTask::open(from.data, format);
  if (from.layout == "pubtabnet") {
    return eval::TablesTask::open_pubtabnet(from.data, images, from.split);
  }
  if (from.layout == "otsl") return eval::TablesTask::open_otsl(from.data, images);
  throw UsageError("--layout is '" + from.layout + "', expected folder, pubtabnet or otsl");
}

std::unique_ptr<eval::Task> open_task(const std::string& name, const TaskData& from) {
  if (name == "tables") return std::make_unique<eval::TablesTask>(open_tables(from));
  if (name == "ocr") return std::make_unique<eval::OcrTask>(eval::OcrTask::open(from.data));
  for (const eval::QuestionLayout& layout : eval::question_layouts()) {
    if (name != layout.name) continue;
    return std::make_unique<eval::QuestionTask>(
        eval::open_question_task(layout, from.data, from.images));
  }
  throw UsageError("eval: '" + name + "' is no task");
}

void add_data_options(VerbOptions& options, const std::string& task, TaskData& from) {
  std::string wanted = "folder with index.jsonl, pictures and truth";
  for (const eval::QuestionLayout& layout : eval::question_layouts()) {
    if (task == layout.name) wanted = layout.wanted;
  }
  if (task == "tables") wanted += "; the annotation file of another --layout";
  options.add()("data", po::value(&from.data)->required(), wanted.c_str());
  if (task == "ocr") return;
  options.add()("images", po::value(&from.images),
                "folder that the pictures' paths are relative to, if not that of --data");
  if (task != "tables") return;
  options.add()("layout", po::value(&from.layout)->default_value("folder"),
                "folder, pubtabnet or otsl")(
      "truth", po::value(&from.truth)->default_value("html-else-markdown"),
      "which ground truth of a folder counts: html-else-markdown, html or markdown")(
      "split", po::value(&from.split)->default_value("val"),
      "of pubtabnet: train, val or test; \"\" = all");
}

/// "26-100 cells" before "101-400 cells".
bool group_less(const std::string& a, const std::string& b) {
  const long number_a = std::strtol(a.c_str(), nullptr, 10);
  const long number_b = std::strtol(b.c_str(), nullptr, 10);
  return number_a != number_b ? number_a < number_b : a < b;
}

void print_score(const std::string& name, const eval::MeanInterval& score) {
  std::cout << "  " << std::left << std::setw(26) << name << score.mean << "  [" << score.low
            << ", " << score.high << "]  n=" << score.n << "\n";
}

void print_scores(const eval::ScoreSummary& summary, const std::string& main_score) {
  std::cout << summary.num_items << " items, " << summary.failures.size() << " failed";
  for (const auto& [flag, ids] : summary.flagged) std::cout << ", " << ids.size() << " " << flag;
  std::cout << "\n" << std::fixed << std::setprecision(4);
  for (const auto& [name, score] : summary.scores) print_score(name, score);
  for (const auto& [grouping, groups] : summary.breakdown) {
    std::cout << main_score << " by " << grouping << "\n";
    std::vector<std::string> names;
    for (const auto& [group, means] : groups) names.push_back(group);
    std::sort(names.begin(), names.end(), group_less);
    for (const std::string& group : names) {
      const eval::ScoreMeans& means = groups.at(group);
      if (means.contains(main_score)) print_score(group, means.at(main_score));
    }
  }
}

/// Reads with the model that the options name.
eval::PredictSummary predict_task(const eval::Task& task, const ReaderOptions& reader_options,
                                  const fs::path& out, const eval::PredictOptions& options) {
  if (task.name() == "tables") {
    const std::unique_ptr<eval::TableReader> reader = load_table_reader(reader_options);
    return eval::predict(task, *reader, out, options);
  }
  eval::ModelReader reader = load_reader(reader_options);
  return eval::predict(task, eval::question_task_reader(reader), out, options);
}

}  // namespace

const std::vector<std::string>& eval_task_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all = {"tables", "ocr"};
    for (const eval::QuestionLayout& layout : eval::question_layouts()) all.push_back(layout.name);
    return all;
  }();
  return names;
}

int run_eval_task(const std::string& name, const Arguments& arguments) {
  TaskData from{
      .data = "", .images = "", .layout = "folder", .truth = "html-else-markdown", .split = ""};
  std::string out;
  eval::PredictOptions predict_options;
  ReaderOptions reader_options;
  bool score_only = false;
  bool predict_only = false;
  bool as_json = false;
  std::string about =
      "Writes RUN/predictions.jsonl, then scores that file alone into RUN/scores.json and "
      "RUN/item_scores.jsonl. A stopped run continues.";
  if (name == "tables") {
    about +=
        "\n--model tesseract-rules is the classical baseline, --model auto it and D, of which the "
        "better is kept for each table.";
  }
  VerbOptions options(
      "eval " + name + " --data PATH --out RUN [options]", about,
      "nvlm eval " + name + " --model h --data runs/data --out runs/" + name + "-h");
  add_data_options(options, name, from);
  options.add()("out", po::value(&out)->required(), "run directory")(
      "limit", po::value(&predict_options.limit)->default_value(0),
      "only the first so many items; 0 = all")(
      "batch", po::value(&predict_options.batch_size)->default_value(8), "pictures per batch")(
      "score-only", po::bool_switch(&score_only), "score existing predictions; loads no model")(
      "predict-only", po::bool_switch(&predict_only), "write predictions, and score them later")(
      "json", po::bool_switch(&as_json), "print RUN/scores.json");
  if (name != "tables" && name != "ocr") {
    reader_options.reader.max_new_tokens = kAnswerTokens;
  }
  if (name == "tables") reader_options.structure = "rectangular";
  add_reader_options(options, reader_options);
  if (!options.parse(arguments)) return 0;
  if (score_only && predict_only) {
    throw UsageError("--score-only and --predict-only leave nothing to do; give one of them");
  }
  if (predict_options.limit < 0 || predict_options.batch_size < 1) {
    throw UsageError("--limit and --batch: expected at least 0 and 1");
  }

  const std::unique_ptr<eval::Task> task = open_task(name, from);
  if (!score_only) {
    const eval::PredictSummary summary = predict_task(*task, reader_options, out, predict_options);
    if (predict_only) {
      const Json report{{"num_items", summary.num_items}, {"num_failed", summary.num_failed}};
      if (as_json) {
        std::cout << report.dump(2) << "\n";
      } else {
        std::cout << summary.num_items << " items, " << summary.num_failed << " failed\n";
      }
      return 0;
    }
  }
  eval::ScoreOptions score_options;
  score_options.predicted_only = predict_options.limit > 0;
  const eval::ScoreSummary summary = eval::score(*task, out, score_options);
  if (as_json) {
    std::cout << read_json(fs::path(out) / "scores.json").dump(2) << "\n";
  } else {
    print_scores(summary, task->main_score());
  }
  return 0;
}

}  // namespace nvlm::cli
