// What a run wrote while it trained.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace nvlm::experiments {

/// One line of metrics.jsonl: its members that are numbers.
using MetricsLine = std::map<std::string, double>;

/// Reads <run_folder>/metrics.jsonl, as `nvlm train` writes it; none if there is no such file.
/// throws  std::runtime_error with path and line: not a JSON object, or without a number "samples"
std::vector<MetricsLine> read_metrics(const std::filesystem::path& run_folder);

}  // namespace nvlm::experiments
