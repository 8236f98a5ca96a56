// A table as JSON and back, with all that is known of it.
#pragma once

#include <string_view>

#include "common/json.h"
#include "eval/table/table.h"

namespace nvlm::eval {

/// {"rows", "columns", "cells": [{"row", "column", "row_span", "column_span", "header", "text",
/// "probability", "box": [left, top, right, bottom]}]}. Rows and columns count from 0; probability
/// and box stand only where they are known. Bytes that are not UTF-8 become U+FFFD; all else comes
/// back from table_from_json as it was.
Json table_to_json(const Table& table);

/// The table that `value` describes.
/// where   the file or part of it, for the error
/// throws  std::runtime_error naming the key that is missing or wrong; std::invalid_argument if the
///         cells are no table (Table::validate)
Table table_from_json(const Json& value, std::string_view where);

/// [left, top, right, bottom].
Json box_to_json(const PixelBox& box);

}  // namespace nvlm::eval
