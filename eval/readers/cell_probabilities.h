// How sure a model was of each cell that it wrote.
#pragma once

#include <span>

#include "eval/table/gfm_parser.h"

namespace nvlm::eval {

/// A token of an answer: where its text stands, and the natural logarithm of its probability.
struct AnswerToken {
  ByteRange source;
  float log_probability = 0.0F;
};

/// Sets the probability of every cell: the product over the tokens that wrote it, the pipe behind
/// it included, since ending there was a choice, too. A token that belongs to two cells counts for
/// both. Cells that were padded get none.
/// tokens  in the order of the text that `gfm` was parsed from
/// source  chosen: the product orders right before wrong cells better than the mean, the smallest
///         or the table's mean (docs/results/confidence.md)
void set_cell_probabilities(GfmTable& gfm, std::span<const AnswerToken> tokens);

}  // namespace nvlm::eval
