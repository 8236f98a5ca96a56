#include "experiments/tasks/misreading.h"

#include <string>
#include <vector>

namespace nvlm::experiments {

void misread_answer(fusion::Prompt& prompt, const decoder::Tokenizer& tokenizer, double share,
                    Random& random) {
  std::vector<size_t> positions;
  for (auto at = static_cast<size_t>(prompt.answer_begin); at < prompt.ids.size(); ++at) {
    const int64_t id = prompt.ids[at];
    if (prompt.labels[at] == fusion::kIgnoredLabel || tokenizer.is_special(id)) continue;
    if (tokenizer.token_bytes(id).find_first_of("|\n") == std::string::npos)
      positions.push_back(at);
  }
  if (positions.empty()) return;
  const double rate = 2 * share * random.uniform();
  for (const size_t at : positions) {
    if (!random.chance(rate)) continue;
    const int64_t other = random.integer(0, static_cast<int64_t>(positions.size()) - 1);
    prompt.ids[at] = prompt.labels[positions[static_cast<size_t>(other)]];
  }
}

}  // namespace nvlm::experiments
