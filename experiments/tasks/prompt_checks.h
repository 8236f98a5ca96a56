// What must hold before a prompt may be learnt from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "decoder/tokenizer/tokenizer.h"
#include "experiments/data/sources/sample.h"
#include "fusion/multimodal_config.h"
#include "fusion/prompt.h"

namespace nvlm::experiments {

/// A tokenizer must have the tokens that the model's template is made of, and no more tokens than
/// the decoder has rows. Tile tags are left out: without tokens of their own they are text.
/// where   the tokenizer's file, for the error
/// throws  std::runtime_error listing what is missing
void require_prompt_tokens(const decoder::Tokenizer& tokenizer,
                           const fusion::MultimodalConfig& model, const std::string& where);

/// The prompt of a sample with its answer.
/// layouts  of its pictures
/// throws   BadSample: an empty answer, <image> markers that are not as many as pictures, a control
///          token within the answer, no supervised token, image slots that are not as many as the
///          tokens of inline tiles
fusion::Prompt sample_prompt(const fusion::PromptBuilder& builder,
                             const decoder::Tokenizer& tokenizer, const Sample& sample,
                             const std::vector<vision::ImageLayout>& layouts);

/// throws  BadSample if the prompt has more tokens than `most`
void require_length(const fusion::Prompt& prompt, const Sample& sample, int64_t most);

/// The checks of sample_prompt on a finished prompt; "" if all hold.
/// slot_id  of the token that image slots hold
std::string prompt_problem(const fusion::Prompt& prompt, const decoder::Tokenizer& tokenizer,
                           int64_t slot_id);

}  // namespace nvlm::experiments
