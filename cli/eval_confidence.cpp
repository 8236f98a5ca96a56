// nvlm eval confidence: whether the cell probabilities of a run order right before wrong.
#include <iomanip>
#include <iostream>

#include "cli/eval_verbs.h"
#include "cli/options.h"
#include "eval/extraction/tesseract_words.h"
#include "eval/runner/confidence.h"

namespace nvlm::cli {
namespace {

void print_quality(const char* name, const eval::ConfidenceQuality& quality) {
  std::cout << "  " << std::left << std::setw(28) << name << "area under ROC " << quality.roc_auc
            << ", calibration error " << quality.calibration_error << "\n";
}

}  // namespace

int run_eval_confidence(const Arguments& arguments) {
  std::string data, run;
  bool verify = false, as_json = false;
  VerbOptions options("eval confidence --data DIR --run RUN [options]",
                      "Compares the cell probabilities in RUN/predictions.jsonl with the truth: "
                      "RUN/confidence.json and the coverage-risk curve RUN/coverage_risk.csv.",
                      "nvlm eval confidence --data runs/medium-7 --run runs/medium-7-d");
  options.add()("data", po::value(&data)->required(), "folder with index.jsonl")(
      "run", po::value(&run)->required(), "run directory of eval tables")(
      "verify", po::bool_switch(&verify),
      "also with the agreement of Tesseract's words, as extract --verify")(
      "json", po::bool_switch(&as_json), "print RUN/confidence.json");
  if (!options.parse(arguments)) return 0;

  const eval::TablesTask task = eval::TablesTask::open(data);
  const eval::ConfidenceReport report =
      eval::measure_confidence(task, run, verify ? eval::tesseract_words() : eval::WordReader{});
  if (as_json) {
    std::cout << to_json(report).dump(2) << "\n";
    return 0;
  }
  std::cout << report.num_cells << " cells of " << report.num_tables << " tables, "
            << report.num_correct << " correct\n"
            << std::fixed << std::setprecision(4);
  print_quality("probability", report.probability);
  if (report.verified) print_quality("probability and agreement", *report.verified);
  return 0;
}

}  // namespace nvlm::cli
