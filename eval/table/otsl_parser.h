// Tables in OTSL, five structure tokens and the texts of the cells.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "eval/table/table.h"

namespace nvlm::eval {

/// A table from its structure tokens, rectangular and row by row:
///   fcel  a cell with text           ecel  a cell without
///   lcel  belongs to the cell left   ucel  belongs to the cell above
///   xcel  belongs to both            nl    ends a row
/// ched, rhed and srow are fcel of a header, as in DocTags. Tokens may stand in angle brackets.
/// texts   of the fcel and header tokens, in order
/// throws  std::runtime_error naming row and column: an unknown token, rows of different length, a
///         merge without a cell to merge with or that is no rectangle, a wrong number of texts,
///         more than kMaxGridPositions
/// source: Lysak et al. 2023 (arXiv 2305.03393)
Table parse_otsl(const std::vector<std::string>& tokens, const std::vector<std::string>& texts);

/// The same with the texts between the tokens: "<fcel>a<lcel><nl><fcel>b<ecel><nl>". An outer
/// <otsl> is ignored.
Table parse_otsl(std::string_view text);

}  // namespace nvlm::eval
