// Times a decoder's checkpoint on request, so that another program can take turns with it:
//   decode_speed DIR [float32|bfloat16] [threads] [none|int8|int4]
// prints {"load_seconds", "load_peak_bytes", "weight_bytes"} and then answers each line of stdin:
//   prefill N   reads a prompt of N tokens            -> {"seconds"}
//   decode N    writes N tokens behind the last one   -> {"seconds"}, of each token
//   bandwidth   reads 256 MB, far more than the caches hold -> {"bytes_per_second"}: the floor now
//   peak        -> {"peak_bytes"} of the process so far
#include <c10/core/InferenceMode.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>

#include "common/device.h"
#include "common/error.h"
#include "common/json.h"
#include "common/parameter_scope.h"
#include "common/peak_memory.h"
#include "decoder/checkpoint.h"
#include "decoder/quantization.h"

namespace nvlm::bench {
namespace {

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Of a matrix-vector product, which like a decode step reads everything once.
double bytes_per_second() {
  static const Tensor matrix = new_parameter({16384, 4096}, 1);  // in large pages, as weights
  static const Tensor vector = at::ones({4096});
  return static_cast<double>(matrix.nbytes()) / seconds_of([] { at::mv(matrix, vector); });
}

/// One conversation with the model: greedy, batch 1.
class Session {
 public:
  explicit Session(decoder::LlamaForCausalLM& model) : model_(model) {}

  double prefill(int64_t tokens) {
    constexpr int64_t kRoom = 4096;  // for tokens to come
    const Tensor ids = at::randint(model_->config().vocab, {1, tokens}, at::kLong);
    return seconds_of([&] {
      cache_.emplace(model_->make_cache(1, tokens + kRoom));
      step(ids);
    });
  }

  Json decode(int64_t tokens) {
    if (!cache_) throw UsageError("decode before prefill");
    Json seconds = Json::array();
    for (int64_t i = 0; i < tokens; ++i) seconds.push_back(seconds_of([&] { step(token_); }));
    return seconds;
  }

 private:
  void step(const Tensor& ids) {
    decoder::DecoderInputs inputs;
    inputs.embeddings = model_->embed(ids);
    inputs.position_ids =
        at::arange(cache_->length(), cache_->length() + ids.size(1), at::kLong).unsqueeze(0);
    const Tensor hidden = model_->hidden_states(inputs, &*cache_);
    token_ = model_->logits(hidden.narrow(1, ids.size(1) - 1, 1)).argmax(-1);  // [1, 1]
  }

  decoder::LlamaForCausalLM& model_;
  std::optional<decoder::KvCache> cache_;
  Tensor token_;
};

void answer_requests(decoder::LlamaForCausalLM& model) {
  Session session(model);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string request;
    int64_t count = 0;
    words >> request >> count;
    Json answer;
    if (request == "prefill" && count > 0) {
      answer["seconds"] = session.prefill(count);
    } else if (request == "decode" && count > 0) {
      answer["seconds"] = session.decode(count);
    } else if (request == "bandwidth") {
      answer["bytes_per_second"] = bytes_per_second();
    } else if (request == "peak") {
      answer["peak_bytes"] = peak_memory_bytes();
    } else {
      throw UsageError("'" + line + "', expected prefill N, decode N, bandwidth or peak");
    }
    std::cout << answer.dump() << std::endl;
  }
}

void run(const std::vector<std::string>& arguments) {
  if (arguments.empty()) {
    throw UsageError("usage: decode_speed DIR [float32|bfloat16] [threads] [none|int8|int4]");
  }
  const auto argument = [&](size_t i, const char* otherwise) {
    return i < arguments.size() ? arguments[i] : std::string(otherwise);
  };
  set_threads(std::stoi(argument(2, "0")));
  const at::ScalarType dtype = compute_dtype(at::kCPU, argument(1, "bfloat16"));
  const Quantization quantization = parse_quantization(argument(3, "none"));
  const c10::InferenceMode inference;
  decoder::LlamaForCausalLM model{nullptr};
  const double seconds = seconds_of([&] { model = decoder::load_llama(arguments[0], dtype); });
  int64_t weight_bytes = 0;
  for (const Tensor& parameter : model->parameters()) weight_bytes += parameter.nbytes();
  std::cout << Json{{"load_seconds", seconds},
                    {"load_peak_bytes", peak_memory_bytes()},
                    {"weight_bytes", weight_bytes}}
                   .dump()
            << std::endl;
  decoder::quantize(*model, quantization);
  answer_requests(model);
}

}  // namespace
}  // namespace nvlm::bench

int main(int argc, char** argv) {
  try {
    nvlm::bench::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "decode_speed: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
