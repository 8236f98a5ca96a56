#include "eval/extraction/page_tables.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <string>

namespace nvlm::eval {
namespace {

enum class RowKind {
  kCells,  // pieces with a wide gap between them, or within a grid
  kProse,  // fills the width
  kShort   // one short piece: a caption, a heading, a continued cell
};

/// Consecutive rows [first, last] that form a table.
struct RowRange {
  size_t first, last;
};

int64_t width_of(const PixelBox& box) { return box.right - box.left; }

int64_t height_of(const PixelBox& box) { return box.bottom - box.top; }

void include(PixelBox& box, const PixelBox& other) {
  box = {std::min(box.left, other.left), std::min(box.top, other.top),
         std::max(box.right, other.right), std::max(box.bottom, other.bottom)};
}

/// Share of the narrower box's width that both have in common.
double common_width(const PixelBox& a, const PixelBox& b) {
  const int64_t common = std::min(a.right, b.right) - std::max(a.left, b.left);
  const int64_t narrower = std::max<int64_t>(1, std::min(width_of(a), width_of(b)));
  return static_cast<double>(common) / static_cast<double>(narrower);
}

bool is_grid(const RuledGrid& grid, double em) {
  return grid.num_horizontal >= 2 && grid.num_vertical >= 2 &&
         grid.num_horizontal + grid.num_vertical >= 5 &&
         static_cast<double>(width_of(grid.box)) > 4.0 * em &&
         static_cast<double>(height_of(grid.box)) > 2.0 * em;
}

/// The grid that holds the middle of a row, or nothing.
const RuledGrid* grid_around(const PageLayout& layout, const PixelBox& row) {
  const int64_t middle = (row.top + row.bottom) / 2;
  for (const RuledGrid& grid : layout.grids) {
    const bool holds =
        grid.box.top <= middle && middle <= grid.box.bottom && common_width(grid.box, row) > 0.5;
    if (holds && is_grid(grid, layout.em)) return &grid;
  }
  return nullptr;
}

RowKind kind_of(const TextRow& row, int64_t text_width, const PageLayout& layout) {
  constexpr double kColumnGap = 1.2;     // em
  constexpr double kProseLength = 18.0;  // em
  constexpr double kFilled = 0.85;       // of a row's width, by prose
  if (grid_around(layout, row.box) != nullptr) return RowKind::kCells;
  int64_t filled = 0, widest_gap = 0;
  for (size_t i = 0; i < row.pieces.size(); ++i) {
    filled += width_of(row.pieces[i]);
    if (i > 0) widest_gap = std::max(widest_gap, row.pieces[i].left - row.pieces[i - 1].right);
  }
  const auto width = static_cast<double>(width_of(row.box));
  const bool fills_page = width > 0.6 * static_cast<double>(text_width);
  const bool is_long = width > kProseLength * layout.em || fills_page;
  if (row.pieces.size() == 1) return is_long ? RowKind::kProse : RowKind::kShort;
  const bool is_filled = static_cast<double>(filled) > kFilled * width;
  // Words of justified text, or a list item behind its number.
  if (is_filled && is_long) return RowKind::kProse;
  if (static_cast<double>(widest_gap) < kColumnGap * layout.em) return RowKind::kShort;
  return RowKind::kCells;
}

/// A block of rows with their kinds.
struct Block {
  const PageLayout& layout;
  const std::vector<TextRow>& rows;
  std::vector<RowKind> kinds;

  Block(const PageLayout& page, const std::vector<TextRow>& text) : layout(page), rows(text) {
    PixelBox all = rows.front().box;
    for (const TextRow& row : rows) include(all, row.box);
    for (const TextRow& row : rows) kinds.push_back(kind_of(row, width_of(all), layout));
  }
  int64_t num_prose() const { return std::count(kinds.begin(), kinds.end(), RowKind::kProse); }
};

/// White space between one row and the next, in pixels; 0 where they overlap.
int64_t space_below(const Block& block, size_t row) {
  int64_t bottom = block.rows[row].box.bottom;
  return std::max<int64_t>(0, block.rows[row + 1].box.top - bottom);
}

/// The median space between neighbouring rows of cells.
double usual_space(const Block& block) {
  std::vector<int64_t> spaces;
  for (size_t row = 0; row + 1 < block.kinds.size(); ++row) {
    if (block.kinds[row] == RowKind::kCells && block.kinds[row + 1] == RowKind::kCells) {
      spaces.push_back(space_below(block, row));
    }
  }
  if (spaces.empty()) return block.layout.em;
  std::nth_element(spaces.begin(), spaces.begin() + std::ssize(spaces) / 2, spaces.end());
  return static_cast<double>(spaces[spaces.size() / 2]);
}

/// Whether two rows have the same columns: as many pieces, each above the other, with common edges.
bool same_columns(const TextRow& a, const TextRow& b, double em) {
  const auto near = [&](int64_t x, int64_t y) {
    return std::abs(static_cast<double>(x - y)) < 0.5 * em;
  };
  if (a.pieces.size() != b.pieces.size()) return false;
  if (!near(a.box.left, b.box.left) || !near(a.box.right, b.box.right)) return false;
  for (size_t i = 0; i < a.pieces.size(); ++i) {
    if (common_width(a.pieces[i], b.pieces[i]) <= 0.0) return false;
  }
  return true;
}

/// Whether a table ends between two rows of cells with only other rows between them.
bool is_separated(const Block& block, size_t upper, size_t lower, double usual) {
  const RuledGrid* grid = grid_around(block.layout, block.rows[upper].box);
  const RuledGrid* next_grid = grid_around(block.layout, block.rows[lower].box);
  if (grid != nullptr && grid == next_grid) return false;
  const double wide = std::max(1.2 * block.layout.em, 2.2 * usual + 0.5 * block.layout.em);
  double widest = 0.0;
  int64_t prose = 0;
  for (size_t row = upper; row < lower; ++row) {
    widest = std::max(widest, static_cast<double>(space_below(block, row)));
    if (row > upper && block.kinds[row] == RowKind::kProse) ++prose;
  }
  if (prose >= 2) return true;
  // A heading within the table, with space above.
  if (same_columns(block.rows[upper], block.rows[lower], block.layout.em)) return false;
  const bool has_row_between = lower > upper + 1;
  if (grid != nullptr && next_grid != nullptr) {
    return static_cast<double>(next_grid->box.top - grid->box.bottom) > 1.5 * block.layout.em;
  }
  return widest > (has_row_between ? wide : std::max(2.0 * wide, 4.0 * block.layout.em));
}

/// Whether a row is a list item: a number or dash, then a long piece.
bool is_list_item(const TextRow& row, double em) {
  constexpr double kMarkWidth = 2.5, kItemLength = 12.0;  // em
  return row.pieces.size() == 2 &&
         static_cast<double>(width_of(
             row.pieces[0]))<kMarkWidth * em&& static_cast<double>(width_of(row.pieces[1]))>
                 kItemLength * em;
}

/// Whether the rows are those of a table: most of them have several pieces, and there is a column
/// gap in common, an x at which most of them are white and at least two, half of them, have pieces
/// on both sides. Prose with wide blanks has none, a list is no table, and within the frame of a
/// chart most rows are one piece. Two rows need three columns.
bool has_columns(const Block& block, RowRange range) {
  std::vector<const TextRow*> cells;
  size_t num_items = 0, most_pieces = 0;
  for (size_t row = range.first; row <= range.last; ++row) {
    const TextRow& text = block.rows[row];
    if (block.kinds[row] != RowKind::kCells || text.pieces.size() < 2) continue;
    cells.push_back(&text);
    most_pieces = std::max(most_pieces, text.pieces.size());
    if (is_list_item(text, block.layout.em)) ++num_items;
  }
  const size_t num_rows = range.last - range.first + 1;
  if (cells.size() < 2 || 5 * cells.size() < 2 * num_rows) return false;
  if (cells.size() == 2 && most_pieces < 3) return false;
  if (2 * num_items > cells.size()) return false;
  const auto reach = static_cast<int64_t>(0.3 * block.layout.em);
  const auto is_common = [&](int64_t x) {
    size_t white = 0, between = 0;
    for (const TextRow* row : cells) {
      const bool crossed = std::any_of(
          row->pieces.begin(), row->pieces.end(),
          [&](const PixelBox& piece) { return piece.left < x + reach && piece.right > x - reach; });
      if (crossed) continue;
      ++white;
      if (row->box.left < x && row->box.right > x) ++between;
    }
    return between >= 2 && 2 * between >= cells.size() && 4 * white >= 3 * cells.size();
  };
  constexpr size_t kMostTriedRows = 40;
  for (size_t i = 0; i < std::min(cells.size(), kMostTriedRows); ++i) {
    const std::vector<PixelBox>& pieces = cells[i]->pieces;
    for (size_t piece = 1; piece < pieces.size(); ++piece) {
      if (is_common((pieces[piece - 1].right + pieces[piece].left) / 2)) return true;
    }
  }
  return false;
}

std::vector<RowRange> table_ranges(const Block& block) {
  const double usual = usual_space(block);
  std::vector<RowRange> ranges;
  for (size_t row = 0; row < block.kinds.size(); ++row) {
    if (block.kinds[row] != RowKind::kCells) continue;
    if (!ranges.empty() && !is_separated(block, ranges.back().last, row, usual)) {
      ranges.back().last = row;
    } else {
      ranges.push_back({row, row});
    }
  }
  std::erase_if(ranges, [&](const RowRange& range) { return !has_columns(block, range); });
  return ranges;
}

/// The rows' box, extended by the lines above and below, and by what stands between them and the
/// rows (a header of one cell, for instance).
PixelBox region_of(const Block& block, RowRange range) {
  PixelBox region = block.rows[range.first].box;
  for (size_t row = range.first; row <= range.last; ++row) include(region, block.rows[row].box);
  for (const RuledGrid& grid : block.layout.grids) {
    const bool touches = grid.box.top < region.bottom && grid.box.bottom > region.top;
    if (touches && is_grid(grid, block.layout.em) && common_width(grid.box, region) > 0.5) {
      include(region, grid.box);
    }
  }
  const auto prose_between = [&](int64_t top, int64_t bottom) {
    for (size_t row = 0; row < block.kinds.size(); ++row) {
      const PixelBox& box = block.rows[row].box;
      const int64_t middle = (box.top + box.bottom) / 2;
      if (block.kinds[row] == RowKind::kProse && middle > top && middle < bottom) return true;
    }
    return false;
  };
  const PixelBox rows_only = region;
  for (const PixelBox& line : block.layout.horizontal_lines) {
    const bool near = static_cast<double>(rows_only.top - line.bottom) < 2.5 * block.layout.em &&
                      static_cast<double>(line.top - rows_only.bottom) < 1.5 * block.layout.em;
    if (!near || common_width(line, rows_only) < 0.6) continue;
    const bool above = line.top < rows_only.top;
    if (above && prose_between(line.top, rows_only.top)) continue;
    if (!above && prose_between(rows_only.bottom, line.bottom)) continue;
    include(region, line);
  }
  return region;
}

/// Whether a single table stands on a page: prose above and below, or much of it on one side, where
/// a title or notes that belong to the table may be.
bool has_paragraphs_around(const std::vector<RowKind>& kinds, RowRange range) {
  constexpr int64_t kFewest = 3, kMany = 8;
  const auto first = kinds.begin() + static_cast<std::ptrdiff_t>(range.first);
  const auto last = kinds.begin() + static_cast<std::ptrdiff_t>(range.last);
  const int64_t above = std::count(kinds.begin(), first, RowKind::kProse);
  const int64_t below = std::count(last, kinds.end(), RowKind::kProse);
  return above + below >= (std::min(above, below) > 0 ? kFewest : kMany);
}

/// Joins boxes that have much in common: one grid seen from two blocks of text.
void join_overlapping(std::vector<PixelBox>& boxes) {
  const auto area = [](const PixelBox& box) {
    return std::max<int64_t>(0, width_of(box)) * std::max<int64_t>(0, height_of(box));
  };
  for (size_t i = 0; i < boxes.size(); ++i) {
    for (size_t j = i + 1; j < boxes.size(); ++j) {
      const PixelBox common{
          std::max(boxes[i].left, boxes[j].left), std::max(boxes[i].top, boxes[j].top),
          std::min(boxes[i].right, boxes[j].right), std::min(boxes[i].bottom, boxes[j].bottom)};
      const bool apart = width_of(common) <= 0 || height_of(common) <= 0;
      if (apart || 3 * area(common) < std::min(area(boxes[i]), area(boxes[j]))) continue;
      include(boxes[i], boxes[j]);
      boxes.erase(boxes.begin() + static_cast<std::ptrdiff_t>(j));
      j = i;  // the larger box may touch others
    }
  }
}

}  // namespace

TableRegions table_regions(const PageLayout& layout, PageKind kind) {
  constexpr size_t kFewestPageRows = 8;  // fewer rows of text are no page
  const bool may_be_whole = kind == PageKind::kPicture;
  if (layout.num_rows() < kFewestPageRows && may_be_whole) return {true, {}};
  TableRegions regions;
  int64_t num_prose = 0;
  bool on_a_page = !may_be_whole || layout.blocks.size() > 1;
  for (const std::vector<TextRow>& rows : layout.blocks) {
    const Block block(layout, rows);
    num_prose += block.num_prose();
    for (const RowRange& range : table_ranges(block)) {
      on_a_page = on_a_page || has_paragraphs_around(block.kinds, range);
      regions.boxes.push_back(region_of(block, range));
    }
  }
  join_overlapping(regions.boxes);
  const bool is_prose = 2 * num_prose >= static_cast<int64_t>(layout.num_rows());
  if (regions.boxes.empty()) return {may_be_whole && !is_prose, {}};
  if (regions.boxes.size() == 1 && !on_a_page) return {true, {}};
  return regions;
}

std::vector<PixelBox> find_tables(const Tensor& image, PageKind kind) {
  const PageLayout layout = analyse_page(image);
  auto [is_whole, regions] = table_regions(layout, kind);
  if (is_whole) return {{0, 0, image.size(1), image.size(0)}};
  const auto margin = static_cast<int64_t>(0.6 * layout.em);
  for (PixelBox& box : regions) {
    const auto original = [&](int64_t at, int64_t limit) {
      const double value = static_cast<double>(at) / layout.scale;
      return std::clamp(static_cast<int64_t>(std::lround(value)), int64_t{0}, limit);
    };
    box = {original(box.left - margin, image.size(1)), original(box.top - margin, image.size(0)),
           original(box.right + margin, image.size(1)),
           original(box.bottom + margin, image.size(0))};
  }
  return regions;
}

Tensor crop_image(const Tensor& image, const PixelBox& box) {
  const int64_t left = std::max<int64_t>(box.left, 0);
  const int64_t top = std::max<int64_t>(box.top, 0);
  const int64_t right = std::min(box.right, image.size(1));
  const int64_t bottom = std::min(box.bottom, image.size(0));
  if (left >= right || top >= bottom) {
    throw std::invalid_argument("crop_image: the box [" + std::to_string(box.left) + ", " +
                                std::to_string(box.top) + ", " + std::to_string(box.right) + ", " +
                                std::to_string(box.bottom) + "] lies outside a picture of " +
                                std::to_string(image.size(1)) + " x " +
                                std::to_string(image.size(0)) + " pixels");
  }
  return image.slice(0, top, bottom).slice(1, left, right).contiguous();
}

}  // namespace nvlm::eval
