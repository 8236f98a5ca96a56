// Pieces of a self-contained HTML page.
#pragma once

#include <string>
#include <string_view>

#include "eval/table/table.h"

namespace nvlm::experiments {

/// Text as it stands in an element or a quoted attribute.
std::string html_text(std::string_view text);

/// A table without spans whose first row is the header. Every cell carries its column's name, so
/// that a narrow page can show rows as cards; a cell that is empty there is left out.
std::string html_table(const eval::Table& table);

/// An SVG document of gnuplot as an element of a page: without prolog and namespaces (which HTML
/// knows), with ids that begin with `prefix` so that several can stand in one page, and with
/// `title` for those who do not see it.
/// throws  std::runtime_error if `document` is no SVG
std::string inline_svg(std::string_view document, const std::string& prefix,
                       const std::string& title);

}  // namespace nvlm::experiments
