#include "experiments/plots/attention_map.h"

#include <algorithm>
#include <limits>
#include <map>
#include <stdexcept>

#include "common/check.h"
#include "eval/table/gfm_parser.h"

namespace nvlm::experiments {
namespace {

KeyKind kind_of_tile(const fusion::TilePlacement& tile) {
  return tile.role == vision::TileRole::kThumbnail ? KeyKind::kThumbnail : KeyKind::kRegular;
}

/// The range without the pipe that ends the cell and the blanks on both sides.
eval::ByteRange content_range(std::string_view answer, eval::ByteRange cell) {
  if (cell.end > cell.begin && answer[cell.end - 1] == '|') --cell.end;
  while (cell.end > cell.begin && answer[cell.end - 1] == ' ') --cell.end;
  while (cell.end > cell.begin && answer[cell.begin] == ' ') ++cell.begin;
  return cell;
}

std::string cell_name(int64_t row, int64_t column) {
  return "cell " + std::to_string(row) + "," + std::to_string(column);
}

eval::ByteRange cell_range(std::string_view answer, int64_t row, int64_t column) {
  const auto gfm = eval::parse_gfm_table(answer);
  if (!gfm) throw std::invalid_argument("attention: the answer holds no table");
  const eval::Table& table = gfm->table;
  for (size_t i = 0; i < table.cells.size(); ++i) {
    if (table.cells[i].row != row || table.cells[i].column != column) continue;
    const eval::ByteRange range = content_range(answer, gfm->sources[i]);
    if (range.begin == range.end) {
      throw std::invalid_argument("attention: " + cell_name(row, column) + " is empty");
    }
    return range;
  }
  throw std::invalid_argument("attention: no " + cell_name(row, column) + ", the table has " +
                              std::to_string(table.num_rows) + " rows and " +
                              std::to_string(table.num_columns) + " columns");
}

Tensor index_of(const std::vector<int64_t>& rows) { return at::tensor(rows, at::kLong); }

/// Mean over heads and queries: float64 [keys].
Tensor mean_row(const Tensor& probabilities, const std::vector<int64_t>& queries) {
  expect_shape(probabilities, {1, -1, -1, -1}, "attention: probabilities");
  return probabilities[0]
      .to(at::kCPU, at::kDouble)
      .index_select(1, index_of(queries))
      .mean(at::IntArrayRef{0, 1});
}

/// Mean of mean_row() over the places; undefined without any.
Tensor mean_over_places(const std::map<int64_t, Tensor>& places,
                        const std::vector<int64_t>& queries) {
  Tensor sum;
  for (const auto& [place, probabilities] : places) {
    const Tensor row = mean_row(probabilities, queries);
    sum = sum.defined() ? sum + row : row;
  }
  return sum.defined() ? sum / static_cast<double>(places.size()) : sum;
}

}  // namespace

std::string title(KeyKind kind) {
  switch (kind) {
    case KeyKind::kThumbnail:
      return "thumbnail";
    case KeyKind::kRegular:
      return "regular tiles";
    case KeyKind::kTag:
      return "tile tags";
    case KeyKind::kText:
      break;
  }
  return "text";
}

std::vector<KeyKind> sequence_keys(const fusion::Prompt& prompt) {
  std::vector<KeyKind> keys;
  for (size_t i = 0; i < prompt.ids.size(); ++i) {
    if (prompt.tile[i] == fusion::kNoTile) {
      keys.push_back(KeyKind::kText);
    } else {
      keys.push_back(prompt.is_slot[i]
                         ? kind_of_tile(prompt.tiles.at(static_cast<size_t>(prompt.tile[i])))
                         : KeyKind::kTag);
    }
  }
  return keys;
}

std::vector<KeyKind> memory_keys(const fusion::Prompt& prompt) {
  std::vector<KeyKind> keys;
  for (const fusion::TilePlacement& tile : prompt.tiles) {
    if (tile.route != fusion::Route::kMemory) continue;
    keys.insert(keys.end(), tile.memory_tag.size(), KeyKind::kTag);
    keys.insert(keys.end(), static_cast<size_t>(prompt.tile_tokens), kind_of_tile(tile));
  }
  return keys;
}

std::vector<int64_t> answer_queries(const fusion::Prompt& prompt) {
  std::vector<int64_t> rows;
  for (int64_t i = prompt.answer_begin; i < prompt.size(); ++i) rows.push_back(i - 1);
  return rows;
}

std::vector<int64_t> cell_queries(const decoder::Tokenizer& tokenizer, const fusion::Prompt& prompt,
                                  std::string_view answer, int64_t row, int64_t column) {
  const eval::ByteRange range = cell_range(answer, row, column);
  std::vector<int64_t> rows;
  size_t byte = 0;
  for (int64_t i = prompt.answer_begin; i < prompt.size() && byte < answer.size(); ++i) {
    const size_t begin = byte;
    byte += tokenizer.token_bytes(prompt.ids[static_cast<size_t>(i)]).size();
    if (begin < range.end && byte > range.begin) rows.push_back(i - 1);
  }
  return rows;
}

std::vector<int64_t> tag_queries(const fusion::Prompt& prompt, int64_t number) {
  const std::string tag = "tag " + std::to_string(number);
  std::vector<int64_t> rows;
  bool found = false;
  for (size_t tile = 0; tile < prompt.tiles.size(); ++tile) {
    const fusion::TilePlacement& placement = prompt.tiles[tile];
    const bool is_thumbnail = placement.role == vision::TileRole::kThumbnail;
    if (number != (is_thumbnail ? 0 : placement.tile + 1)) continue;
    found = true;
    for (size_t i = 0; i < prompt.ids.size(); ++i) {
      if (prompt.tile[i] == static_cast<int64_t>(tile) && !prompt.is_slot[i]) {
        rows.push_back(static_cast<int64_t>(i));
      }
    }
  }
  if (!found) {
    throw std::invalid_argument("attention: no " + tag + ", the picture has " +
                                std::to_string(prompt.tiles.size()) +
                                " tiles (0 is the thumbnail, regular ones count from 1)");
  }
  if (rows.empty()) {
    throw std::invalid_argument("attention: " + tag +
                                " is not in the sequence: in the memory, tags are attended to and "
                                "attend to nothing");
  }
  return rows;
}

AttentionMasses attention_masses(const Tensor& probabilities, const std::vector<KeyKind>& keys,
                                 const std::vector<int64_t>& queries) {
  expect_shape(probabilities, {1, -1, -1, static_cast<int64_t>(keys.size())},
               "attention: probabilities");
  const Tensor row = mean_row(probabilities, queries);
  const auto values = row.accessor<double, 1>();
  AttentionMasses masses{};
  for (size_t key = 0; key < keys.size(); ++key) {
    masses.at(static_cast<size_t>(keys[key])) += values[static_cast<int64_t>(key)];
  }
  return masses;
}

Tensor tile_weights(const decoder::AttentionProbe& probe, const fusion::Prompt& prompt,
                    const std::vector<int64_t>& queries) {
  const Tensor sequence = mean_over_places(probe.self_probabilities, queries);
  const Tensor memory = mean_over_places(probe.cross_probabilities, queries);
  const auto count = static_cast<int64_t>(prompt.tiles.size());
  Tensor weights =
      at::full({count, prompt.tile_tokens}, std::numeric_limits<double>::quiet_NaN(), at::kDouble);
  for (int64_t tile = 0; tile < count; ++tile) {
    const fusion::TilePlacement& placement = prompt.tiles[static_cast<size_t>(tile)];
    const Tensor& keys = placement.route == fusion::Route::kInline ? sequence : memory;
    if (!keys.defined()) continue;
    weights[tile].copy_(keys.narrow(0, placement.begin, prompt.tile_tokens));
  }
  return weights;
}

PixelRectangle token_rectangle(const vision::ImageLayout& layout, int64_t tile, int64_t token,
                               int64_t side, int64_t width, int64_t height) {
  if (tile < 0 || tile >= layout.num_tiles() || token < 0 || token >= side * side) {
    throw std::out_of_range("attention: no token " + std::to_string(token) + " of tile " +
                            std::to_string(tile) + " among " + std::to_string(layout.num_tiles()) +
                            " tiles of " + std::to_string(side * side) + " tokens");
  }
  const bool is_thumbnail = layout.role(tile) == vision::TileRole::kThumbnail;
  const int64_t columns = is_thumbnail ? 1 : layout.columns, rows = is_thumbnail ? 1 : layout.rows;
  const int64_t first_column = is_thumbnail ? 0 : tile % columns * side;
  const int64_t first_row = is_thumbnail ? 0 : tile / columns * side;
  const double step_x = static_cast<double>(width) / static_cast<double>(columns * side);
  const double step_y = static_cast<double>(height) / static_cast<double>(rows * side);
  const auto column = static_cast<double>(first_column + token % side);
  const auto row = static_cast<double>(first_row + token / side);
  return {column * step_x, row * step_y, (column + 1) * step_x, (row + 1) * step_y};
}

}  // namespace nvlm::experiments
