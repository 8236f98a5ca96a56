#include "experiments/tasks/gate_values.h"

#include <utility>

namespace nvlm::experiments {
namespace {

/// Last part of a gate's name -> what it scales; Llama's blocks and Flamingo's.
const std::map<std::string, std::string> kGateNames = {{"cross_attn_attn_gate", "attention"},
                                                       {"cross_attn_mlp_gate", "ffn"},
                                                       {"attn_gate", "attention"},
                                                       {"ff_gate", "ffn"}};

}  // namespace

std::map<std::string, Tensor> gate_values(const torch::nn::Module& model) {
  const std::string prefix = "cross_attention.";
  std::map<std::string, Tensor> values;
  for (const auto& parameter : model.named_parameters()) {
    const std::string& name = parameter.key();
    if (!name.starts_with(prefix)) continue;
    const size_t end = name.rfind('.');
    const auto gate = kGateNames.find(name.substr(end + 1));
    if (gate == kGateNames.end()) continue;
    const std::string block = name.substr(prefix.size(), end - prefix.size());
    values[block + "." + gate->second] = parameter.value().detach().tanh().reshape({});
  }
  return values;
}

}  // namespace nvlm::experiments
