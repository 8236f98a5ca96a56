// Writes a table as comma-separated values.
#pragma once

#include <string>

#include "eval/table/table.h"

namespace nvlm::eval {

/// One record per row, each ended by CRLF; a field that holds a comma, a quote or a line break
/// stands in quotes, with quotes doubled. Spans are flattened (grid_texts). The record of a row
/// with one blank column is `""`, since an empty line would be no record to many readers.
/// throws  std::invalid_argument if the table has no row or no column
/// source  RFC 4180
std::string write_csv(const Table& table);

}  // namespace nvlm::eval
