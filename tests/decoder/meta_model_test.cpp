#include <doctest/doctest.h>

#include "common/parameter_scope.h"
#include "decoder/llama.h"

namespace nvlm::decoder {
namespace {

LlamaConfig llama_405b() {
  LlamaConfig config;
  config.hidden = 16384;
  config.layers = 126;
  config.heads = 128;
  config.kv_heads = 8;
  config.head_dim = 128;
  config.ffn_hidden = 53248;
  config.vocab = 128256;
  config.rope_scaling = Llama3RopeScaling{};
  return config;
}

}  // namespace

TEST_CASE("meta: a model of 405 billion parameters is counted without memory") {
  const ParameterScope scope({.dtype = at::kBFloat16, .device = at::kMeta});
  const LlamaForCausalLM model(llama_405b());
  int64_t parameters = 0;
  for (const Tensor& parameter : model->parameters()) {
    CHECK(parameter.is_meta());
    parameters += parameter.numel();
  }
  CHECK(parameters == 405'853'388'800);
  CHECK(num_parameters(llama_405b()) == parameters);
}

}  // namespace nvlm::decoder
