// One table in the format that the user asked for.
#pragma once

#include <string>
#include <string_view>

#include "eval/table/span_policy.h"
#include "eval/table/table.h"

namespace nvlm::eval {

enum class TableFormat { kMarkdown, kHtml, kCsv, kJson };

/// "md", "html", "csv", "json"; also the ending of files in that format.
std::string_view name(TableFormat format);

/// The format of that name. throws UsageError naming the nearest
TableFormat parse_table_format(std::string_view name);

enum class HeaderPolicy {
  kKeep,  // header rows as they are; Markdown's header row is the first
  kJoin   // joined into one (join_header_rows)
};

/// "keep" or "join". throws UsageError
HeaderPolicy parse_header_policy(std::string_view name);

struct TableFormatOptions {
  TableFormat format = TableFormat::kMarkdown;
  SpanPolicy spans = SpanPolicy::kHtml;  // for Markdown and CSV
  HeaderPolicy header = HeaderPolicy::kKeep;
};

/// The table as Markdown (escaped so that it renders), HTML (headers as `th`), or CSV, ended by a
/// line break; spans as the policy says. In CSV, too, a table with spans under SpanPolicy::kHtml is
/// HTML. JSON is lossless: neither policy touches it.
/// throws  std::invalid_argument if the table has no row or no column, except as JSON;
///         std::runtime_error under SpanPolicy::kError for a table with spans
std::string format_table(const Table& table, const TableFormatOptions& options);

}  // namespace nvlm::eval
