#include "eval/table/table_json.h"

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "eval/text/code_points.h"

namespace nvlm::eval {
namespace {

TableCell cell_from_json(const Json& value, const std::string& where) {
  TableCell cell;
  cell.row = json_get<int64_t>(value, "row", where);
  cell.column = json_get<int64_t>(value, "column", where);
  cell.row_span = json_get<int64_t>(value, "row_span", where);
  cell.column_span = json_get<int64_t>(value, "column_span", where);
  cell.is_header = json_get<bool>(value, "header", where);
  cell.text = json_get<std::string>(value, "text", where);
  if (value.contains("probability")) {
    const auto probability = json_get<double>(value, "probability", where);
    if (!(probability >= 0.0 && probability <= 1.0)) {
      throw std::runtime_error(where + ": 'probability' is " + std::to_string(probability) +
                               ", expected 0 to 1");
    }
    cell.probability = probability;
  }
  if (value.contains("box")) {
    const auto box = json_get<std::vector<int64_t>>(value, "box", where);
    if (box.size() != 4) {
      throw std::runtime_error(where + ": 'box' has " + std::to_string(box.size()) +
                               " numbers, expected 4");
    }
    cell.box = PixelBox{box[0], box[1], box[2], box[3]};
  }
  return cell;
}

}  // namespace

Json box_to_json(const PixelBox& box) {
  return Json::array({box.left, box.top, box.right, box.bottom});
}

Json table_to_json(const Table& table) {
  Json cells = Json::array();
  for (const TableCell& cell : table.cells) {
    Json entry{{"row", cell.row},           {"column", cell.column},
               {"row_span", cell.row_span}, {"column_span", cell.column_span},
               {"header", cell.is_header},  {"text", encode_utf8(decode_utf8(cell.text))}};
    if (cell.probability) entry["probability"] = *cell.probability;
    if (cell.box) entry["box"] = box_to_json(*cell.box);
    cells.push_back(std::move(entry));
  }
  return {{"rows", table.num_rows}, {"columns", table.num_columns}, {"cells", std::move(cells)}};
}

Table table_from_json(const Json& value, std::string_view where) {
  const std::string place(where);
  Table table;
  table.num_rows = json_get<int64_t>(value, "rows", place);
  table.num_columns = json_get<int64_t>(value, "columns", place);
  const Json cells = json_get<Json>(value, "cells", place);
  if (!cells.is_array()) throw std::runtime_error(place + ": 'cells' is no list");
  for (size_t i = 0; i < cells.size(); ++i) {
    table.cells.push_back(cell_from_json(cells[i], place + ": cell " + std::to_string(i)));
  }
  table.validate();
  return table;
}

}  // namespace nvlm::eval
