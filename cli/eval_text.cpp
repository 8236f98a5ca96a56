// nvlm eval text: how well a decoder predicts a text file.
#include <algorithm>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <optional>
#include <stdexcept>

#include "cli/eval_verbs.h"
#include "cli/options.h"
#include "cli/reader_options.h"
#include "common/atomic_file.h"
#include "common/device.h"
#include "common/error.h"
#include "common/json.h"
#include "decoder/checkpoint.h"
#include "decoder/quantization.h"
#include "decoder/tokenizer/tokenizer.h"
#include "eval/metrics/text_likelihood.h"
#include "eval/readers/text_scorer.h"

namespace nvlm::cli {
namespace {

constexpr int64_t kComparedTokens = 256;  // their logits before and after lie in memory

}  // namespace

int run_eval_text(const Arguments& arguments) {
  std::string model_name, data, device_name, dtype_name, quantize;
  int64_t context = 0;
  int threads = 0;
  bool as_json = false;
  VerbOptions options("eval text --model DIR --data FILE [options]",
                      "Negative log-likelihood, perplexity and bits per byte of a text under a "
                      "decoder. The first token is given; windows of --context tokens overlap by "
                      "half.",
                      "nvlm eval text --model runs/text/checkpoints/latest --data notes.txt");
  options.add()("model,m", po::value(&model_name)->required(),
                "folder of a decoder's checkpoint with tokenizer.json")(
      "data", po::value(&data)->required(), "UTF-8 text file")(
      "context", po::value(&context)->default_value(1024),
      "tokens that the model sees at once; no more than it was made for")(
      "device", po::value(&device_name)->default_value("cpu"), "cpu, cuda or cuda:N")(
      "dtype", po::value(&dtype_name)->default_value("float32"), "auto, float32 or bfloat16")(
      "quantize", po::value(&quantize)->default_value("none"), kQuantizeHelp)(
      "threads", po::value(&threads)->default_value(0), "of tensor operations; 0 = all processors")(
      "json", po::bool_switch(&as_json), "print JSON");
  if (!options.parse(arguments)) return 0;
  if (context < 2 || context > (int64_t{1} << 20)) {
    throw UsageError("--context is " + std::to_string(context) + ", expected 2 to 1048576");
  }

  const Quantization quantization = parse_quantize_option(quantize, device_name);
  const std::string text = read_text_file(data);
  set_threads(threads);
  const at::Device device = parse_device(device_name);
  const std::filesystem::path folder = model_name;
  const auto tokenizer = decoder::Tokenizer::from_file(folder / "tokenizer.json");
  std::vector<int64_t> tokens = tokenizer.encode("", /*add_special_tokens=*/true);
  for (const int64_t token : tokenizer.encode_as_text(text)) tokens.push_back(token);
  if (tokens.size() < 2)
    throw std::runtime_error(data + ": too short, expected two tokens or more");

  decoder::LlamaForCausalLM model = decoder::load_llama(folder, compute_dtype(device, dtype_name));
  const auto compared =
      std::min<int64_t>({kComparedTokens, context, static_cast<int64_t>(tokens.size())});
  const std::vector<int64_t> sample(tokens.begin(), tokens.begin() + compared);
  std::optional<decoder::LogitChange> change;
  if (quantization != Quantization::kNone) {
    const Tensor before = decoder::text_logits(*model, sample);
    decoder::quantize(*model, quantization);
    change = decoder::logit_change(before, decoder::text_logits(*model, sample), sample);
  }
  model->to(device);
  context = std::min(context, model->config().max_position_embeddings);
  const std::vector<double> log_probabilities =
      eval::token_log_probabilities(model, tokens, context);
  int64_t bytes = 0;
  for (size_t i = 1; i < tokens.size(); ++i) {
    bytes += static_cast<int64_t>(tokenizer.token_bytes(tokens[i]).size());
  }
  const eval::TextLikelihood likelihood = eval::text_likelihood(log_probabilities, bytes);
  if (as_json) {
    Json report{{"tokens", likelihood.tokens},
                {"bytes", likelihood.bytes},
                {"context", context},
                {"nll_per_token", likelihood.mean()},
                {"perplexity", likelihood.perplexity()},
                {"bits_per_byte", likelihood.bits_per_byte()}};
    if (change) {
      report["quantization"] = {{"kind", quantize},
                                {"compared_tokens", sample.size()},
                                {"mean_absolute_logit_change", change->mean_absolute},
                                {"perplexity_before", change->perplexity_before},
                                {"perplexity_after", change->perplexity_after}};
    }
    std::cout << report.dump(2) << "\n";
    return 0;
  }
  std::cout << std::fixed << std::setprecision(4) << likelihood.tokens << " tokens, "
            << likelihood.bytes << " bytes\n  nll per token  " << likelihood.mean()
            << "\n  perplexity     " << likelihood.perplexity() << "\n  bits per byte  "
            << likelihood.bits_per_byte() << "\n";
  if (change) {
    std::cout << "  " << quantize << " against " << dtype_name << " on the first " << sample.size()
              << " tokens: logits change by " << change->mean_absolute << " on average, perplexity "
              << change->perplexity_before << " -> " << change->perplexity_after << "\n";
  }
  return 0;
}

}  // namespace nvlm::cli
