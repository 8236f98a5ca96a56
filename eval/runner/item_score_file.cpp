#include "eval/runner/item_score_file.h"

#include <cmath>
#include <set>
#include <stdexcept>
#include <utility>

#include "common/atomic_file.h"
#include "eval/text/lines.h"

namespace nvlm::eval {
namespace {

double finite_number(const Json& value, const std::string& name, const std::string& where) {
  if (!value.is_number() || !std::isfinite(value.get<double>())) {
    throw std::runtime_error(where + ": the score '" + name + "' is " + value.dump() +
                             ", expected a finite number");
  }
  return value.get<double>();
}

ItemScoreLine parse_item_scores(std::string_view text, const std::string& where) {
  const Json entry = parse_json(text, where);
  ItemScoreLine line;
  line.id = json_get<std::string>(entry, "id", where);
  line.document = json_get<std::string>(entry, "document", where);
  line.truth_sha256 = json_get<std::string>(entry, "truth_sha256", where);
  const auto scores = json_get<Json>(entry, "scores", where);
  if (!scores.is_object() || scores.empty()) {
    throw std::runtime_error(where + ": 'scores' holds none");
  }
  for (const auto& [name, value] : scores.items()) {
    line.scores[name] = finite_number(value, name, where);
  }
  const auto seconds = entry.find("seconds");
  if (seconds != entry.end()) line.seconds = finite_number(*seconds, "seconds", where);
  line.error = json_get_or(entry, "error", "", where);
  return line;
}

bool same_names(const ItemScoreLine& a, const ItemScoreLine& b) {
  if (a.scores.size() != b.scores.size()) return false;
  for (const auto& [name, value] : a.scores) {
    if (!b.scores.contains(name)) return false;
  }
  return true;
}

}  // namespace

Json item_score_json(const ItemScoreLine& line) {
  Json entry{{"id", line.id},
             {"document", line.document},
             {"truth_sha256", line.truth_sha256},
             {"scores", line.scores}};
  if (!line.groups.empty()) entry["groups"] = line.groups;
  if (!line.flags.empty()) entry["flags"] = line.flags;
  if (line.seconds) entry["seconds"] = *line.seconds;
  if (!line.error.empty()) entry["error"] = line.error;
  return entry;
}

std::vector<ItemScoreLine> read_item_scores(const std::filesystem::path& run_dir) {
  const std::filesystem::path path = run_dir / "item_scores.jsonl";
  if (!std::filesystem::is_regular_file(path)) {
    throw std::runtime_error("'" + path.string() + "' is missing; score the run first");
  }
  std::vector<ItemScoreLine> lines;
  std::set<std::string> ids;
  const std::string content = read_text_file(path);
  for (const FileLine& line : non_blank_lines(content)) {
    const std::string where = path.string() + ":" + std::to_string(line.number);
    ItemScoreLine parsed = parse_item_scores(line.text, where);
    if (!ids.insert(parsed.id).second) {
      throw std::runtime_error(where + ": the id '" + parsed.id + "' was used before");
    }
    if (!lines.empty() && !same_names(parsed, lines.front())) {
      throw std::runtime_error(where + ": other scores than in the first line");
    }
    lines.push_back(std::move(parsed));
  }
  if (lines.empty()) throw std::runtime_error(path.string() + ": no items");
  return lines;
}

}  // namespace nvlm::eval
