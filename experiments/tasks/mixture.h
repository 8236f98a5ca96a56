// What the training samples are drawn from.
#pragma once

#include <cstdint>

#include "common/random.h"
#include "experiments/data/difficulty.h"
#include "experiments/data/table_renderer.h"

namespace nvlm {
class ConfigSchema;
}

namespace nvlm::experiments {

/// Relative weights of the difficulties, and the shares of samples that are no table picture.
struct MixtureConfig {
  double tiny = 0, easy = 1, medium = 0, hard = 0;  // relative weights
  double corrupted_cells = 0;                       // share of cells whose ground truth is wrong
  double misread = 0;        // share of answer tokens that the decoder is shown wrongly
  double text_only = 0.1;    // share of text-only batches (fusion-sft; NVLM keeps text ability so)
  double text_blocks = 0.5;  // share of dense text pictures (reader-pretrain)
  double thumbnails = 0.25;  // share of cut pictures whose thumbnail is read, too (reader-pretrain)

  /// Throws UsageError naming the first field out of range.
  void validate() const;
};

/// Registers every field as `data.<field>`.
void register_options(ConfigSchema& schema, MixtureConfig& config);

/// The random numbers of training sample `index`. Training streams lie in the upper half of the
/// stream numbers and `data render` uses the lower half, so no table is ever in both.
Random training_random(uint64_t seed, int64_t index);

/// Draws a difficulty by its weight.
const TableDifficulty& pick_difficulty(const MixtureConfig& config, Random& random);

/// Draws and renders a table of the mixture.
RenderedTable render_training_table(const MixtureConfig& config, Random& random);

}  // namespace nvlm::experiments
