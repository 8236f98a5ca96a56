// A checkpoint of another layout, seen under our names.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/weight_source.h"

namespace nvlm {

/// Where one of our tensors lies in another layout. The steps apply in the order of the fields.
struct TensorOrigin {
  std::string name;                     // of the stored tensor
  std::vector<std::string> below = {};  // further stored tensors, stacked under it along the rows
  bool transposed = false;              // stored [in, out]
  int64_t part = 0, num_parts = 1;      // which of so many equal parts of the rows
  int64_t interleaved_heads = 0;  // > 0: rows of each head are in pairs (2j, 2j + 1); ours are
                                  // split in halves (j, j + head_dim / 2)
};

/// A view: tensors are made when asked for.
class TranslatedWeights : public WeightSource {
 public:
  /// origins  by our names. Stored tensors that are nobody's origin keep their own name, so that
  ///          load_weights reports them.
  /// stored   must outlive this
  TranslatedWeights(const WeightSource& stored, std::map<std::string, TensorOrigin> origins);

  std::vector<std::string> names() const override;
  bool contains(const std::string& name) const override;
  Tensor tensor(const std::string& name) const override;
  TensorEntry entry(const std::string& name) const override;
  /// Forwarded where a row here is a row there.
  void release(const std::string& name, int64_t begin, int64_t end) const override;
  std::string stored_name(const std::string& name) const override;
  const std::filesystem::path& path() const override { return stored_.path(); }

 private:
  const WeightSource& stored_;
  std::map<std::string, TensorOrigin> origins_;
  std::map<std::string, int64_t> uses_;  // of stored tensors
};

}  // namespace nvlm
