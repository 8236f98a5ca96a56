// A set of table pictures with ground truth, read from a folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "eval/table/table.h"

namespace nvlm::eval {

/// Which ground truth is scored.
enum class TruthFormat {
  kHtmlElseMarkdown,  // per item: HTML, which has spans, where there is some
  kHtml,              // HTML; an item without is an error
  kMarkdown           // Markdown: spans flattened; an item without is an error
};

/// "html_else_markdown", "html", "markdown".
std::string truth_format_name(TruthFormat format);

struct TableItem {
  std::string id;
  std::filesystem::path image;
  std::string document;  // tables of one document are not independent; the id where none is named
  Table truth;
};

/// Where the folder is, what it holds, and what identifies it.
struct TablesTask {
  std::filesystem::path folder;
  TruthFormat truth_format = TruthFormat::kHtmlElseMarkdown;
  std::vector<TableItem> items;  // in the order of the index
  std::string item_list_sha256;  // of the lines "id<tab>image"; tells lists of items apart
  std::string truth_sha256;      // of the ground truth texts that are scored, in order

  /// Reads `folder`/index.jsonl, one object per line:
  ///   id, image          strings; paths are relative to the folder
  ///   md, html           paths of the ground truth, GFM and HTML; one of both at least
  ///   doc                optional: the document that the table is from
  ///   n_rows, n_cols     optional: must agree with the ground truth
  /// Other members are ignored.
  /// throws  std::runtime_error with file and line: missing files, duplicate or empty ids, absolute
  ///         paths, ground truth that is no well-formed table, no items
  static TablesTask open(const std::filesystem::path& folder,
                         TruthFormat truth_format = TruthFormat::kHtmlElseMarkdown);
};

}  // namespace nvlm::eval
