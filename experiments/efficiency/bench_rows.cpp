#include "experiments/efficiency/bench_rows.h"

#include <stdexcept>

#include "common/atomic_file.h"
#include "common/json.h"
#include "eval/text/lines.h"

namespace nvlm::experiments {
namespace {

BenchRow bench_row(const Json& line, const std::string& where) {
  const auto number = [&](const char* part, const char* field) {
    return json_get<double>(json_get<Json>(line, part, where), field, where + ": " + part);
  };
  BenchRow row;
  row.model = json_get<std::string>(line, "model", where);
  row.variant = json_get<std::string>(line, "variant", where);
  row.tiles = json_get<int64_t>(line, "tiles", where);
  row.tile_size = json_get<int64_t>(line, "tile_size", where);
  row.batch = json_get<int64_t>(line, "batch", where);
  row.sequence = json_get<int64_t>(line, "sequence", where);
  row.memory = json_get<int64_t>(line, "memory", where);
  row.encode = number("encode", "p50");
  row.predicted_encode = number("encode", "predicted");
  row.prompt = number("fuse", "p50") + number("prefill", "p50");
  row.predicted_prompt = number("prefill", "predicted_with_fuse");
  row.first_token = number("first_token", "p50");
  row.first_token_p95 = number("first_token", "p95");
  row.predicted_first_token = row.predicted_encode + row.predicted_prompt;
  row.decode = number("decode", "p50");
  row.predicted_decode = number("decode", "predicted");
  row.cache_bytes = json_get<double>(line, "cache_bytes", where);
  row.memory_bytes = json_get<double>(line, "memory_bytes", where);
  row.prompt_flops = number("fuse", "flops") + number("prefill", "flops");
  row.first_token_flops = number("first_token", "flops");
  return row;
}

}  // namespace

std::vector<BenchRow> read_bench(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "bench.jsonl";
  const std::string content = read_text_file(path);
  std::vector<BenchRow> rows;
  for (const eval::FileLine& line : eval::non_blank_lines(content)) {
    const std::string where = path.string() + ":" + std::to_string(line.number);
    rows.push_back(bench_row(parse_json(line.text, where), where));
  }
  if (rows.empty()) throw std::runtime_error(path.string() + ": no rows, expected at least one");
  return rows;
}

}  // namespace nvlm::experiments
