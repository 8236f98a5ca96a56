#include "eval/extraction/table_format.h"

#include <array>
#include <stdexcept>
#include <utility>
#include <vector>

#include "common/error.h"
#include "common/nearest_name.h"
#include "eval/table/csv_writer.h"
#include "eval/table/gfm_writer.h"
#include "eval/table/html_writer.h"
#include "eval/table/table_json.h"

namespace nvlm::eval {
namespace {

constexpr std::array<std::pair<std::string_view, TableFormat>, 4> kTableFormats = {{
    {"md", TableFormat::kMarkdown},
    {"html", TableFormat::kHtml},
    {"csv", TableFormat::kCsv},
    {"json", TableFormat::kJson},
}};

}  // namespace

std::string_view name(TableFormat format) {
  return kTableFormats[static_cast<size_t>(format)].first;
}

TableFormat parse_table_format(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& [known, format] : kTableFormats) {
    if (known == name) return format;
    names.emplace_back(known);
  }
  throw UsageError("--format is '" + std::string(name) + "', expected md, html, csv or json" +
                   did_you_mean(std::string(name), names));
}

HeaderPolicy parse_header_policy(std::string_view name) {
  if (name == "keep") return HeaderPolicy::kKeep;
  if (name == "join") return HeaderPolicy::kJoin;
  throw UsageError("--header is '" + std::string(name) + "', expected keep or join");
}

std::string format_table(const Table& table, const TableFormatOptions& options) {
  if (options.format == TableFormat::kJson) {
    return table_to_json(table).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  if (table.num_rows < 1 || table.num_columns < 1) {
    throw std::invalid_argument("extract: a table of " + std::to_string(table.num_rows) +
                                " rows and " + std::to_string(table.num_columns) +
                                " columns cannot be written");
  }
  const bool join = options.header == HeaderPolicy::kJoin;
  const Table shown = join ? join_header_rows(table) : table;
  const bool as_html = options.format == TableFormat::kHtml ||
                       (options.spans == SpanPolicy::kHtml && shown.has_spans());
  if (as_html) return write_html(shown, HtmlHeader::kAsTh) + "\n";
  const Table flat = without_spans(shown, options.spans);
  if (options.format == TableFormat::kCsv) return write_csv(flat);
  return write_gfm(flat, GfmText::kEscaped) + "\n";
}

}  // namespace nvlm::eval
