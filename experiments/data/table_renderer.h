// Tables as pictures with ground truth: pixels, characters and where they lie, Markdown, HTML.
#pragma once

#include <string>
#include <vector>

#include "common/random.h"
#include "common/tensor.h"
#include "experiments/data/difficulty.h"
#include "experiments/data/glyph.h"
#include "experiments/data/table_spec.h"

namespace nvlm::experiments {

struct RenderedTable {
  Tensor image;                // uint8 [height, width, 3]
  std::vector<Glyph> glyphs;   // every visible character, cell by cell
  std::string markdown, html;  // table_spec.h
  std::string answer;          // what a model is taught to write: to_answer()
  int64_t rows = 0, columns = 0;
  int64_t cells = 0;  // a spanning cell counts once
  bool has_spans = false;
  std::string borders;  // full, horizontal, partial, none
};

/// Draws the table in a random appearance, cropped with a small random margin as a user would, and
/// damages the picture as `difficulty` allows. The same generator state gives the same bytes.
/// throws  std::invalid_argument if `table` or `difficulty` is malformed;
///         std::runtime_error if a font is missing or the picture would be too large
RenderedTable render_table(const TableSpec& table, const TableDifficulty& difficulty,
                           Random& random);

/// Item `index` of the endless sequence of tables that belongs to a seed; other items and seeds do
/// not matter to it. Training and evaluation use different seeds.
RenderedTable render_table_sample(const TableDifficulty& difficulty, uint64_t seed, uint64_t index);

}  // namespace nvlm::experiments
