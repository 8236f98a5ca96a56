// A decoder's stored weights with rows for tokens that it has never seen.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/weight_source.h"

namespace nvlm::decoder {

/// Which rows of the embedding (and of the head) are new.
struct VocabularyExtension {
  int64_t stored_vocab = 0;      // rows that the decoder has
  int64_t vocab = 0;             // rows afterwards; those behind the stored ones are all in new_ids
  std::vector<int64_t> new_ids;  // drawn anew, whatever is stored there
  uint64_t seed = 0;
};

/// `rows` [stored_vocab, hidden] -> [extension.vocab, hidden] in the same dtype. A new row is the
/// mean of all other stored rows plus normal noise of a tenth of their deviation, channel by
/// channel. With the mean the head gives a new token about the average logit, so that the
/// distribution over the old ones stays as it is; the noise keeps new tokens apart while the
/// embedding is frozen. stream  0 for the embedding, 1 for the head; the noise of a row depends on
/// seed, stream and its
///         id alone
/// throws  std::invalid_argument if the numbers of rows disagree or no stored row is left
/// source  J. Hewitt, Initializing New Word Embeddings for Pretrained Language Models (2021)
/// chosen: a tenth; Hewitt's covariance is scaled by 1e-5 in later practice, which leaves the tags
/// of
///         two tiles the same until the decoder is trained
Tensor with_new_rows(const Tensor& rows, const VocabularyExtension& extension, uint64_t stream);

/// The view: model.embed_tokens.weight and lm_head.weight have the new rows, the rest is as stored.
class ExtendedVocabulary : public WeightSource {
 public:
  /// prefix  of the stored names, such as "language_model."
  /// stored  must outlive this
  ExtendedVocabulary(const WeightSource& stored, VocabularyExtension extension,
                     const std::string& prefix = "");

  std::vector<std::string> names() const override { return stored_.names(); }
  bool contains(const std::string& name) const override { return stored_.contains(name); }
  Tensor tensor(const std::string& name) const override;
  TensorEntry entry(const std::string& name) const override;
  std::string stored_name(const std::string& name) const override {
    return stored_.stored_name(name);
  }
  const std::filesystem::path& path() const override { return stored_.path(); }

 private:
  const WeightSource& stored_;
  VocabularyExtension extension_;
  std::string embedding_, head_;
};

}  // namespace nvlm::decoder
