#include "eval/parity/parity_report.h"

#include <algorithm>
#include <sstream>

namespace nvlm::eval {

bool ParityReport::passed() const { return !rows.empty() && num_failed() == 0; }

int64_t ParityReport::num_failed() const {
  return std::count_if(rows.begin(), rows.end(), [](const ParityRow& row) { return !row.passed; });
}

std::vector<const ParityRow*> ParityReport::worst(size_t count) const {
  std::vector<const ParityRow*> sorted;
  for (const ParityRow& row : rows) sorted.push_back(&row);
  std::stable_sort(sorted.begin(), sorted.end(), [](const ParityRow* a, const ParityRow* b) {
    if (a->passed != b->passed) return b->passed;
    return a->share > b->share;
  });
  if (sorted.size() > count) sorted.resize(count);
  return sorted;
}

Json to_json(const ParityReport& report) {
  Json rows = Json::array();
  for (const ParityRow& row : report.rows) {
    Json entry = {
        {"name", row.name},
        {"passed", row.passed},
        {"largest_difference", row.largest},
        {"where", row.where},
        {"actual", row.actual},
        {"expected", row.expected},
        {"tolerance", {{"atol", row.tolerance.absolute}, {"rtol", row.tolerance.relative}}},
        {"compared", row.compared},
        {"violations", row.violations}};
    if (!row.problem.empty()) entry["problem"] = row.problem;
    rows.push_back(std::move(entry));
  }
  return {{"case", report.name},
          {"kind", report.kind},
          {"passed", report.passed()},
          {"rows", std::move(rows)},
          {"not_compared", report.not_compared}};
}

std::string describe(const ParityRow& row) {
  if (!row.problem.empty()) return row.name + ": " + row.problem;
  std::ostringstream text;
  text << row.name << ": ";
  if (row.where.empty()) {
    text << "equal (" << row.compared << " compared)";
    return text.str();
  }
  text << "largest difference " << row.largest << " at " << row.where << ": " << row.actual
       << ", expected " << row.expected << " (tolerance " << row.tolerance.absolute << " + "
       << row.tolerance.relative << " relative; " << row.violations << " of " << row.compared
       << " beyond)";
  return text.str();
}

}  // namespace nvlm::eval
