// nvlm report: one page on stored suites.
#include "experiments/report/report.h"

#include <iostream>

#include "cli/options.h"
#include "cli/suite_folders.h"
#include "common/atomic_file.h"

namespace nvlm::cli {

int run_report(const Arguments& arguments) {
  std::string out, markdown, bench;
  VerbOptions options(
      "report [options] DIR...",
      "Writes one HTML page on suites that `nvlm ablate` stored: each claim with the evidence, "
      "tables of arms and comparisons (intervals, Holm-adjusted p, verdicts), and every figure. "
      "The page is one file, without scripts and without anything from the network.",
      "nvlm report runs/fusion-lab-quick runs/tile-tags-lab-quick --out report.html");
  options.add()("out,o", po::value(&out)->value_name("FILE"), "the HTML page to write")(
      "markdown", po::value(&markdown)->value_name("FILE"),
      "also, or only, the claims and tables as Markdown")(
      "bench", po::value(&bench)->value_name("DIR"),
      "folder of `nvlm bench`: adds speed and memory, measured beside predicted");
  options.positional("suite");
  const auto values = options.parse(arguments);
  if (!values) return 0;
  if (out.empty() && markdown.empty()) {
    throw UsageError("report: expected --out or --markdown with a file to write");
  }
  const auto suites = open_suites("report", (*values)["suite"].as<std::vector<std::string>>());
  const auto rows =
      bench.empty() ? std::vector<experiments::BenchRow>() : experiments::read_bench(bench);
  if (!markdown.empty()) {
    write_file_atomically(markdown, experiments::markdown_report(suites, rows));
    std::cout << markdown << "\n";
  }
  if (!out.empty()) {
    write_file_atomically(out, experiments::html_report(suites, rows));
    std::cout << out << "\n";
  }
  return 0;
}

}  // namespace nvlm::cli
