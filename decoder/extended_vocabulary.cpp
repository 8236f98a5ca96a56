#include "decoder/extended_vocabulary.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "common/random.h"

namespace nvlm::decoder {
namespace {

constexpr double kNewRowNoise = 0.1;  // of the deviation of each channel

/// Indices of the stored rows that keep their meaning.
/// throws  std::invalid_argument if not every row behind the stored ones is drawn, or all are
Tensor kept_rows(const VocabularyExtension& extension) {
  std::vector<bool> is_new(static_cast<size_t>(extension.vocab), false);
  for (const int64_t id : extension.new_ids) is_new.at(static_cast<size_t>(id)) = true;
  std::vector<int64_t> kept;
  for (int64_t id = 0; id < extension.vocab; ++id) {
    if (!is_new[static_cast<size_t>(id)]) kept.push_back(id);
  }
  if (kept.empty() || kept.back() >= extension.stored_vocab) {
    throw std::invalid_argument("decoder.extended_vocabulary: " + std::to_string(extension.vocab) +
                                " rows from " + std::to_string(extension.stored_vocab) +
                                " stored ones, expected the rest, and not all, among the new ids");
  }
  return at::tensor(kept, at::kLong);
}

}  // namespace

Tensor with_new_rows(const Tensor& rows, const VocabularyExtension& extension, uint64_t stream) {
  const at::NoGradGuard no_grad;
  if (rows.dim() != 2 || rows.size(0) != extension.stored_vocab) {
    throw std::invalid_argument("decoder.extended_vocabulary: " + std::to_string(rows.size(0)) +
                                " rows, expected " + std::to_string(extension.stored_vocab));
  }
  const int64_t hidden = rows.size(1);
  const Tensor kept = rows.index_select(0, kept_rows(extension)).to(at::kFloat);
  const Tensor mean = kept.mean(0), deviation = kept.std(0, /*unbiased=*/false);
  Tensor result = at::empty({extension.vocab, hidden}, rows.options());
  result.narrow(0, 0, extension.stored_vocab).copy_(rows);
  for (const int64_t id : extension.new_ids) {
    Random random(extension.seed, 2 * static_cast<uint64_t>(id) + stream);
    Tensor noise = at::empty({hidden}, at::kFloat);
    for (int64_t i = 0; i < hidden; ++i) {
      noise.mutable_data_ptr<float>()[i] = static_cast<float>(random.normal());
    }
    result.select(0, id).copy_(mean + kNewRowNoise * deviation * noise);
  }
  return result;  // [vocab, hidden]
}

ExtendedVocabulary::ExtendedVocabulary(const WeightSource& stored, VocabularyExtension extension,
                                       const std::string& prefix)
    : stored_(stored),
      extension_(std::move(extension)),
      embedding_(prefix + "model.embed_tokens.weight"),
      head_(prefix + "lm_head.weight") {}

Tensor ExtendedVocabulary::tensor(const std::string& name) const {
  const Tensor tensor = stored_.tensor(name);
  const bool is_extended = (name == embedding_ || name == head_) && !extension_.new_ids.empty();
  return is_extended ? with_new_rows(tensor, extension_, name == head_ ? 1 : 0) : tensor;
}

TensorEntry ExtendedVocabulary::entry(const std::string& name) const {
  TensorEntry entry = stored_.entry(name);
  if ((name == embedding_ || name == head_) && entry.shape.size() == 2) {
    entry.shape[0] += extension_.vocab - extension_.stored_vocab;
  }
  return entry;
}

}  // namespace nvlm::decoder
