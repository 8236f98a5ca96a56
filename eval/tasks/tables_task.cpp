#include "eval/tasks/tables_task.h"

#include <optional>
#include <set>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "common/atomic_file.h"
#include "common/hash.h"
#include "common/json.h"
#include "eval/table/gfm_parser.h"
#include "eval/table/html_parser.h"
#include "eval/text/lines.h"

namespace nvlm::eval {
namespace {

[[noreturn]] void bad_item(const std::string& where, const std::string& what) {
  throw std::runtime_error(where + ": " + what);
}

/// The file that `key` names, which must exist; empty if the key is absent.
std::filesystem::path item_file(const Json& entry, std::string_view key,
                                const std::filesystem::path& folder, const std::string& where) {
  const std::filesystem::path relative = json_get_or(entry, key, "", where);
  if (relative.empty()) return {};
  if (relative.is_absolute()) {
    bad_item(where, "'" + std::string(key) + "' is the absolute path '" + relative.string() +
                        "', expected one relative to " + folder.string());
  }
  std::filesystem::path path = folder / relative;
  if (!std::filesystem::is_regular_file(path)) {
    bad_item(where, "'" + std::string(key) + "' names '" + path.string() + "', which is no file");
  }
  return path;
}

Table parse_truth(const std::string& text, bool is_html, const std::filesystem::path& path) {
  try {
    if (is_html) {
      std::optional<Table> table = parse_html_table(text);
      if (!table) throw std::runtime_error("no table with cells");
      return *std::move(table);
    }
    std::optional<GfmTable> table = parse_gfm_table(text);
    if (!table) throw std::runtime_error("no Markdown table");
    if (table->is_ragged()) {
      throw std::runtime_error(std::to_string(table->padded_rows) +
                               " rows with too few cells and " + std::to_string(table->cut_rows) +
                               " with too many");
    }
    return std::move(table->table);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(path.string() + ": ground truth cannot be used: " + error.what());
  }
}

void check_size(const Json& entry, const char* key, int64_t actual, const std::string& where) {
  const auto named = json_get_or<int64_t>(entry, key, actual, where);
  if (named == actual) return;
  bad_item(where, "'" + std::string(key) + "' is " + std::to_string(named) +
                      " but the ground truth has " + std::to_string(actual));
}

/// The ground truth file that is scored, by the rule of `format`.
std::filesystem::path choose_truth(const std::filesystem::path& html,
                                   const std::filesystem::path& markdown, TruthFormat format,
                                   const std::string& where) {
  const bool wants_html =
      format == TruthFormat::kHtml || (format == TruthFormat::kHtmlElseMarkdown && !html.empty());
  const std::filesystem::path& chosen = wants_html ? html : markdown;
  if (!chosen.empty()) return chosen;
  const bool either = format == TruthFormat::kHtmlElseMarkdown;
  bad_item(where, "no ground truth: " +
                      std::string(either ? "neither 'html' nor 'md'"
                                         : (wants_html ? "no 'html'" : "no 'md'")) +
                      " is named");
}

}  // namespace

std::string truth_format_name(TruthFormat format) {
  switch (format) {
    case TruthFormat::kHtml:
      return "html";
    case TruthFormat::kMarkdown:
      return "markdown";
    case TruthFormat::kHtmlElseMarkdown:
      break;
  }
  return "html_else_markdown";
}

TablesTask TablesTask::open(const std::filesystem::path& folder, TruthFormat truth_format) {
  TablesTask task;
  task.folder = folder;
  task.truth_format = truth_format;
  const std::filesystem::path index = folder / "index.jsonl";
  if (!std::filesystem::is_regular_file(index)) {
    throw std::runtime_error("tables: '" + index.string() +
                             "' is missing, expected one JSON object per line with id, image, md, "
                             "html");
  }
  Sha256 list_hash;
  Sha256 truth_hash;
  std::set<std::string> ids;
  const std::string content = read_text_file(index);
  for (const TextLine& line : non_blank_lines(content)) {
    const std::string where = index.string() + ":" + std::to_string(line.number);
    const Json entry = parse_json(line.text, where);
    TableItem item;
    item.id = json_get<std::string>(entry, "id", where);
    if (item.id.empty()) bad_item(where, "'id' is empty");
    if (!ids.insert(item.id).second) bad_item(where, "the id '" + item.id + "' was used before");
    item.document = json_get_or(entry, "doc", item.id.c_str(), where);
    json_get<std::string>(entry, "image", where);
    item.image = item_file(entry, "image", folder, where);
    if (item.image.empty()) bad_item(where, "'image' is empty");
    const std::filesystem::path html = item_file(entry, "html", folder, where);
    const std::filesystem::path markdown = item_file(entry, "md", folder, where);
    const std::filesystem::path truth = choose_truth(html, markdown, truth_format, where);
    const std::string truth_text = read_text_file(truth);
    item.truth = parse_truth(truth_text, truth == html, truth);
    check_size(entry, "n_rows", item.truth.num_rows, where);
    check_size(entry, "n_cols", item.truth.num_columns, where);
    list_hash.update(item.id + "\t" + json_get<std::string>(entry, "image", where) + "\n");
    truth_hash.update(item.id + "\t" + std::to_string(truth_text.size()) + "\n" + truth_text);
    task.items.push_back(std::move(item));
  }
  if (task.items.empty()) throw std::runtime_error(index.string() + ": no items");
  task.item_list_sha256 = list_hash.hex_digest();
  task.truth_sha256 = truth_hash.hex_digest();
  return task;
}

}  // namespace nvlm::eval
