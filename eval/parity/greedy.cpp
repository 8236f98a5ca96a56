#include "eval/parity/greedy.h"

#include <vector>

namespace nvlm::eval {

void compare_greedy_tokens(decoder::LlamaForCausalLM& model, const decoder::DecoderInputs& prompt,
                           const std::string& tokens, const std::string& steps,
                           TensorComparison& comparison) {
  if (!comparison.wants(tokens)) return;
  const Tensor expected = comparison.expected(tokens);
  if (expected.dim() != 2 || expected.size(1) == 0) return;  // then it is "not compared"
  decoder::GenerationConfig config;
  config.max_new_tokens = expected.size(1);
  std::vector<Tensor> rows, step_logits;
  const auto keep_logits = [&](int64_t, const std::vector<int64_t>&, Tensor& logits) {
    step_logits.push_back(logits.clone());
  };
  const auto generation = comparison.wants(steps)
                              ? decoder::generate(model, prompt, config, {}, keep_logits)
                              : decoder::generate(model, prompt, config);
  for (const auto& row : generation.tokens) rows.push_back(at::tensor(row, at::kLong));
  comparison.compare(tokens, at::stack(rows));
  if (!step_logits.empty()) comparison.compare(steps, at::stack(step_logits, 1));
}

}  // namespace nvlm::eval
