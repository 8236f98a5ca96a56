#include "experiments/ablations/metrics_lines.h"

#include "common/atomic_file.h"
#include "common/json.h"
#include "eval/text/lines.h"

namespace nvlm::experiments {

std::vector<MetricsLine> read_metrics(const std::filesystem::path& run_folder) {
  const std::filesystem::path path = run_folder / "metrics.jsonl";
  if (!std::filesystem::exists(path)) return {};
  std::vector<MetricsLine> lines;
  const std::string content = read_text_file(path);
  for (const eval::FileLine& line : eval::non_blank_lines(content)) {
    const std::string where = path.string() + ":" + std::to_string(line.number);
    const Json entry = parse_json(line.text, where);
    json_get<double>(entry, "samples", where);  // every line has it
    MetricsLine& numbers = lines.emplace_back();
    for (const auto& [name, value] : entry.items()) {
      if (value.is_number()) numbers[name] = value.get<double>();
    }
  }
  return lines;
}

}  // namespace nvlm::experiments
