#include "eval/readers/rules/table_layout.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "eval/readers/rules/columns.h"
#include "eval/readers/rules/rows.h"
#include "eval/readers/rules/text_lines.h"

namespace nvlm::eval {
namespace {

constexpr double kAcrossShare = 0.6;   // of the table's width: a line across the table
constexpr double kPartialShare = 0.1;  // of the width: shorter rules underline a word
constexpr double kCoveredShare = 0.5;  // of a cell's side: a rule closes the cell there
constexpr double kWideBlank = 1.35;    // of a blank between words: at an edge it divides columns
constexpr double kHeaderShare = 0.45;  // of the lines that may stand above the first line across

/// A line across all or some columns: rules at about the same y.
struct RowEdge {
  double at = 0;
  std::vector<Rule> rules;
  bool across = false;
};

/// Text between two lines across.
struct Band {
  std::optional<RowEdge> above;  // none at the top
  std::vector<TextLine> lines;
};

/// One row in the making: for each column the words that begin there.
struct Row {
  std::vector<std::vector<OcrWord>> words;  // per column
  std::vector<size_t> last_columns;         // per column: how far its cell reaches
  double top = 0, bottom = 0;
  std::optional<RowEdge> above;  // the edge right above it, if a drawn one
  bool in_header = false;
};

double covered(const std::vector<Rule>& rules, double from, double to) {
  double sum = 0;
  for (const Rule& rule : rules) {
    sum += std::max(0.0, std::min(static_cast<double>(rule.to), to) -
                             std::max(static_cast<double>(rule.from), from));
  }
  return to > from ? sum / (to - from) : 0;
}

/// Everything about the table's columns that rows need.
struct Columns {
  std::vector<ColumnEdge> edges;
  double left = 0, right = 0;  // of the text

  size_t count() const { return edges.size() + 1; }
  double begin(size_t column) const {
    return column == 0 ? left : static_cast<double>(edges[column - 1].at);
  }
  double end(size_t column) const {
    return column == edges.size() ? right : static_cast<double>(edges[column].at);
  }
  size_t at(double x) const {
    size_t column = 0;
    while (column < edges.size() && x >= static_cast<double>(edges[column].at)) ++column;
    return column;
  }
};

std::vector<RowEdge> row_edges(const CleanPage& page, double left, double right) {
  std::vector<RowEdge> edges;
  for (const Rule& rule : page.horizontal) {
    if (edges.empty() || static_cast<double>(rule.at) - edges.back().at > 0.5 * page.glyph) {
      edges.push_back({static_cast<double>(rule.at), {}, false});
    }
    edges.back().rules.push_back(rule);
  }
  for (RowEdge& edge : edges) edge.across = covered(edge.rules, left, right) >= kAcrossShare;
  std::erase_if(
      edges, [&](const RowEdge& edge) { return covered(edge.rules, left, right) < kPartialShare; });
  return edges;
}

/// Lines by the drawn edges between which their middles are; edges without text above are dropped.
std::vector<Band> bands_of(const std::vector<OcrWord>& words, const std::vector<RowEdge>& edges,
                           double glyph) {
  std::vector<std::vector<OcrWord>> by_band(edges.size() + 1);
  for (const OcrWord& word : words) {
    const double middle = middle_of(word);
    size_t band = 0;
    while (band < edges.size() && middle > edges[band].at) ++band;
    by_band[band].push_back(word);
  }
  std::vector<Band> bands;
  for (size_t i = 0; i < by_band.size(); ++i) {
    if (by_band[i].empty()) continue;
    Band band;
    if (i > 0 && !bands.empty()) band.above = edges[i - 1];
    band.lines = text_lines(std::move(by_band[i]), glyph);
    bands.push_back(std::move(band));
  }
  return bands;
}

/// Chunks of a line put into columns.
struct PlacedLine {
  LineCells cells;
  std::vector<std::vector<OcrWord>> words;  // per first column
};

/// Whether a drawn vertical line stands at this edge beside y.
bool is_closed(const ColumnEdge& edge, double top, double bottom) {
  return edge.is_ruled() && covered(edge.rules, top, bottom) >= kCoveredShare;
}

/// Words of a line that belong together: chunks, divided once more where an edge stands in a gap
/// that is wider than blanks between words are.
std::vector<TextLine> chunks_by_columns(const TextLine& line, const Columns& columns, double gap,
                                        double space) {
  std::vector<TextLine> result;
  for (const TextLine& chunk : chunks(line, gap)) {
    TextLine part;
    for (const OcrWord& word : chunk.words) {
      if (!part.words.empty()) {
        const auto from = static_cast<double>(part.words.back().box.right);
        const auto to = static_cast<double>(word.box.left);
        const bool divides = columns.at(from) != columns.at(to) && to - from >= kWideBlank * space;
        if (divides) result.push_back(std::exchange(part, {}));
      }
      part.append(word);
    }
    result.push_back(std::move(part));
  }
  return result;
}

PlacedLine place_line(const TextLine& line, const Columns& columns, double gap, double space,
                      double glyph) {
  PlacedLine placed;
  placed.words.resize(columns.count());
  placed.cells.texts.resize(columns.count());
  placed.cells.last_columns.resize(columns.count());
  std::iota(placed.cells.last_columns.begin(), placed.cells.last_columns.end(), int64_t{0});
  placed.cells.centre = line.centre();
  for (const TextLine& chunk : chunks_by_columns(line, columns, gap, space)) {
    const auto left = static_cast<double>(chunk.box.left),
               right = static_cast<double>(chunk.box.right);
    const size_t first = columns.at(left + 0.3 * glyph), last = columns.at(right - 0.3 * glyph);
    bool divided = first >= last;
    for (size_t edge = first; edge < last; ++edge) {
      divided = divided || is_closed(columns.edges[edge], static_cast<double>(line.box.top),
                                     static_cast<double>(line.box.bottom));
    }
    for (const OcrWord& word : chunk.words) {
      const double middle = 0.5 * static_cast<double>(word.box.left + word.box.right);
      const size_t column = divided ? columns.at(middle) : first;
      placed.words[column].push_back(word);
    }
    if (!divided) placed.cells.last_columns[first] = static_cast<int64_t>(last);
  }
  for (size_t column = 0; column < columns.count(); ++column) {
    for (const OcrWord& word : placed.words[column]) {
      std::string& text = placed.cells.texts[column];
      text += (text.empty() ? "" : " ") + word.text;
    }
  }
  return placed;
}

/// The usual distance of neighbouring lines that both have numbers behind the first column.
double row_pitch_of(const std::vector<std::vector<PlacedLine>>& bands) {
  std::vector<double> pitches;
  for (const std::vector<PlacedLine>& band : bands) {
    for (size_t i = 1; i < band.size(); ++i) {
      if (band[i - 1].cells.num_numbers() == 0 || band[i].cells.num_numbers() == 0) continue;
      pitches.push_back(band[i].cells.centre - band[i - 1].cells.centre);
    }
  }
  if (pitches.size() < 2) return 0;
  const auto middle = pitches.begin() + static_cast<std::ptrdiff_t>(pitches.size() / 2);
  std::nth_element(pitches.begin(), middle, pitches.end());
  return *middle;
}

/// How many of the first bands are the header: those above the first line across.
size_t num_header_bands(const std::vector<Band>& bands) {
  size_t all = 0, above = 0, count = 0;
  for (const Band& band : bands) all += band.lines.size();
  for (size_t i = 0; i < bands.size(); ++i) {
    if (bands[i].above && bands[i].above->across) {
      count = i;
      break;
    }
    above += bands[i].lines.size();
  }
  const bool plausible =
      static_cast<double>(above) <= std::max(3.0, kHeaderShare * static_cast<double>(all));
  return plausible ? count : 0;
}

void join_row(Row& row, PlacedLine line) {
  for (size_t column = 0; column < line.words.size(); ++column) {
    for (OcrWord& word : line.words[column]) {
      row.top = std::min(row.top, static_cast<double>(word.box.top));
      row.bottom = std::max(row.bottom, static_cast<double>(word.box.bottom));
      row.words[column].push_back(std::move(word));
    }
    row.last_columns[column] =
        std::max(row.last_columns[column], static_cast<size_t>(line.cells.last_columns[column]));
  }
}

Row empty_row(size_t columns) {
  Row row;
  row.words.resize(columns);
  row.last_columns.resize(columns);
  std::iota(row.last_columns.begin(), row.last_columns.end(), size_t{0});
  row.top = 1e18;
  row.bottom = -1;
  return row;
}

/// A header over columns that a rule beneath ties together spans them, if it is alone there.
void span_by_rules(Row& row, const std::optional<RowEdge>& below, const Columns& columns) {
  if (!below || below->across) return;
  for (const Rule& rule : below->rules) {
    std::vector<size_t> tied;
    for (size_t column = 0; column < columns.count(); ++column) {
      if (covered({rule}, columns.begin(column), columns.end(column)) >= kCoveredShare) {
        tied.push_back(column);
      }
    }
    if (tied.size() < 2) continue;
    std::vector<size_t> filled;
    for (const size_t column : tied) {
      if (!row.words[column].empty()) filled.push_back(column);
    }
    if (filled.size() != 1) continue;
    const size_t from = filled[0];
    if (row.last_columns[from] > tied.back()) continue;
    std::swap(row.words[tied.front()], row.words[from]);
    row.last_columns[from] = std::max(from, row.last_columns[tied.front()]);
    row.last_columns[tied.front()] = tied.back();
  }
}

/// Where a grid's vertical line is missing beside a row, its neighbours are one cell.
void span_by_gaps(Row& row, double top, double bottom, const Columns& columns) {
  for (size_t column = 0; column + 1 < columns.count(); ++column) {
    size_t last = row.last_columns[column];
    while (last + 1 < columns.count() && columns.edges[last].is_ruled() &&
           covered(columns.edges[last].rules, top, bottom) < 0.2) {
      ++last;
    }
    if (last <= row.last_columns[column]) continue;
    size_t filled = 0;
    for (size_t c = column; c <= last; ++c) filled += row.words[c].empty() ? 0 : 1;
    if (filled != 1) continue;
    for (size_t c = column + 1; c <= last; ++c) {
      if (!row.words[c].empty()) std::swap(row.words[column], row.words[c]);
      row.last_columns[c] = c;
    }
    row.last_columns[column] = last;
    column = last;
  }
}

TableCell make_cell(const std::vector<OcrWord>& words, double glyph) {
  TableCell cell;
  double confidence = 1;
  for (const TextLine& line : text_lines(words, glyph)) {
    for (const OcrWord& word : line.words) {
      cell.text += (cell.text.empty() ? "" : " ") + word.text;
      confidence *= word.confidence;
      cell.box = cell.box ? united(*cell.box, word.box) : word.box;
    }
  }
  if (!words.empty()) cell.probability = confidence;
  return cell;
}

/// Cells of neighbouring rows that no drawn line divides, although one divides their neighbours.
bool is_one_cell_down(const Row& upper, const Row& lower, size_t column, const Columns& columns) {
  if (!lower.above) return false;
  const size_t last = upper.last_columns[column];
  if (last != lower.last_columns[column]) return false;
  const double from = columns.begin(column), to = columns.end(last);
  if (covered(lower.above->rules, from, to) >= kCoveredShare) return false;
  const bool both = !upper.words[column].empty() && !lower.words[column].empty();
  return upper.in_header || !both;
}

Table build_table(const std::vector<Row>& rows, const Columns& columns, double glyph) {
  Table table;
  table.num_rows = static_cast<int64_t>(rows.size());
  table.num_columns = static_cast<int64_t>(columns.count());
  std::vector<std::vector<bool>> taken(rows.size(), std::vector<bool>(columns.count(), false));
  for (size_t r = 0; r < rows.size(); ++r) {
    for (size_t c = 0; c < columns.count(); ++c) {
      if (taken[r][c]) continue;
      size_t last = c;
      while (last < rows[r].last_columns[c] && !taken[r][last + 1] &&
             (last + 1 == c || rows[r].words[last + 1].empty())) {
        ++last;
      }
      std::vector<OcrWord> words = rows[r].words[c];
      size_t bottom = r;
      while (bottom + 1 < rows.size() && last == rows[r].last_columns[c] &&
             is_one_cell_down(rows[bottom], rows[bottom + 1], c, columns)) {
        ++bottom;
        words.insert(words.end(), rows[bottom].words[c].begin(), rows[bottom].words[c].end());
      }
      TableCell cell = make_cell(words, glyph);
      cell.row = static_cast<int64_t>(r);
      cell.column = static_cast<int64_t>(c);
      cell.row_span = static_cast<int64_t>(bottom - r + 1);
      cell.column_span = static_cast<int64_t>(last - c + 1);
      cell.is_header = rows[r].in_header;
      for (size_t i = r; i <= bottom; ++i) {
        for (size_t j = c; j <= last; ++j) taken[i][j] = true;
      }
      table.cells.push_back(std::move(cell));
    }
  }
  return table;
}

}  // namespace

std::optional<Table> layout_table(const CleanPage& page, const std::vector<OcrWord>& found) {
  const std::vector<OcrWord> words = without_leaders(found);
  if (words.empty()) return std::nullopt;
  const double glyph = page.glyph;
  const std::vector<TextLine> all = text_lines(words, glyph);
  double left = 1e18, right = 0;
  for (const TextLine& line : all) {
    left = std::min(left, static_cast<double>(line.box.left));
    right = std::max(right, static_cast<double>(line.box.right));
  }
  const std::vector<RowEdge> edges = row_edges(page, left, right);
  const std::vector<Band> bands = bands_of(words, edges, glyph);
  const size_t num_header = num_header_bands(bands);

  std::vector<TextLine> body;
  for (size_t i = num_header; i < bands.size(); ++i) {
    body.insert(body.end(), bands[i].lines.begin(), bands[i].lines.end());
  }
  const Columns columns{column_edges(page, all, body), left, right};
  const double space = word_space(all, glyph);
  const double gap = std::max(0.75 * glyph, 1.6 * space);

  std::vector<std::vector<PlacedLine>> placed(bands.size());
  for (size_t i = 0; i < bands.size(); ++i) {
    for (const TextLine& line : bands[i].lines) {
      placed[i].push_back(place_line(line, columns, gap, space, glyph));
    }
  }
  const double pitch = row_pitch_of(placed);
  size_t num_ruled = 0, num_across = 0;
  for (const ColumnEdge& edge : columns.edges) num_ruled += edge.is_ruled() ? 1 : 0;
  for (const Band& band : bands) num_across += band.above && band.above->across ? 1 : 0;
  const bool is_grid = (num_ruled >= 1 || page.vertical.size() >= 2 || num_across >= 4) &&
                       2 * num_across >= bands.size();

  std::vector<Row> rows;
  for (size_t i = 0; i < bands.size(); ++i) {
    std::vector<LineCells> cells;
    for (const PlacedLine& line : placed[i]) cells.push_back(line.cells);
    const BandKind kind = i < num_header ? BandKind::kHeader
                          : is_grid      ? BandKind::kBoxed
                                         : BandKind::kOpen;
    const std::vector<int64_t> row_of = rows_of_lines(cells, kind, pitch);
    const size_t first_row = rows.size();
    for (size_t l = 0; l < placed[i].size(); ++l) {
      if (l == 0 || row_of[l] != row_of[l - 1]) {
        rows.push_back(empty_row(columns.count()));
        rows.back().in_header = i < num_header;
        if (l == 0) rows.back().above = bands[i].above;
      }
      join_row(rows.back(), std::move(placed[i][l]));
    }
    const std::optional<RowEdge> below =
        i + 1 < bands.size() ? bands[i + 1].above : std::optional<RowEdge>{};
    if (i < num_header) span_by_rules(rows.back(), below, columns);
    for (size_t r = first_row; r < rows.size(); ++r) {
      span_by_gaps(rows[r], rows[r].top, rows[r].bottom, columns);
    }
  }
  return build_table(rows, columns, glyph);
}

}  // namespace nvlm::eval
