// Plain rows of text as a table, for results that are written in several formats.
#pragma once

#include <string>
#include <vector>

#include "eval/table/table.h"

namespace nvlm::eval {

/// The first row is the header. throws  std::invalid_argument without a row or column, or for rows
/// of different lengths
Table table_of_rows(const std::vector<std::vector<std::string>>& rows);

}  // namespace nvlm::eval
