// Answers as a decoder sees them once it writes on its own: with misread characters in them.
//
// chosen: not in the paper. A small decoder that has only ever seen right text in front of it loses
// its place in the picture after its own first mistakes, and then leaves out rows or repeats them.
#pragma once

#include "common/random.h"
#include "decoder/tokenizer/tokenizer.h"
#include "fusion/prompt.h"

namespace nvlm::experiments {

/// Puts wrong tokens into the answer that the decoder is shown; the labels stay right. Special
/// tokens, line breaks and the bars between cells are never touched. A wrong token is another
/// one of the same answer.
/// share  of the tokens that are misread, on average over samples, 0..0.5; of one sample it is
///        anything from none to twice as much
void misread_answer(fusion::Prompt& prompt, const decoder::Tokenizer& tokenizer, double share,
                    Random& random);

}  // namespace nvlm::experiments
