#include "eval/extraction/extract_page.h"

#include <c10/util/Exception.h>

#include <chrono>
#include <stdexcept>
#include <utility>

#include "eval/extraction/choose_reading.h"
#include "eval/table/gfm_parser.h"
#include "eval/table/html_parser.h"

namespace nvlm::eval {
namespace {

/// A reader's table with its proof, or why there is none.
struct ProvenReading {
  std::optional<ResolvedTable> resolved;
  TableProof proof;
  std::string error;
};

ProvenReading read_with(TableReader& reader, const Tensor& image,
                        const std::optional<std::vector<std::string>>& words) {
  ProvenReading reading;
  try {
    const std::vector<Tensor> images{image};
    reading.resolved = resolve_table(std::move(reader.read(images).at(0)));
    if (!reading.resolved) reading.error = "the answer of " + reader.name() + " holds no table";
  } catch (const c10::Error& error) {
    reading.error = error.what_without_backtrace();
  } catch (const std::exception& error) {
    reading.error = error.what();
  }
  if (reading.resolved) {
    reading.proof = prove_table(reading.resolved->table, reading.resolved->was_ragged, words);
  }
  return reading;
}

void keep(ProvenReading reading, const TableReader& reader, ExtractedTable& extracted) {
  extracted.reader = reader.name();
  extracted.error = std::move(reading.error);
  if (!reading.resolved) return;
  extracted.table = std::move(reading.resolved->table);
  extracted.proof = std::move(reading.proof);
}

void read_table(const Tensor& image, const PageReaders& readers, ExtractedTable& extracted) {
  std::optional<std::vector<std::string>> words;
  if (readers.words) words = readers.words(image);
  if (readers.model == nullptr || readers.rules == nullptr) {
    TableReader& reader = readers.model != nullptr ? *readers.model : *readers.rules;
    keep(read_with(reader, image, words), reader, extracted);
    return;
  }
  ProvenReading model = read_with(*readers.model, image, words);
  ProvenReading rules = read_with(*readers.rules, image, words);
  if (!model.resolved && !rules.resolved) {
    model.error += "; " + rules.error;
    keep(std::move(model), *readers.model, extracted);
    return;
  }
  const ChosenReading chosen = choose_reading(model.resolved ? &model.proof : nullptr,
                                              rules.resolved ? &rules.proof : nullptr);
  extracted.choice = chosen.reason;
  if (chosen.choice == ReadingChoice::kModel) {
    keep(std::move(model), *readers.model, extracted);
  } else {
    keep(std::move(rules), *readers.rules, extracted);
  }
}

void move_boxes(Table& table, int64_t right, int64_t down) {
  for (TableCell& cell : table.cells) {
    if (!cell.box) continue;
    cell.box->left += right;
    cell.box->right += right;
    cell.box->top += down;
    cell.box->bottom += down;
  }
}

}  // namespace

std::optional<ResolvedTable> resolve_table(TableReading reading) {
  const std::optional<GfmTable> gfm = parse_gfm_table(reading.text);
  if (reading.table) return ResolvedTable{*std::move(reading.table), gfm && gfm->is_ragged()};
  if (std::optional<Table> html = parse_html_table(reading.text)) {
    return ResolvedTable{*std::move(html), false};
  }
  std::optional<GfmTable> repaired = repair_gfm_table(reading.text);
  if (!repaired) return std::nullopt;
  return ResolvedTable{std::move(repaired->table), true};
}

ExtractedTable unread_table(const PixelBox& box, const std::string& error) {
  ExtractedTable table;
  table.box = box;
  table.error = error;
  table.verdict = {TableStatus::kFail, {error}, {}};
  return table;
}

std::vector<ExtractedTable> extract_page(const Tensor& page, const PageReaders& readers,
                                         const ExtractOptions& options) {
  if (readers.model == nullptr && readers.rules == nullptr) {
    throw std::invalid_argument("extract_page: expected at least one reader");
  }
  const PixelBox whole{0, 0, page.size(1), page.size(0)};
  const std::vector<PixelBox> boxes =
      options.find_tables ? find_tables(page, options.kind) : std::vector<PixelBox>{whole};
  std::vector<ExtractedTable> tables;
  for (const PixelBox& box : boxes) {
    const auto start = std::chrono::steady_clock::now();
    ExtractedTable& extracted = tables.emplace_back();
    extracted.box = box;
    read_table(crop_image(page, box), readers, extracted);
    if (extracted.error.empty()) {
      extracted.verdict = judge_table(extracted.table, extracted.proof, options.fail_under);
      move_boxes(extracted.table, box.left, box.top);
    } else {
      extracted.verdict = {TableStatus::kFail, {extracted.error}, {}};
    }
    extracted.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  return tables;
}

}  // namespace nvlm::eval
