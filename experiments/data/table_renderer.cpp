#include "experiments/data/table_renderer.h"

#include <cmath>

#include "experiments/data/appearance.h"
#include "experiments/data/canvas.h"
#include "experiments/data/degradation.h"
#include "experiments/data/table_generator.h"
#include "experiments/data/text_shaper.h"

namespace nvlm::experiments {
namespace {

/// Text of every cell, shaped, and the grid's lines in pixels.
struct TableLayout {
  std::vector<ShapedText> texts;                // one per cell
  std::vector<double> column_edges, row_edges;  // columns + 1, rows + 1
};

bool in_header(const TableSpec& table, const TableCell& cell) {
  return cell.row < table.header_rows;
}

std::vector<ShapedText> shape_texts(const TableSpec& table, const Appearance& look) {
  TextShaper& shaper = TextShaper::of_this_thread();
  shaper.set_smoothing(look.smoothing);
  std::vector<ShapedText> texts;
  texts.reserve(table.cells.size());
  for (const TableCell& cell : table.cells) {
    TextFont font = look.font;
    font.bold =
        in_header(table, cell) ? look.bold_header : look.bold_first_column && cell.column == 0;
    texts.push_back(shaper.shape(cell.text, font, cell.alignment, cell.raised, look.line_spacing));
  }
  return texts;
}

/// Grows sizes[first .. first + count - 1] evenly until they hold `needed`.
void make_room(std::vector<double>& sizes, int64_t first, int64_t count, double needed) {
  double present = 0;
  for (int64_t i = first; i < first + count; ++i) present += sizes[static_cast<size_t>(i)];
  if (present >= needed) return;
  const double more = (needed - present) / static_cast<double>(count);
  for (int64_t i = first; i < first + count; ++i) sizes[static_cast<size_t>(i)] += more;
}

std::vector<double> edges_from(double start, const std::vector<double>& sizes) {
  std::vector<double> edges{start};
  for (const double size : sizes) edges.push_back(edges.back() + size);
  return edges;
}

TableLayout lay_out(const TableSpec& table, const Appearance& look) {
  TableLayout layout;
  layout.texts = shape_texts(table, look);
  std::vector<double> widths(static_cast<size_t>(table.columns), look.font.pixels);
  std::vector<double> heights(static_cast<size_t>(table.rows),
                              1.15 * look.font.pixels + 2 * look.pad_y);
  for (const bool spanning : {false, true}) {  // simple cells first, then what spans still need
    for (size_t i = 0; i < table.cells.size(); ++i) {
      const TableCell& cell = table.cells[i];
      const double width = std::ceil(layout.texts[i].width()) + 2 * look.pad_x;
      const double height = layout.texts[i].height() + 2 * look.pad_y;
      if ((cell.column_span > 1) == spanning) {
        make_room(widths, cell.column, cell.column_span, width);
      }
      if ((cell.row_span > 1) == spanning) make_room(heights, cell.row, cell.row_span, height);
    }
  }
  if (look.equal_columns) {
    const double widest = *std::max_element(widths.begin(), widths.end());
    widths.assign(widths.size(), widest);
  }
  for (double& width : widths) width *= look.stretch;
  layout.column_edges = edges_from(look.margins[0], widths);
  layout.row_edges = edges_from(look.margins[1], heights);
  return layout;
}

struct CellBox {
  double left, top, right, bottom;
};

CellBox box_of(const TableCell& cell, const TableLayout& layout) {
  return {layout.column_edges[static_cast<size_t>(cell.column)],
          layout.row_edges[static_cast<size_t>(cell.row)],
          layout.column_edges[static_cast<size_t>(cell.column + cell.column_span)],
          layout.row_edges[static_cast<size_t>(cell.row + cell.row_span)]};
}

void draw_fills(Canvas& canvas, const TableSpec& table, const TableLayout& layout,
                const Appearance& look) {
  for (const TableCell& cell : table.cells) {
    const CellBox box = box_of(cell, layout);
    if (in_header(table, cell)) {
      if (look.header_filled) {
        canvas.fill(box.left, box.top, box.right, box.bottom, look.header_ground);
      }
    } else if (look.zebra && (cell.row - table.header_rows) % 2 == 1) {
      canvas.fill(box.left, box.top, box.right, box.bottom, look.zebra_ground);
    }
  }
}

void draw_rules(Canvas& canvas, const TableSpec& table, const TableLayout& layout,
                const Appearance& look) {
  const double left = layout.column_edges.front(), right = layout.column_edges.back();
  const double top = layout.row_edges.front(), bottom = layout.row_edges.back();
  const auto horizontal = [&](double from, double to, double y, double width) {
    const double start = std::round(y - width / 2);
    canvas.fill(from, start, to, start + width, look.line);
  };
  const auto vertical = [&](double x, double from, double to) {
    const double start = std::round(x - look.line_width / 2);
    canvas.fill(start, from, start + look.line_width, to, look.line);
  };
  for (const TableCell& cell : table.cells) {
    const CellBox box = box_of(cell, layout);
    const bool last_row = cell.row + cell.row_span == table.rows;
    const bool last_column = cell.column + cell.column_span == table.columns;
    if (look.rows_ruled && !last_row) horizontal(box.left, box.right, box.bottom, look.line_width);
    if (look.columns_ruled && !last_column) vertical(box.right, box.top, box.bottom);
    // Spanning headings need their own line, or nothing says what they span.
    const bool group =
        in_header(table, cell) && cell.column_span > 1 && cell.row == 0 && table.header_rows > 1;
    if (group && !look.rows_ruled && (look.header_line || look.outer_lines)) {
      horizontal(box.left + look.pad_x / 2, box.right - look.pad_x / 2, box.bottom,
                 look.line_width);
    }
  }
  if (look.header_line && table.rows > table.header_rows) {
    const double y = layout.row_edges[static_cast<size_t>(table.header_rows)];
    horizontal(left, right, y, look.header_line_width);
  }
  if (look.frame || look.outer_lines) {
    horizontal(left, right, top, look.header_line_width);
    horizontal(left, right, bottom, look.header_line_width);
  }
  if (look.frame) {
    vertical(left, top - look.header_line_width / 2, bottom + look.header_line_width / 2);
    vertical(right, top - look.header_line_width / 2, bottom + look.header_line_width / 2);
  }
}

cv::Point2d text_origin(const TableCell& cell, const ShapedText& text, const CellBox& box,
                        const Appearance& look) {
  const double room_x = box.right - box.left - 2 * look.pad_x - text.width();
  const double share = cell.alignment == Alignment::kLeft     ? 0
                       : cell.alignment == Alignment::kCentre ? 0.5
                                                              : 1;
  const double room_y = box.bottom - box.top - 2 * look.pad_y - text.height();
  return {box.left + look.pad_x + share * room_x, box.top + look.pad_y + look.vertical * room_y};
}

std::vector<Glyph> draw_texts(Canvas& canvas, const TableSpec& table, const TableLayout& layout,
                              const Appearance& look) {
  const std::vector<std::vector<int64_t>> offsets = answer_offsets(table);
  std::vector<Glyph> glyphs;
  for (size_t i = 0; i < table.cells.size(); ++i) {
    const TableCell& cell = table.cells[i];
    if (cell.text.empty()) continue;
    const ShapedText& text = layout.texts[i];
    const cv::Point2d origin = text_origin(cell, text, box_of(cell, layout), look);
    canvas.set_colour(in_header(table, cell) ? look.header_text : look.text);
    text.draw(canvas.cairo(), origin.x, origin.y);
    for (const PlacedCharacter& c : text.characters()) {
      Glyph glyph;
      glyph.character = c.character;
      glyph.x = static_cast<float>(origin.x + c.x);
      glyph.y = static_cast<float>(origin.y + c.y);
      glyph.width = static_cast<float>(c.width);
      glyph.height = static_cast<float>(c.height);
      glyph.answer_offset = offsets[i][c.index];
      glyph.row = cell.row;
      glyph.column = cell.column;
      glyphs.push_back(glyph);
    }
  }
  return glyphs;
}

}  // namespace

RenderedTable render_table(const TableSpec& table, const TableDifficulty& difficulty,
                           Random& random) {
  difficulty.validate();
  RenderedTable result;
  result.markdown = to_markdown(table);
  result.html = to_html(table);
  result.answer = to_answer(table);
  result.rows = table.rows;
  result.columns = table.columns;
  result.cells = static_cast<int64_t>(table.cells.size());
  result.has_spans = table.has_spans();

  const Appearance look = random_appearance(difficulty, random);
  result.borders = borders(look);
  const TableLayout layout = lay_out(table, look);
  const auto width = static_cast<int64_t>(std::ceil(layout.column_edges.back() + look.margins[2]));
  const auto height = static_cast<int64_t>(std::ceil(layout.row_edges.back() + look.margins[3]));
  Canvas canvas(width, height, look.ground);
  draw_fills(canvas, table, layout, look);
  draw_rules(canvas, table, layout, look);
  result.glyphs = draw_texts(canvas, table, layout, look);

  cv::Mat image = canvas.rgb();
  const AffineMap map = degrade(image, difficulty.degradation, to_scalar(look.ground),
                                look.font.pixels, SkewCanvas::kGrow, random);
  for (Glyph& glyph : result.glyphs) {
    const cv::Point2d moved = map(glyph.x, glyph.y);
    glyph.x = static_cast<float>(moved.x);
    glyph.y = static_cast<float>(moved.y);
  }
  result.image = to_tensor(image);
  return result;
}

RenderedTable render_table_sample(const TableDifficulty& difficulty, uint64_t seed,
                                  uint64_t index) {
  Random random(seed, index);
  const TableSpec table = generate_table(random, difficulty);
  return render_table(table, difficulty, random);
}

}  // namespace nvlm::experiments
