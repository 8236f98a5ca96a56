// Writes a table as HTML, the only one of our formats that keeps spans.
#pragma once

#include <string>

#include "eval/table/table.h"

namespace nvlm::eval {

/// How header cells are written.
enum class HtmlHeader {
  kAsTd,  // `td` like all others, as the ground truth of table benchmarks has it
  kAsTh
};

/// `<table>` with one `<tr>` per line, without a final newline. rowspan and colspan are written
/// where they are not 1; `&`, `<` and `>` are escaped; a line break is `<br>`.
std::string write_html(const Table& table, HtmlHeader header = HtmlHeader::kAsTd);

}  // namespace nvlm::eval
