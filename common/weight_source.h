// Named tensors from somewhere: a checkpoint folder, or a view of one under other names.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/safetensors.h"
#include "common/tensor.h"

namespace nvlm {

class WeightSource {
 public:
  virtual ~WeightSource() = default;

  /// All tensor names, sorted.
  virtual std::vector<std::string> names() const = 0;
  virtual bool contains(const std::string& name) const = 0;
  /// throws  std::runtime_error if there is no such tensor
  virtual Tensor tensor(const std::string& name) const = 0;
  /// Shape and dtype without touching the data. Throws like tensor().
  virtual TensorEntry entry(const std::string& name) const = 0;
  /// Tells that these rows (along the first dimension) will not be asked for soon, so that the
  /// memory in which they were read may go. The tensor stays valid, and asking again reads again.
  virtual void release(const std::string& name, int64_t begin, int64_t end) const {
    static_cast<void>(name), static_cast<void>(begin), static_cast<void>(end);
  }
  /// Under which name the files hold it, for messages; the name itself if it is no other. Where
  /// several stored tensors make one, all of them or, if some are absent, the absent ones.
  virtual std::string stored_name(const std::string& name) const { return name; }
  /// What was opened, for messages.
  virtual const std::filesystem::path& path() const = 0;
};

}  // namespace nvlm
