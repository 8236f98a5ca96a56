// Figures of speed and memory: what `nvlm bench` measured beside what the ledger predicts, and the
// paper's table of throughputs beside the same prediction.
#pragma once

#include <span>
#include <vector>

#include "experiments/efficiency/bench_rows.h"
#include "experiments/plots/figure.h"

namespace nvlm::experiments {

/// Seconds to the first token, seconds of the prompt alone, and cached bytes, against tiles: one
/// line per variant, the prediction beside it. Of the rows with the commonest tile size and the
/// smallest batch; none if those have a single number of tiles.
std::vector<Figure> efficiency_against_tiles(std::span<const BenchRow> rows);

/// Samples per second of X, H and D by the paper, and by the ledger fitted on D.
/// source  NVLM (arXiv 2409.11402) table 3
Figure paper_throughput_bars();

}  // namespace nvlm::experiments
