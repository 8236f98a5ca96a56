#include "eval/tasks/tables_task.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

#include "common/atomic_file.h"
#include "common/json.h"
#include "eval/table/canonical.h"
#include "eval/table/gfm_parser.h"
#include "eval/table/html_parser.h"
#include "eval/table/otsl_parser.h"
#include "eval/tasks/table_scores.h"
#include "eval/tasks/task_items.h"

namespace nvlm::eval {
namespace {

/// The file that `key` names, which must exist; empty if the key is absent.
std::filesystem::path truth_file(const Json& entry, const char* key,
                                 const std::filesystem::path& folder, const std::string& where) {
  const std::string relative = json_get_or(entry, key, "", where);
  return relative.empty() ? std::filesystem::path() : item_file(folder, relative, key, where);
}

Table parse_markdown_truth(const std::string& text) {
  std::optional<GfmTable> table = parse_gfm_table(text);
  if (!table) throw std::runtime_error("no Markdown table");
  if (table->is_ragged()) {
    throw std::runtime_error(std::to_string(table->padded_rows) + " rows with too few cells and " +
                             std::to_string(table->cut_rows) + " with too many");
  }
  return std::move(table->table);
}

Table parse_html_truth(const std::string& text) {
  std::optional<Table> table = parse_html_table(text);
  if (!table) throw std::runtime_error("no table with cells");
  return *std::move(table);
}

/// parse(), whose errors get `where` in front.
template <class Parse>
Table parse_truth(const std::string& where, Parse parse) {
  try {
    return parse();
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(where + ": ground truth cannot be used: " + error.what());
  }
}

void check_size(const Json& entry, const char* key, int64_t actual, const std::string& where) {
  const auto named = json_get_or<int64_t>(entry, key, actual, where);
  if (named == actual) return;
  throw std::runtime_error(where + ": '" + key + "' is " + std::to_string(named) +
                           " but the ground truth has " + std::to_string(actual));
}

/// The bucket of `value`: "1-25", "26-100", ..., "401+" for limits 25, 100, 400.
std::string bucket_name(int64_t value, std::initializer_list<int64_t> limits) {
  int64_t low = 1;
  for (const int64_t limit : limits) {
    if (value <= limit) return std::to_string(low) + "-" + std::to_string(limit);
    low = limit + 1;
  }
  return std::to_string(low) + "+";
}

void add_groups(TableItem& item, const Json& entry, const std::string& where) {
  item.groups["size"] =
      bucket_name(static_cast<int64_t>(item.truth.cells.size()), {25, 100, 400}) + " cells";
  item.groups["spans"] = item.truth.has_spans() ? "yes" : "no";
  const std::string borders = json_get_or(entry, "borders", "", where);
  if (!borders.empty()) item.groups["ruling"] = borders;
  const auto height = json_get_or<double>(entry, "glyph_height", 0.0, where);
  if (height > 0.0 && height < 1e6) {
    item.groups["glyph_height"] =
        bucket_name(std::max<int64_t>(1, std::llround(height)), {10, 14, 20, 30}) + " px";
  }
}

/// The HTML that PubTabNet's tokens spell. Sets in the same layout also write "<td></td>" as one
/// token.
std::string pubtabnet_html(const Json& entry, const std::string& where) {
  const auto html = json_get<Json>(entry, "html", where);
  const auto structure = json_get<Json>(html, "structure", where);
  const auto cells = json_get<std::vector<Json>>(html, "cells", where);
  std::string text = "<table>";
  size_t next = 0;
  for (const auto& token : json_get<std::vector<std::string>>(structure, "tokens", where)) {
    if (token == "<td></td>") text += "<td>";
    if (token.ends_with("</td>")) {
      if (next == cells.size()) {
        throw std::runtime_error(where + ": more td than the " + std::to_string(next) + " cells");
      }
      for (const auto& piece : json_get<std::vector<std::string>>(cells[next], "tokens", where)) {
        // Characters are single tokens; longer ones are tags.
        text += piece == "<" ? "&lt;" : (piece == "&" ? "&amp;" : piece);
      }
      ++next;
      text += "</td>";
    } else {
      text += token;
    }
  }
  if (next != cells.size()) {
    throw std::runtime_error(where + ": " + std::to_string(cells.size()) + " cells for " +
                             std::to_string(next) + " td");
  }
  return text + "</table>";
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
  throw std::runtime_error(
      where + ": no ground truth: " +
      (either ? "neither 'html' nor 'md'" : (wants_html ? "no 'html'" : "no 'md'")) + " is named");
}

}  // namespace

std::string truth_format_name(TruthFormat format) {
  switch (format) {
    case TruthFormat::kHtml:
      return "html";
    case TruthFormat::kMarkdown:
      return "markdown";
    case TruthFormat::kPubTabNet:
      return "pubtabnet";
    case TruthFormat::kOtsl:
      return "otsl";
    case TruthFormat::kHtmlElseMarkdown:
      break;
  }
  return "html_else_markdown";
}

ItemScores TablesTask::score(size_t index, const std::string& answer) const {
  const TableScores scores = score_table(answer, items[index].truth, items[index].truth_text);
  ItemScores result{named_scores(scores), {}};
  if (!scores.has_table) result.flags.emplace_back("without_table");
  if (!scores.exact_distance) result.flags.emplace_back("bounded");
  return result;
}

std::map<std::string, double> TablesTask::failed_scores(size_t) const { return named_scores({}); }

Json TablesTask::description() const {
  return {{"truth", truth_format_name(truth_format)},
          {"canonical_text_version", kCanonicalTextVersion}};
}

TablesTask TablesTask::open(const std::filesystem::path& folder, TruthFormat truth_format) {
  TablesTask task;
  task.truth_format = truth_format;
  ItemList list;
  for_each_annotation(
      folder / "index.jsonl", "one JSON object per line with id, image, md, html", "",
      [&](const Json& entry, const std::string& where) {
        TableItem item;
        item.id = json_get<std::string>(entry, "id", where);
        item.document = json_get_or(entry, "doc", "", where);
        const auto image = json_get<std::string>(entry, "image", where);
        item.image = item_file(folder, image, "image", where);
        const std::filesystem::path html = truth_file(entry, "html", folder, where);
        const std::filesystem::path markdown = truth_file(entry, "md", folder, where);
        const std::filesystem::path truth = choose_truth(html, markdown, truth_format, where);
        const std::string text = read_text_file(truth);
        item.truth = parse_truth(truth.string(), [&] {
          return truth == html ? parse_html_truth(text) : parse_markdown_truth(text);
        });
        item.truth_text = truth == html ? TruthText::kWithSpans : TruthText::kMarkdown;
        check_size(entry, "n_rows", item.truth.num_rows, where);
        check_size(entry, "n_cols", item.truth.num_columns, where);
        add_groups(item, entry, where);
        list.add(item, image, text, where);
        task.items.push_back(std::move(item));
      });
  list.finish(task, folder / "index.jsonl");
  return task;
}

TablesTask TablesTask::open_pubtabnet(const std::filesystem::path& annotations,
                                      const std::filesystem::path& images,
                                      const std::string& split) {
  TablesTask task;
  task.truth_format = TruthFormat::kPubTabNet;
  ItemList list;
  std::set<std::string> splits;
  for_each_annotation(
      annotations, "PubTabNet's PubTabNet_2.0.0.jsonl (github.com/ibm-aur-nlp/PubTabNet)", "",
      [&](const Json& entry, const std::string& where) {
        const std::string item_split = json_get_or(entry, "split", "", where);
        splits.insert(item_split);
        if (!split.empty() && item_split != split) return;
        TableItem item;
        item.id = json_get<std::string>(entry, "filename", where);
        const bool by_split = std::filesystem::exists(images / item_split / item.id);
        item.image = item_file(by_split ? images / item_split : images, item.id, "filename", where);
        const std::string html = pubtabnet_html(entry, where);
        item.truth = parse_truth(where, [&] { return parse_html_truth(html); });
        add_groups(item, entry, where);
        list.add(item, item.id, html, where);
        task.items.push_back(std::move(item));
      });
  if (task.items.empty() && !splits.empty()) {
    std::string known;
    for (const std::string& name : splits) known += (known.empty() ? "" : ", ") + name;
    throw std::runtime_error(annotations.string() + ": no item of split '" + split +
                             "', found: " + known);
  }
  list.finish(task, annotations);
  return task;
}

TablesTask TablesTask::open_otsl(const std::filesystem::path& annotations,
                                 const std::filesystem::path& images) {
  TablesTask task;
  task.truth_format = TruthFormat::kOtsl;
  ItemList list;
  for_each_annotation(
      annotations, "one JSON object per line with id, image, otsl and, for tokens, texts", "",
      [&](const Json& entry, const std::string& where) {
        TableItem item;
        item.id = json_get<std::string>(entry, "id", where);
        item.document = json_get_or(entry, "doc", "", where);
        const auto image = json_get<std::string>(entry, "image", where);
        item.image = item_file(images, image, "image", where);
        const auto otsl = json_get<Json>(entry, "otsl", where);
        std::string truth = otsl.dump();
        item.truth = parse_truth(where, [&] {
          if (otsl.is_string()) return parse_otsl(otsl.get<std::string>());
          const auto texts = json_get<std::vector<std::string>>(entry, "texts", where);
          truth += Json(texts).dump();
          return parse_otsl(json_get<std::vector<std::string>>(entry, "otsl", where), texts);
        });
        add_groups(item, entry, where);
        list.add(item, image, truth, where);
        task.items.push_back(std::move(item));
      });
  list.finish(task, annotations);
  return task;
}

}  // namespace nvlm::eval
