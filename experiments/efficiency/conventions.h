// How the literature counts the operations of training a decoder: beside the ledger's exact count,
// since a published MFU means nothing without its convention.
#pragma once

#include <cstdint>

#include "decoder/llama_config.h"

namespace nvlm::experiments {

/// Parameters without embedding tables and head, and without norms: what multiplies each token.
double matmul_parameters(const decoder::LlamaConfig& config);

/// 6 N per trained token (Kaplan et al. 2020; Hoffmann et al. 2022 with all parameters as N).
double six_n(double parameters);

/// 6 N + 12 layers * heads * head_dim * sequence per trained token: attention without the causal
/// half, no recomputation. source  PaLM (arXiv 2204.02311), appendix B
double palm_flops_per_token(double parameters, int64_t layers, int64_t heads, int64_t head_dim,
                            int64_t sequence);

/// Of one training step of a GPT whose feed-forward is 4 hidden wide:
/// 72 B s l h^2 (1 + s / 6h + V / 12 l h), or with all layers' activations recomputed
/// 96 B s l h^2 (1 + s / 6h + V / 16 l h). source  Narayanan et al. 2021 (arXiv 2104.04473),
/// appendix
double megatron_step_flops(int64_t batch, int64_t sequence, int64_t layers, int64_t hidden,
                           int64_t vocab, bool recomputes_layers);

/// Today's Megatron per trained token: real GQA sizes, three matrices of SwiGLU, attention halved
/// for causality, three times the forward pass.
double megatron_causal_flops_per_token(const decoder::LlamaConfig& config, int64_t sequence);

/// Model FLOPs utilisation: what the model needs over what the machine could do. Recomputation does
/// not count as needed. source  PaLM, appendix B
double model_flops_utilisation(double tokens_per_second, double flops_per_token,
                               double peak_flops_per_second);

}  // namespace nvlm::experiments
