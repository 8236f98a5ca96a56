#include "experiments/report/html_parts.h"

#include <stdexcept>
#include <utility>

#include "eval/text/html_entity.h"

namespace nvlm::experiments {
namespace {

void replace_all(std::string& text, std::string_view from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

/// Cuts from `begin` to the end of the next `end`, if both are there.
void cut(std::string& text, std::string_view begin, std::string_view end) {
  const size_t from = text.find(begin);
  if (from == std::string::npos) return;
  const size_t to = text.find(end, from + begin.size());
  if (to != std::string::npos) text.erase(from, to + end.size() - from);
}

}  // namespace

std::string html_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const std::string_view entity = c == '"' ? "&quot;" : eval::html_entity(c);
    if (entity.empty()) {
      out += c;
    } else {
      out += entity;
    }
  }
  return out;
}

std::string html_table(const eval::Table& table) {
  const std::vector<std::string> texts = eval::grid_texts(table);
  const auto columns = static_cast<size_t>(table.num_columns);
  std::string out = "<table>\n<thead><tr>";
  for (size_t column = 0; column < columns; ++column) {
    out += "<th>" + html_text(texts[column]) + "</th>";
  }
  out += "</tr></thead>\n<tbody>\n";
  for (size_t at = columns; at < texts.size(); at += columns) {
    out += "<tr>";
    for (size_t column = 0; column < columns; ++column) {
      out += "<td data-label=\"" + html_text(texts[column]) + "\">" +
             html_text(texts[at + column]) + "</td>";
    }
    out += "</tr>\n";
  }
  return out + "</tbody>\n</table>\n";
}

std::string inline_svg(std::string_view document, const std::string& prefix,
                       const std::string& title) {
  const size_t begin = document.find("<svg");
  const size_t end = document.rfind("</svg>");
  if (begin == std::string_view::npos || end == std::string_view::npos) {
    throw std::runtime_error("figure '" + title + "': gnuplot wrote no SVG");
  }
  std::string svg(document.substr(begin, end + 6 - begin));
  cut(svg, "xmlns=\"", "\"");
  cut(svg, "xmlns:xlink=\"", "\"");
  cut(svg, "<title>", "</title>");
  cut(svg, "<desc>", "</desc>");
  for (const char quote : {'\'', '"'}) {
    const std::string q(1, quote);
    replace_all(svg, " id=" + q, " id=" + q + prefix);
    replace_all(svg, "href=" + q + "#", "href=" + q + "#" + prefix);
  }
  replace_all(svg, "url(#", "url(#" + prefix);
  const std::string name = html_text(title);
  svg.replace(0, 4, "<svg role=\"img\" aria-label=\"" + name + "\"");
  return svg;
}

}  // namespace nvlm::experiments
