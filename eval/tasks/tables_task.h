// A set of table pictures with ground truth, in the layouts that are in use.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "eval/table/table.h"
#include "eval/tasks/table_scores.h"
#include "eval/tasks/task.h"

namespace nvlm::eval {

/// Which ground truth is scored.
enum class TruthFormat {
  kHtmlElseMarkdown,  // per item: HTML, which has spans, where there is some
  kHtml,              // HTML; an item without is an error
  kMarkdown,          // Markdown: spans flattened; an item without is an error
  kPubTabNet,         // tokens of HTML in a JSON Lines file
  kOtsl               // OTSL tokens in a JSON Lines file
};

/// "html_else_markdown", "html", "markdown", "pubtabnet", "otsl".
std::string truth_format_name(TruthFormat format);

struct TableItem : TaskItem {
  Table truth;
  TruthText truth_text = TruthText::kWithSpans;
};

/// Tables are scored by score_table. Groups: size (cells), spans (yes, no) and, where the index
/// says so, ruling ("borders") and glyph_height (pixels). Flags: without_table, and lower_bound
/// where a table was so large that TEDS or GriTS is one.
struct TablesTask : Task {
  TruthFormat truth_format = TruthFormat::kHtmlElseMarkdown;
  std::vector<TableItem> items;  // in the order of the index

  std::string name() const override { return "tables"; }
  std::string main_score() const override { return "teds"; }
  size_t num_items() const override { return items.size(); }
  const TaskItem& item(size_t index) const override { return items[index]; }
  ItemScores score(size_t index, const std::string& answer) const override;
  std::map<std::string, double> failed_scores(size_t index) const override;
  Json description() const override;

  /// Reads `folder`/index.jsonl, one object per line:
  ///   id, image          strings; paths are relative to the folder
  ///   md, html           paths of the ground truth, GFM and HTML; one of both at least
  ///   doc                optional: the document that the table is from
  ///   n_rows, n_cols     optional: must agree with the ground truth
  ///   borders            optional: full, horizontal, partial, none
  ///   glyph_height       optional: of the typical line, in pixels
  /// Other members are ignored.
  /// throws  std::runtime_error with file and line: missing files, duplicate or empty ids, absolute
  ///         paths, ground truth that is no well-formed table, no items
  static TablesTask open(const std::filesystem::path& folder,
                         TruthFormat truth_format = TruthFormat::kHtmlElseMarkdown);

  /// Reads PubTabNet's annotation file, PubTabNet_2.0.0.jsonl: filename, split, html.structure
  /// .tokens and html.cells[].tokens. The id is the file name.
  /// images  folder with the pictures, or with one folder of them per split
  /// split   train, val or test; empty: all
  /// throws  as open does; also if there is no item of that split
  /// differs: cells of thead count as td like all others, and inline tags are dropped, as
  /// everywhere
  ///         here (score_table); use teds_html for the metric of the benchmark itself
  static TablesTask open_pubtabnet(const std::filesystem::path& annotations,
                                   const std::filesystem::path& images, const std::string& split);

  /// Reads one object per line: id, image, doc (optional), and otsl, either one text with the
  /// cells' texts between the tokens or a list of tokens with the texts apart under "texts"; see
  /// parse_otsl.
  static TablesTask open_otsl(const std::filesystem::path& annotations,
                              const std::filesystem::path& images);
};

}  // namespace nvlm::eval
