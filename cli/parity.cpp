// nvlm parity: this program's numbers against stored outputs of a reference implementation.
#include "eval/parity/parity.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <sstream>

#include "cli/options.h"
#include "common/device.h"
#include "common/error.h"

namespace nvlm::cli {
namespace {

using eval::ParityReport;
using eval::ParityRow;

std::string short_number(double value) {
  std::ostringstream text;
  text << std::setprecision(3) << value;
  return text.str();
}

std::string tolerance_text(Tolerance tolerance) {
  if (tolerance.absolute == 0 && tolerance.relative == 0) return "exact";
  std::string text = short_number(tolerance.absolute);
  if (tolerance.relative > 0) text += " + " + short_number(tolerance.relative) + " rel";
  return text;
}

void print_rows(const std::vector<const ParityRow*>& rows) {
  size_t name_width = 6, where_width = 2;
  for (const ParityRow* row : rows) {
    name_width = std::max(name_width, row->name.size());
    where_width = std::max(where_width, row->where.size());
  }
  const auto cell = [](const std::string& text, size_t width) {
    std::cout << std::left << std::setw(static_cast<int>(width) + 2) << text;
  };
  for (const ParityRow* row : rows) {
    std::cout << (row->passed ? "  ok      " : "  BEYOND  ");
    cell(row->name, name_width);
    if (!row->problem.empty()) {
      std::cout << row->problem << "\n";
      continue;
    }
    cell(short_number(row->largest), 9);
    cell(row->where, where_width);
    if (!row->where.empty()) {
      std::cout << row->actual << ", expected " << row->expected << "; ";
    }
    std::cout << tolerance_text(row->tolerance);
    if (row->violations > 0) std::cout << ", " << row->violations << " of " << row->compared;
    std::cout << "\n";
  }
}

void print_report(const ParityReport& report, bool verbose) {
  constexpr size_t kShownRows = 3;
  const auto failed = static_cast<size_t>(report.num_failed());
  std::cout << report.name << "  " << report.kind << ": "
            << (report.passed() ? "passed" : "NOT PASSED") << ", " << report.rows.size() - failed
            << " of " << report.rows.size() << " within tolerance";
  if (!report.not_compared.empty()) {
    std::cout << ", " << report.not_compared.size() << " not compared";
  }
  std::cout << "\n";
  std::vector<const ParityRow*> shown;
  if (verbose) {
    for (const ParityRow& row : report.rows) shown.push_back(&row);
  } else {
    shown = report.worst(failed + kShownRows);  // all failing ones come first
  }
  print_rows(shown);
  if (!verbose) return;
  for (const std::string& name : report.not_compared) {
    std::cout << "  not compared: " << name << "\n";
  }
}

}  // namespace

int run_parity(const Arguments& arguments) {
  bool verbose = false, as_json = false;
  int threads = 0;
  VerbOptions options(
      "parity [options] CASE_DIR...",
      "Computes what each folder holds reference outputs for and compares: checkpoints of Llama, "
      "Qwen2, GPT-2, InternViT, InternVL 2.5, NVLM-D and Llama 3.2 Vision, gated cross-attention, "
      "losses, pictures, tokenizers, metrics. Exit code 1 if anything is beyond the case's "
      "tolerance.",
      "nvlm parity tests/golden/02_llama31 tests/golden/13_metrics");
  options.add()("verbose,v", po::bool_switch(&verbose), "every tensor, not the worst alone")(
      "json", po::bool_switch(&as_json), "print JSON")(
      "threads", po::value(&threads)->default_value(0), "of tensor operations; 0 = all processors");
  options.positional("case");
  const auto values = options.parse(arguments);
  if (!values) return 0;
  const auto folders = (*values)["case"].as<std::vector<std::string>>();
  if (folders.empty()) throw UsageError("parity: expected at least one case folder");

  set_threads(threads);
  bool all_passed = true;
  Json cases = Json::array();
  const auto refuse = [&](const std::string& folder, const std::string& why) {
    all_passed = false;
    cases.push_back({{"case", folder}, {"passed", false}, {"error", why}});
    std::cerr << "nvlm: " << why << "\n";
  };
  for (const std::string& folder : folders) {  // one bad folder does not stop the others
    try {
      const ParityReport report = eval::check_case(folder);
      all_passed = all_passed && report.passed();
      cases.push_back(to_json(report));
      if (!as_json) print_report(report, verbose);
    } catch (const c10::Error& error) {
      refuse(folder, folder + ": " + error.what_without_backtrace());
    } catch (const std::exception& error) {
      refuse(folder, error.what());
    }
  }
  if (as_json) {
    const Json all = {{"passed", all_passed}, {"cases", std::move(cases)}};
    std::cout << all.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
  }
  return all_passed ? 0 : 1;
}

}  // namespace nvlm::cli
