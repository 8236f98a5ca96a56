// A folder of inputs and reference outputs, and the comparisons that all kinds of case share.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/json.h"
#include "common/safetensors.h"
#include "common/tolerance.h"
#include "eval/parity/parity_report.h"

namespace nvlm::eval {

/// An opened case. Only case.json is read at once.
class CaseFolder {
 public:
  /// throws  std::runtime_error if there is no such folder or no readable case.json in it
  explicit CaseFolder(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  /// case.json
  const Json& about() const { return about_; }
  /// What errors about case.json begin with.
  std::string about_path() const { return (path_ / "case.json").string(); }
  bool has(const std::string& file) const;

  /// inputs.safetensors, expected.safetensors; throws as SafetensorsFile::open
  SafetensorsFile inputs() const;
  SafetensorsFile expected() const;

  /// `tolerance.float32` of case.json, with its atol and rtol.
  /// throws  std::runtime_error naming the missing field
  Tolerance tolerance() const;
  /// `tolerance.<name>` where it is such an object, else `fallback`.
  Tolerance tolerance_or(const std::string& name, Tolerance fallback) const;

 private:
  std::filesystem::path path_;
  Json about_;
};

/// Compares computed tensors with those of expected.safetensors, a row of the report for each.
class TensorComparison {
 public:
  TensorComparison(const SafetensorsFile& expected, Tolerance tolerance, ParityReport& report);

  /// Whether the folder has an expectation for this name; if not, it need not be computed.
  bool wants(const std::string& name) const { return expected_.contains(name); }
  /// Whether a wanted name begins with `prefix`.
  bool wants_any(const std::string& prefix) const;
  Tensor expected(const std::string& name) const { return expected_.tensor(name); }

  /// Compares if the name is wanted, within the case's tolerance; integers must be equal.
  /// mask  bool, broadcastable to the tensor: only true places are compared; undefined = all
  void compare(const std::string& name, const Tensor& actual, const Tensor& mask = {});
  /// Compares if the name is wanted, within this tolerance whatever the dtype.
  void compare_within(const std::string& name, const Tensor& actual, Tolerance bound,
                      const Tensor& mask = {});

  /// Compares tensors that do not stand in expected.safetensors.
  void compare_values(const std::string& name, const Tensor& actual, const Tensor& expected,
                      Tolerance bound, const Tensor& mask = {});

  /// Leaves a wanted name out, with a reason.
  void leave_out(const std::string& name, const std::string& reason);

  /// Notes the expected tensors that were not asked about. Call once, at the end.
  void finish();

 private:
  const SafetensorsFile& expected_;
  Tolerance tolerance_;
  ParityReport& report_;
  std::set<std::string> seen_;
};

/// Collects one column of a set of rows into one row of the report.
class RowComparison {
 public:
  /// bound  for number(); text is compared exactly
  RowComparison(std::string name, Tolerance bound = {});

  void number(const std::string& where, double actual, double expected);
  void text(const std::string& where, const std::string& actual, const std::string& expected);
  void ids(const std::string& where, const std::vector<int64_t>& actual,
           const std::vector<int64_t>& expected);

  /// Appends the row unless nothing was compared.
  void finish(ParityReport& report);

 private:
  ParityRow row_;
};

/// One row of a JSON Lines file.
struct JsonRow {
  Json value;
  std::string where;  // "cases.jsonl:12"
};

/// All rows of <folder>/<file>.
/// throws  std::runtime_error with path and line for a row that is no JSON object
std::vector<JsonRow> read_json_rows(const std::filesystem::path& folder, const std::string& file);

}  // namespace nvlm::eval
