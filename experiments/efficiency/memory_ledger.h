// What a training step holds, in bytes, for any configuration, without building the model.
#pragma once

#include <c10/core/ScalarType.h>

#include <algorithm>

#include "experiments/efficiency/ledger.h"

namespace nvlm::experiments {

/// How a step computes, as far as its memory depends on it.
struct StepMethod {
  TrainedParts trained = kFinetunedParts;
  at::ScalarType dtype = at::kFloat;  // of the products: kFloat, or kBFloat16 under autocast
  bool recomputes_layers = false;
  double muon_share = 0;      // of the trained parameters that Muon keeps one moment of, not two
  int64_t guided_heads = 0;   // heads whose attention is guided, in each of
  int64_t guided_places = 0;  // so many layers or blocks (attention_guide.h)
};

/// Bytes of tensors beside the weights. On a processor with this project's kernels; on a GPU the
/// order is the same, but its allocator and attention differ.
struct StepMemory {
  double gradients = 0;    // float32, of the trained parameters
  double optimizer = 0;    // moments
  double activations = 0;  // kept from the forward pass for the backward pass
  double encoder = 0;      // most that a frozen encoder holds at once, before the forward pass
  /// Most that a pass holds at once: activations, and what the backward pass needs at a time, while
  /// gradients grow and activations go.
  double pass = 0;

  /// Most beside the weights. gradients_before: whether an earlier pass of the step left all of its
  /// gradients
  double peak(bool gradients_before = false) const;
};

/// NVLM-D, X, H, InternVL, with blocks of the kind kLlama and without a resampler.
/// shape   of a pass; with packed_rows the decoder runs over packed rows. `encoded` tiles pass the
///         encoder first
/// source  counted from what each operation of decoder/, fusion/ and vision/ keeps; Korthikanti et
///         al. 2022 (arXiv 2205.05198) §4 does the same for another Transformer
StepMemory step_memory(const fusion::MultimodalConfig& config, const BatchShape& shape,
                       const StepMethod& method);

/// Text alone.
StepMemory step_memory(const decoder::LlamaConfig& config, const BatchShape& shape,
                       const StepMethod& method);

}  // namespace nvlm::experiments
