// What the paper measured of the three variants' speed, and what the ledger says of the same work.
#pragma once

#include <array>

#include "experiments/efficiency/ledger.h"
#include "experiments/efficiency/roofline.h"

namespace nvlm::experiments {

/// A row of NVLM (arXiv 2409.11402) table 3: fine-tuning of the 34B with the decoder trained,
/// global batch 256, 6 tiles and a thumbnail, 1024 tokens of text, on 128 H100.
struct PaperThroughput {
  fusion::Variant variant;
  int64_t sequence;  // of the decoder
  double milliseconds_per_iteration;
  double samples_per_second;
};

/// X, D, H.
const std::array<PaperThroughput, 3>& paper_throughputs();

/// One iteration of that training; logits of all positions, as the paper's framework makes them.
ModelFlops paper_iteration_flops(const PaperThroughput& row);

/// The paper's 128 H100 at their dense bfloat16 peak (989 TFLOP/s each), nothing fitted.
Machine paper_machine();

}  // namespace nvlm::experiments
