// What the runs of a suite are scored on: items that no training has seen, the same for all runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/ablations/stored_suite.h"
#include "experiments/ablations/suite.h"
#include "experiments/data/table_renderer.h"
#include "experiments/tasks/mixture.h"

namespace nvlm::experiments {

/// Names of the first `count` items, as the `item` and `group` of rows. Every item is a document of
/// its own.
std::vector<ItemRow> held_out_rows(HeldOut kind, const MixtureConfig& mixture, int64_t count);

/// The table of item `index`. Held-out items lie in the lower half of the random streams, training
/// samples in the upper (training_random), so no seed of training ever draws one.
RenderedTable held_out_table(const MixtureConfig& mixture, int64_t index);

/// The document of item `index`; the same holds for it.
std::string held_out_text(int64_t index);

/// The random numbers of what is drawn about item `index` beside its content.
Random held_out_random(int64_t index);

}  // namespace nvlm::experiments
