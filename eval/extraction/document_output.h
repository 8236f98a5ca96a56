// The tables of one document as text: what goes to stdout or into a file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/json.h"
#include "eval/extraction/extract_page.h"
#include "eval/extraction/table_format.h"

namespace nvlm::eval {

struct ExtractedPage {
  int64_t number = 1;
  std::vector<ExtractedTable> tables;
};

struct DocumentOutputOptions {
  TableFormatOptions table;
  bool show_confidence = false;  // in Markdown and HTML; JSON always has it
  bool is_paged = false;         // a document with page numbers, not a picture
};

/// Markdown, HTML and CSV: the tables in reading order with a blank line between them. Where there
/// is more than one, and in documents with pages, Markdown and HTML have a comment before each,
/// "<!-- page 2, table 1 -->". With show_confidence a comment follows that gives mean and lowest
/// confidence and lists the cells below kLowCellConfidence. Tables with an error are left out.
/// JSON: document_json, indented, or on one line.
/// throws  what format_table throws, with the table's place
std::string document_text(const std::string& source, const std::vector<ExtractedPage>& pages,
                          const DocumentOutputOptions& options, bool one_line_json);

/// {"source", "pages": [{"page", "tables": [{"box", "status", "reasons", "notes", "reader",
/// "confidence", "lowest_confidence", "agreement", "checks", "seconds", "table"}]}]}. The table is
/// table_to_json's, each cell with "confidence" and "agreement" where known; a table that could not
/// be read has "error" in its place.
Json document_json(const std::string& source, const std::vector<ExtractedPage>& pages);

/// What is known about a table without the table itself: an entry of document_json but "table".
Json proof_json(const ExtractedTable& table);

}  // namespace nvlm::eval
