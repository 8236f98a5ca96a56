#include "decoder/sampling.h"

#include <cmath>
#include <sstream>
#include <stdexcept>
#include <tuple>

#include "common/check.h"

namespace nvlm::decoder {
namespace {

template <class T>
void require_sampling(bool fine, const char* field, const T& value, const char* expected) {
  if (fine) return;
  std::ostringstream message;
  message << "decoder.sampling: " << field << " is " << value << ", expected " << expected;
  throw std::invalid_argument(message.str());
}

// One number in [0, 1) per row: [batch, 1], double
Tensor draw(std::vector<Random>& streams, at::Device device) {
  Tensor numbers = at::empty({static_cast<int64_t>(streams.size()), 1}, at::kDouble);
  double* to = numbers.mutable_data_ptr<double>();
  for (Random& stream : streams) *to++ = stream.uniform();
  return numbers.to(device);
}

}  // namespace

void validate(const SamplingConfig& config) {
  require_sampling(std::isfinite(config.temperature) && config.temperature >= 0, "temperature",
                   config.temperature, "a number from 0 on");
  require_sampling(config.top_k >= 0, "top_k", config.top_k, "a number from 0 on");
  require_sampling(config.top_p > 0 && config.top_p <= 1, "top_p", config.top_p,
                   "a number above 0 and up to 1");
}

std::vector<Random> sampling_streams(const SamplingConfig& config, int64_t batch) {
  std::vector<Random> streams;
  for (int64_t i = 0; i < batch; ++i) streams.emplace_back(config.seed, static_cast<uint64_t>(i));
  return streams;
}

Tensor sample(const Tensor& logits, const SamplingConfig& config, std::vector<Random>& streams) {
  validate(config);
  expect_shape(logits, {-1, -1}, "sample: logits");
  if (config.temperature == 0) return logits.argmax(-1);
  expect_shape(logits, {static_cast<int64_t>(streams.size()), -1}, "sample: logits");
  const int64_t vocab = logits.size(1);
  const int64_t kept = config.top_k > 0 ? std::min(config.top_k, vocab) : vocab;
  Tensor sorted, tokens;  // [batch, kept], likeliest first
  std::tie(sorted, tokens) =
      kept < vocab ? logits.topk(kept) : logits.sort(-1, /*descending=*/true);
  // The largest becomes 0 before the division, which a tiny temperature would else overflow.
  const Tensor shifted = sorted.to(at::kDouble) - sorted.narrow(1, 0, 1).to(at::kDouble);
  const Tensor probabilities = (shifted / config.temperature).softmax(-1);
  const Tensor sums = probabilities.cumsum(-1);
  const Tensor allowed = (sums - probabilities) < config.top_p;  // a prefix, never empty
  const Tensor last = allowed.sum(-1, /*keepdim=*/true) - 1;     // [batch, 1]
  const Tensor target = draw(streams, logits.device()) * sums.gather(1, last);
  const Tensor place = at::searchsorted(sums, target, /*out_int32=*/false, /*right=*/true);
  return tokens.gather(1, at::minimum(place, last)).squeeze(1);
}

}  // namespace nvlm::decoder
