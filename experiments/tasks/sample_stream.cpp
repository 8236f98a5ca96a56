#include "experiments/tasks/sample_stream.h"

#include <stdexcept>
#include <utility>

namespace nvlm::experiments {
namespace {

/// How often a source without end may draw in vain for one sample.
constexpr int64_t kDraws = 100;

std::vector<double> weights_of(const std::vector<WeightedSource>& sources) {
  std::vector<double> weights;
  for (const WeightedSource& source : sources) weights.push_back(source.weight);
  return weights;
}

}  // namespace

SampleStream::SampleStream(std::vector<WeightedSource> sources)
    : sources_(std::move(sources)), dealer_(weights_of(sources_)) {}

SampleStream::Place SampleStream::place(uint64_t seed, int64_t number) const {
  const SourceDealer::Turn turn = dealer_.turn(seed, number);
  const SampleSource& source = *sources_[turn.source].source;
  const std::optional<int64_t> size = source.size();
  if (!size) return {&source, number};
  const auto pass = static_cast<uint64_t>(turn.position / *size);
  const uint64_t key = Random(seed, (static_cast<uint64_t>(turn.source) << 48) | pass).next();
  return {&source, permuted_index(key, *size, turn.position % *size)};
}

void SampleStream::take(uint64_t seed, int64_t number, std::vector<BadSampleRecord>& bad,
                        const Use& use) const {
  take_from(place(seed, number), seed, number, bad, use);
}

void SampleStream::take_from(const Place& place, uint64_t seed, int64_t number,
                             std::vector<BadSampleRecord>& bad, const Use& use) {
  const std::optional<int64_t> size = place.source->size();
  Random random = training_random(seed, number);
  std::string last;
  for (int64_t attempt = 0; attempt < size.value_or(kDraws); ++attempt) {
    const int64_t index = size ? (place.index + attempt) % *size : place.index;
    try {
      use(place.source->read(index, random), random);
      return;
    } catch (const BadSample& problem) {
      last = problem.name + ": " + problem.what();
      bad.push_back(
          {number, place.source->name(), index, problem.name, problem.what(), problem.file});
    }
  }
  throw std::runtime_error("data.sources: no sample of '" + place.source->name() +
                           "' can be used; the last: " + last);
}

int64_t SampleStream::num_samples() const {
  int64_t sum = 0;
  for (const WeightedSource& source : sources_) sum += source.source->size().value_or(0);
  return sum;
}

}  // namespace nvlm::experiments
