#include "eval/parity/case_folder.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <stdexcept>

#include "common/atomic_file.h"
#include "eval/text/lines.h"

namespace nvlm::eval {
namespace {

namespace fs = std::filesystem;

std::string number_text(double value) {
  std::ostringstream text;
  text.precision(9);
  text << value;
  return text.str();
}

std::string index_text(const std::vector<int64_t>& index) {
  std::ostringstream text;
  text << at::IntArrayRef(index);
  return text.str();
}

double share_of(double difference, Tolerance bound, double expected) {
  const double allowed = bound.absolute + bound.relative * std::abs(expected);
  if (difference == 0) return 0;
  return allowed > 0 ? difference / allowed : std::numeric_limits<double>::infinity();
}

ParityRow row_of(const std::string& name, const TensorDifference& difference, Tolerance bound) {
  ParityRow row;
  row.name = name;
  row.tolerance = bound;
  row.passed = difference.close;
  row.problem = difference.problem;
  row.largest = difference.largest;
  row.compared = difference.elements;
  row.violations = difference.violations;
  if (difference.largest > 0) {
    row.where = index_text(difference.where);
    row.actual = number_text(difference.actual);
    row.expected = number_text(difference.expected);
    row.share =
        share_of(std::abs(difference.actual - difference.expected), bound, difference.expected);
  }
  return row;
}

Tolerance parse_tolerance(const Json& json, const std::string& where) {
  const Tolerance bound{json_get<double>(json, "atol", where),
                        json_get<double>(json, "rtol", where)};
  if (bound.absolute >= 0 && bound.relative >= 0) return bound;
  throw std::runtime_error(where + ": atol and rtol are " + number_text(bound.absolute) + " and " +
                           number_text(bound.relative) + ", expected 0 or more");
}

}  // namespace

CaseFolder::CaseFolder(const fs::path& path) : path_(path) {
  if (!fs::is_directory(path)) {
    throw std::runtime_error("parity: '" + path.string() + "' is no folder, expected a case with " +
                             "case.json, inputs.safetensors and expected.safetensors");
  }
  if (!has("case.json")) {
    throw std::runtime_error("parity: '" + path.string() +
                             "' has no case.json, which says the tolerance and what the case is");
  }
  about_ = read_json(path / "case.json");
  if (!about_.is_object()) {
    throw std::runtime_error(about_path() + ": expected an object, found a " + about_.type_name());
  }
}

bool CaseFolder::has(const std::string& file) const { return fs::is_regular_file(path_ / file); }

SafetensorsFile CaseFolder::inputs() const {
  return SafetensorsFile::open(path_ / "inputs.safetensors");
}

SafetensorsFile CaseFolder::expected() const {
  return SafetensorsFile::open(path_ / "expected.safetensors");
}

Tolerance CaseFolder::tolerance() const {
  const Json all = json_get<Json>(about_, "tolerance", about_path());
  return parse_tolerance(json_get<Json>(all, "float32", about_path() + ": tolerance"),
                         about_path() + ": tolerance.float32");
}

Tolerance CaseFolder::tolerance_or(const std::string& name, Tolerance fallback) const {
  const Json all = json_get_or<Json>(about_, "tolerance", Json::object(), about_path());
  if (!all.is_object() || !all.contains(name) || !all[name].is_object()) return fallback;
  return parse_tolerance(all[name], about_path() + ": tolerance." + name);
}

TensorComparison::TensorComparison(const SafetensorsFile& expected, Tolerance tolerance,
                                   ParityReport& report)
    : expected_(expected), tolerance_(tolerance), report_(report) {}

bool TensorComparison::wants_any(const std::string& prefix) const {
  const auto first = expected_.entries().lower_bound(prefix);
  return first != expected_.entries().end() && first->first.starts_with(prefix);
}

void TensorComparison::compare(const std::string& name, const Tensor& actual, const Tensor& mask) {
  if (!wants(name)) return;
  const at::ScalarType dtype = expected_.entries().at(name).dtype;
  const bool exact = at::isIntegralType(dtype, /*includeBool=*/true);
  compare_within(name, actual, exact ? Tolerance{} : tolerance_, mask);
}

void TensorComparison::compare_within(const std::string& name, const Tensor& actual,
                                      Tolerance bound, const Tensor& mask) {
  if (!wants(name)) return;
  seen_.insert(name);
  compare_values(name, actual, expected_.tensor(name), bound, mask);
}

void TensorComparison::compare_values(const std::string& name, const Tensor& actual,
                                      const Tensor& expected, Tolerance bound, const Tensor& mask) {
  if (!mask.defined() || actual.sizes() != expected.sizes()) {
    report_.rows.push_back(row_of(name, compare_tensors(actual, expected, bound), bound));
    return;
  }
  const Tensor ignored = mask.logical_not().expand(actual.sizes());
  ParityRow row = row_of(name,
                         compare_tensors(actual.detach().masked_fill(ignored, 0),
                                         expected.masked_fill(ignored, 0), bound),
                         bound);
  row.compared -= ignored.sum().item<int64_t>();
  report_.rows.push_back(std::move(row));
}

void TensorComparison::leave_out(const std::string& name, const std::string& reason) {
  if (wants(name) && seen_.insert(name).second)
    report_.not_compared.push_back(name + " (" + reason + ")");
}

void TensorComparison::finish() {
  for (const auto& [name, entry] : expected_.entries()) {
    if (seen_.count(name) == 0) report_.not_compared.push_back(name);
  }
}

RowComparison::RowComparison(std::string name, Tolerance bound) {
  row_.name = std::move(name);
  row_.tolerance = bound;
}

void RowComparison::number(const std::string& where, double actual, double expected) {
  ++row_.compared;
  double difference = actual == expected ? 0 : std::abs(actual - expected);
  if (std::isnan(difference)) difference = std::numeric_limits<double>::infinity();
  const double share = share_of(difference, row_.tolerance, expected);
  if (share > 1) ++row_.violations;
  row_.largest = std::max(row_.largest, difference);
  if (share <= row_.share) return;
  row_.share = share;
  row_.where = where;
  row_.actual = number_text(actual);
  row_.expected = number_text(expected);
}

void RowComparison::text(const std::string& where, const std::string& actual,
                         const std::string& expected) {
  ++row_.compared;
  if (actual == expected) return;
  ++row_.violations;
  row_.largest += 1;
  if (row_.violations > 1) return;  // the first one is shown
  row_.share = std::numeric_limits<double>::infinity();
  row_.where = where;
  const auto quoted = [](const std::string& text) {
    return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  row_.actual = quoted(actual);
  row_.expected = quoted(expected);
}

void RowComparison::ids(const std::string& where, const std::vector<int64_t>& actual,
                        const std::vector<int64_t>& expected) {
  if (actual == expected) {
    ++row_.compared;
    return;
  }
  // From the first difference on, so that the line stays short.
  size_t first = 0;
  while (first < actual.size() && first < expected.size() && actual[first] == expected[first]) {
    ++first;
  }
  const auto some = [first](const std::vector<int64_t>& ids) {
    std::string text = ids.size() > first ? "" : "nothing";
    for (size_t i = first; i < ids.size() && i < first + 4; ++i) {
      text += (i > first ? " " : "") + std::to_string(ids[i]);
    }
    return text;
  };
  text(where + " token " + std::to_string(first), some(actual), some(expected));
}

void RowComparison::finish(ParityReport& report) {
  if (row_.compared == 0) return;
  row_.passed = row_.violations == 0;
  report.rows.push_back(std::move(row_));
}

std::vector<JsonRow> read_json_rows(const fs::path& folder, const std::string& file) {
  const std::string content = read_text_file(folder / file);
  std::vector<JsonRow> rows;
  for (const FileLine& line : non_blank_lines(content)) {
    const std::string place = ":" + std::to_string(line.number);
    JsonRow row{parse_json(line.text, (folder / file).string() + place), file + place};
    if (!row.value.is_object()) {
      throw std::runtime_error((folder / file).string() + place + ": expected an object, found a " +
                               row.value.type_name());
    }
    rows.push_back(std::move(row));
  }
  if (rows.empty()) throw std::runtime_error((folder / file).string() + ": holds no row");
  return rows;
}

}  // namespace nvlm::eval
