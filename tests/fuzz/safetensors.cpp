// Input: a .safetensors file. What opens is read to the last byte and survives being written again.
#include "common/safetensors.h"

#include <ATen/ops/equal.h>

#include "tests/fuzz/fuzz_support.h"
#include "tests/fuzz/json_mutator.h"
#include "tests/support/temp_dir.h"

namespace nvlm::fuzz {
namespace {

/// Of the same bytes: NaN equals itself, and -0 does not equal 0.
bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes() &&
         std::string_view(static_cast<const char*>(a.const_data_ptr()), a.nbytes()) ==
             std::string_view(static_cast<const char*>(b.const_data_ptr()), b.nbytes());
}

void check_written_again(const std::map<std::string, Tensor>& tensors,
                         const std::map<std::string, std::string>& metadata) {
  static const test::TempDir folder;
  write_safetensors(folder / "again.safetensors", tensors, metadata);
  const SafetensorsFile again = SafetensorsFile::open(folder / "again.safetensors");
  require(again.metadata() == metadata && again.entries().size() == tensors.size());
  for (const auto& [name, tensor] : tensors) require(same_bytes(again.tensor(name), tensor));
}

}  // namespace
}  // namespace nvlm::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace nvlm;
  const fuzz::MemoryFile input(fuzz::as_text(data, size));
  fuzz::expect_clear_errors([&] {
    const SafetensorsFile file = SafetensorsFile::open(input.path());
    std::map<std::string, Tensor> tensors;
    for (const auto& [name, entry] : file.entries()) tensors[name] = file.tensor(name);
    fuzz::check_written_again(tensors, file.metadata());
  });
  return 0;
}

/// Mutates the header as JSON and keeps the length before it true; the data stay as they are.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  uint64_t header = 0;
  if (size >= 8) std::memcpy(&header, data, 8);
  const bool sound = size >= 8 && header <= size - 8;
  if (!sound || seed % 2 == 0) return LLVMFuzzerMutate(data, size, max_size);
  const std::string values(reinterpret_cast<const char*>(data) + 8 + header, size - 8 - header);
  header = nvlm::fuzz::JsonMutator(seed).mutate(data + 8, header, max_size - 8 - values.size());
  std::memcpy(data, &header, 8);
  std::memcpy(data + 8 + header, values.data(), values.size());
  return 8 + header + values.size();
}
