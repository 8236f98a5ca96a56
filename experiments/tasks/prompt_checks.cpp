#include "experiments/tasks/prompt_checks.h"

#include <algorithm>
#include <stdexcept>

#include "fusion/prompt_tokens.h"

namespace nvlm::experiments {

void require_prompt_tokens(const decoder::Tokenizer& tokenizer,
                           const fusion::MultimodalConfig& model, const std::string& where) {
  std::string missing;
  for (const std::string& token :
       fusion::prompt_tokens(model.prompt_template, fusion::TileTagKind::kNone, /*max_tiles=*/1)) {
    if (tokenizer.find(token)) continue;
    missing += (missing.empty() ? "'" : ", '") + token + "'";
  }
  if (!missing.empty()) {
    throw std::runtime_error("template mismatch: " + where + " lacks " + missing +
                             ", which prompts of the template '" + model.prompt_template +
                             "' need");
  }
  if (tokenizer.vocab_size() > model.decoder.vocab) {
    throw std::runtime_error("template mismatch: " + where + " has token ids up to " +
                             std::to_string(tokenizer.vocab_size() - 1) +
                             ", but the decoder's vocabulary has " +
                             std::to_string(model.decoder.vocab));
  }
}

std::string prompt_problem(const fusion::Prompt& prompt, const decoder::Tokenizer& tokenizer,
                           int64_t slot_id) {
  const auto is_supervised = [](int64_t label) { return label != fusion::kIgnoredLabel; };
  // The last supervised token only ends the answer.
  if (std::count_if(prompt.labels.begin(), prompt.labels.end(), is_supervised) < 2) {
    return "no supervised token: the tokenizer makes nothing of the answer";
  }
  for (int64_t t = prompt.answer_begin; t + 1 < prompt.size(); ++t) {
    const int64_t id = prompt.ids[static_cast<size_t>(t)];
    if (tokenizer.is_special(id)) {
      return "the answer holds the control token '" + tokenizer.token_bytes(id) + "'";
    }
  }
  int64_t tile_tokens = 0;
  for (const fusion::TilePlacement& tile : prompt.tiles) {
    if (tile.route == fusion::Route::kInline) tile_tokens += prompt.tile_tokens;
  }
  const int64_t slots = std::count(prompt.ids.begin(), prompt.ids.end(), slot_id);
  if (slots != tile_tokens) {
    return std::to_string(slots) + " image slots but " + std::to_string(tile_tokens) +
           " tile tokens";
  }
  return "";
}

void require_length(const fusion::Prompt& prompt, const Sample& sample, int64_t most) {
  if (prompt.size() <= most) return;
  throw BadSample(sample.name, sample.file,
                  std::to_string(prompt.size()) + " tokens, more than the " + std::to_string(most) +
                      " of the model's context");
}

fusion::Prompt sample_prompt(const fusion::PromptBuilder& builder,
                             const decoder::Tokenizer& tokenizer, const Sample& sample,
                             const std::vector<vision::ImageLayout>& layouts) {
  const auto refuse = [&](const std::string& reason) {
    throw BadSample(sample.name, sample.file, reason);
  };
  if (sample.answer.find_first_not_of(" \t\r\n") == std::string::npos) refuse("an empty answer");
  fusion::Prompt prompt;
  try {
    prompt = builder.build(sample.conversation, layouts, sample.answer);
  } catch (const std::invalid_argument& error) {
    refuse(error.what());
  }
  const std::string problem =
      prompt_problem(prompt, tokenizer, tokenizer.id(builder.config().format.slot));
  if (!problem.empty()) refuse(problem);
  return prompt;
}

}  // namespace nvlm::experiments
