// Direct preference optimisation: of two answers to a prompt, the chosen one is made likelier
// against a frozen reference model, the rejected one less likely.
#pragma once

#include "common/tensor.h"
#include "decoder/language_model_loss.h"

namespace nvlm::decoder {

/// What a model thinks of one answer per sample.
struct SequenceScores {
  Tensor log_probability;  // [batch], float32 or double, nats: of all its tokens together
  Tensor length;           // [batch], int64: its tokens
};

/// Adds up the labelled tokens of each sample; the shift happens here, as in
/// masked_cross_entropy(). logits  [batch, seq, vocab] labels  [batch, seq], int64, kIgnoredLabel
/// for prompt, padding and markup
SequenceScores sequence_scores(const Tensor& logits, const Tensor& labels);

/// A model's view of both answers of each pair.
struct PairScores {
  SequenceScores chosen, rejected;
};

struct PreferenceLossConfig {
  double beta = 0.1;  // how hard the policy is held to the reference
  double label_smoothing =
      0;                  // how often a pair is taken to be labelled the wrong way round, < 0.5
  double nll_weight = 0;  // of the chosen answers' negative log-likelihood, which is added
  LossAveraging nll_averaging = LossAveraging::kToken;
};

struct PreferenceLoss {
  Tensor loss;            // scalar: preference + nll_weight * nll
  Tensor preference;      // scalar: mean of per_pair
  Tensor nll;             // scalar, nats per token of the chosen answers; undefined without weight
  Tensor per_pair;        // [pairs]
  Tensor chosen_rewards;  // [pairs], without gradient: beta * (policy - reference)
  Tensor rejected_rewards;  // [pairs], likewise

  Tensor margins() const { return chosen_rewards - rejected_rewards; }  // [pairs]
  /// Share of the pairs whose chosen answer has the larger reward.
  Tensor accuracy() const { return margins().gt(0).to(at::kDouble).mean(); }
};

/// Of each pair, with z = chosen reward - rejected reward and e the label smoothing:
///   -(1 - e) log sigmoid(z) - e log sigmoid(-z)
/// Finite for any finite scores. The reference gets no gradient.
/// throws  std::invalid_argument for an impossible configuration; c10::Error if shapes disagree,
///         there is no pair, or the negative log-likelihood of an answer without tokens is asked
///         for
/// source  Rafailov et al. (arXiv 2305.18290), equation 7; the smoothing: Mitchell's note on
///         conservative DPO; the likelihood term: Llama 3 (arXiv 2407.21783) §4.1.4, with weight
///         0.2
PreferenceLoss preference_loss(const PairScores& policy, const PairScores& reference,
                               const PreferenceLossConfig& config);

}  // namespace nvlm::decoder
