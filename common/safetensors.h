// The safetensors file format: a memory-mapped reader that trusts nothing in the header, and an
// atomic writer. source: https://github.com/huggingface/safetensors (format section)
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/tensor.h"

namespace nvlm {

/// Where one tensor lies. begin, end: bytes from the start of the data section.
struct TensorEntry {
  at::ScalarType dtype = at::kFloat;
  std::vector<int64_t> shape;
  uint64_t begin = 0;
  uint64_t end = 0;
};

/// An opened file. Copies share the mapping, and so do the tensors, which may outlive it.
class SafetensorsFile {
 public:
  /// Maps the file and checks each claim of its header against the file before anything is
  /// allocated. Dtypes: F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL.
  /// throws  std::runtime_error "<path>: tensor 'a.weight' ...": what is wrong and expected
  static SafetensorsFile open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const std::map<std::string, TensorEntry>& entries() const { return entries_; }
  /// The header's `__metadata__`; empty when absent.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  bool contains(const std::string& name) const { return entries_.count(name) > 0; }

  /// The tensor on the CPU, zero-copy and read-only by convention (a write stays private to this
  /// process). Data that is not aligned for its dtype, and BOOL, are copied.
  /// throws  std::runtime_error if there is no such tensor
  Tensor tensor(const std::string& name) const;

  /// Gives the pages that hold these rows of the tensor (along its first dimension) back to the
  /// system, so that reading a file does not keep it in memory. The tensor stays valid: the next
  /// access reads the file again, and private writes to it are lost.
  /// throws  as tensor()
  void release(const std::string& name, int64_t begin, int64_t end) const;

 private:
  class Mapping;
  SafetensorsFile() = default;
  const TensorEntry& known_entry(const std::string& name) const;
  void parse_header(const std::string& header, uint64_t data_bytes);

  std::filesystem::path path_;
  std::shared_ptr<Mapping> mapping_;
  uint64_t data_offset_ = 0;
  std::map<std::string, TensorEntry> entries_;
  std::map<std::string, std::string> metadata_;
};

/// Writes tensors (any device, any strides) with the given metadata, atomically. The same input
/// gives the same bytes: tensors are ordered by element size, largest first, then by name.
/// throws  std::invalid_argument for a dtype outside the list above or the name "__metadata__";
///         std::runtime_error if the file cannot be written
void write_safetensors(const std::filesystem::path& path,
                       const std::map<std::string, Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

/// The format's name of a dtype, such as "BF16"; empty if the format has none.
std::string safetensors_dtype_name(at::ScalarType dtype);

}  // namespace nvlm
