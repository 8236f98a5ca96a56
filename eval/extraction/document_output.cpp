#include "eval/extraction/document_output.h"

#include <cstdio>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "eval/table/table_json.h"

namespace nvlm::eval {
namespace {

std::string three_digits(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", value);
  return text;
}

std::string place_of(const ExtractedPage& page, size_t table, bool is_paged) {
  return (is_paged ? "page " + std::to_string(page.number) + ", " : std::string()) + "table " +
         std::to_string(table + 1);
}

/// Text that cannot end the comment it stands in.
std::string comment_text(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    if (c == '-' && !safe.empty() && safe.back() == '-') safe += ' ';
    safe += c == '\n' || c == '\r' ? ' ' : c;
  }
  return safe;
}

/// "<!-- confidence: mean 0.970, lowest 0.410; low: row 3, column 2 "12" 0.410 -->".
std::string confidence_comment(const ExtractedTable& extracted) {
  const std::optional<double> mean = extracted.proof.mean_confidence();
  if (!mean) return "<!-- confidence: unknown, the reader gives none -->\n";
  std::string text = "<!-- confidence: mean " + three_digits(*mean) + ", lowest " +
                     three_digits(*extracted.proof.lowest_confidence());
  std::string_view before = "; low: ";
  for (size_t i = 0; i < extracted.table.cells.size(); ++i) {
    const std::optional<double>& confidence = extracted.proof.confidence[i];
    if (!confidence || *confidence >= kLowCellConfidence) continue;
    const TableCell& cell = extracted.table.cells[i];
    text += before;
    text += "row " + std::to_string(cell.row + 1) + ", column " + std::to_string(cell.column + 1) +
            " \"" + comment_text(cell.text) + "\" " + three_digits(*confidence);
    before = "; ";
  }
  return text + " -->\n";
}

Json table_with_confidence(const ExtractedTable& extracted) {
  Json table = table_to_json(extracted.table);
  for (size_t i = 0; i < extracted.table.cells.size(); ++i) {
    Json& cell = table["cells"][i];
    if (extracted.proof.confidence[i]) cell["confidence"] = *extracted.proof.confidence[i];
    if (extracted.proof.agreement && extracted.proof.agreement->cells[i]) {
      cell["agreement"] = *extracted.proof.agreement->cells[i];
    }
  }
  return table;
}

Json checks_json(const std::vector<StructureCheck>& checks) {
  Json list = Json::array();
  for (const StructureCheck& check : checks) {
    Json entry{{"name", check.name}, {"result", name(check.result)}};
    if (!check.message.empty()) entry["message"] = check.message;
    if (!check.cells.empty()) entry["cells"] = check.cells;
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace

Json proof_json(const ExtractedTable& table) {
  Json json{{"box", box_to_json(table.box)},    {"status", name(table.verdict.status)},
            {"reasons", table.verdict.reasons}, {"notes", table.verdict.notes},
            {"reader", table.reader},           {"seconds", table.seconds}};
  if (!table.choice.empty()) json["choice"] = table.choice;
  if (!table.error.empty()) {
    json["error"] = table.error;
    return json;
  }
  if (const auto mean = table.proof.mean_confidence()) {
    json["confidence"] = *mean;
    json["lowest_confidence"] = *table.proof.lowest_confidence();
  }
  if (table.proof.agreement) {
    json["agreement"] = {{"found", table.proof.agreement->found()},
                         {"covered", table.proof.agreement->covered()},
                         {"table_words", table.proof.agreement->table_words},
                         {"picture_words", table.proof.agreement->picture_words}};
  }
  json["checks"] = checks_json(table.proof.checks);
  return json;
}

Json document_json(const std::string& source, const std::vector<ExtractedPage>& pages) {
  Json page_list = Json::array();
  for (const ExtractedPage& page : pages) {
    Json tables = Json::array();
    for (const ExtractedTable& table : page.tables) {
      Json entry = proof_json(table);
      if (table.error.empty()) entry["table"] = table_with_confidence(table);
      tables.push_back(std::move(entry));
    }
    page_list.push_back({{"page", page.number}, {"tables", std::move(tables)}});
  }
  return {{"source", source}, {"pages", std::move(page_list)}};
}

std::string document_text(const std::string& source, const std::vector<ExtractedPage>& pages,
                          const DocumentOutputOptions& options, bool one_line_json) {
  if (options.table.format == TableFormat::kJson) {
    return document_json(source, pages)
               .dump(one_line_json ? -1 : 2, ' ', false, Json::error_handler_t::replace) +
           "\n";
  }
  size_t num_tables = 0;
  for (const ExtractedPage& page : pages) num_tables += page.tables.size();
  const bool with_comments = options.table.format != TableFormat::kCsv;
  std::string text;
  for (const ExtractedPage& page : pages) {
    for (size_t i = 0; i < page.tables.size(); ++i) {
      const ExtractedTable& table = page.tables[i];
      if (!table.error.empty()) continue;
      const std::string place = place_of(page, i, options.is_paged);
      if (!text.empty()) text += options.table.format == TableFormat::kCsv ? "\r\n" : "\n";
      if (with_comments && (num_tables > 1 || options.is_paged)) {
        text += "<!-- " + place + " -->\n";
      }
      try {
        text += format_table(table.table, options.table);
      } catch (const std::runtime_error& error) {
        if (num_tables == 1) throw;
        throw std::runtime_error(place + ": " + error.what());
      }
      if (with_comments && options.show_confidence) text += "\n" + confidence_comment(table);
    }
  }
  return text;
}

}  // namespace nvlm::eval
