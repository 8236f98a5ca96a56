#include "eval/readers/text_scorer.h"

#include <ATen/Functions.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "decoder/language_model_loss.h"

namespace nvlm::eval {

std::vector<double> token_log_probabilities(decoder::LlamaForCausalLM& model,
                                            std::span<const int64_t> tokens, int64_t context) {
  const auto num_tokens = static_cast<int64_t>(tokens.size());
  if (num_tokens < 2 || context < 2) {
    throw std::invalid_argument("token log-probabilities: " + std::to_string(num_tokens) +
                                " tokens in a context of " + std::to_string(context) +
                                ", expected at least 2 of each");
  }
  const c10::InferenceMode inference;
  const at::Device device = model->model->embed_tokens->weight.device();
  std::vector<double> result;
  result.reserve(tokens.size() - 1);
  for (int64_t done = 1; done < num_tokens;) {  // tokens that need no score any more
    const int64_t begin = done == 1 ? 0 : done - context / 2;
    const int64_t end = std::min(begin + context, num_tokens);
    const Tensor window =
        at::tensor(at::ArrayRef<int64_t>(tokens.data() + begin, static_cast<size_t>(end - begin)),
                   at::kLong)
            .unsqueeze(0)
            .to(device);  // [1, window]
    const Tensor mask = at::ones_like(window, at::kBool);
    const Tensor logits = model->forward(model->text_inputs(window, mask));
    const Tensor losses =
        decoder::token_losses(logits, window).squeeze(0).to(at::kCPU, at::kDouble);
    const auto values = losses.accessor<double, 1>();
    for (int64_t i = done; i < end; ++i) result.push_back(std::min(0.0, -values[i - begin - 1]));
    done = end;
  }
  return result;
}

}  // namespace nvlm::eval
