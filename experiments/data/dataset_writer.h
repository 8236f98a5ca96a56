// Evaluation sets on disk, in the layout of the real tables that peers are measured on.
#pragma once

#include <cstdint>
#include <filesystem>

#include "experiments/data/difficulty.h"

namespace nvlm::experiments {

/// Writes `count` tables of render_table_sample(difficulty, seed, 0 .. count - 1):
///   images/ID.png  gt/ID.html  gt/ID.md   (texts end with a newline)
///   index.jsonl    one object a line: id, image, html, md, n_rows, n_cols, n_cells, has_spans,
///                  borders, glyph_height (median line height in pixels), width, height, seed,
///                  difficulty; written last
///   dataset.json   what was asked for; marks the folder as ours
/// IDs are DIFFICULTY-SEED-00000. Each file appears complete or not at all, files that are there
/// are kept, so a killed call is continued by repeating it; a larger or smaller count is fine too
/// (surplus files stay, the index names `count`). Shows its progress on stderr.
/// throws  std::invalid_argument for count < 1; std::runtime_error if `folder` holds anything else
///         (another difficulty or seed included) or cannot be written
void write_dataset(const std::filesystem::path& folder, const TableDifficulty& difficulty,
                   uint64_t seed, int64_t count);

/// "easy-7-00042"
std::string dataset_item_id(const TableDifficulty& difficulty, uint64_t seed, int64_t index);

}  // namespace nvlm::experiments
