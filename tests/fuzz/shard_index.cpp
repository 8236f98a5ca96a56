// Input: a model.safetensors.index.json; what follows a zero byte, if anything, is the second of
// the two shards that lie beside it.
#include <ATen/ops/arange.h>

#include <optional>

#include "common/weight_store.h"
#include "tests/fuzz/fuzz_support.h"
#include "tests/fuzz/json_mutator.h"
#include "tests/support/temp_dir.h"

namespace nvlm::fuzz {
namespace {

/// A folder with model-1.safetensors (tensors a and b) and model-2.safetensors (tensor c).
class ShardFolder {
 public:
  ShardFolder() {
    const Tensor numbers = at::arange(6, at::kFloat).reshape({2, 3});
    write_safetensors(folder_ / "model-1.safetensors", {{"a", numbers}, {"b", numbers}});
    write_second(std::nullopt);
  }

  void write_index(std::string_view content) {
    std::ofstream(folder_ / "model.safetensors.index.json", std::ios::binary) << content;
  }

  /// Nothing: the valid one.
  void write_second(std::optional<std::string_view> content) {
    if (content) {
      std::ofstream(folder_ / "model-2.safetensors", std::ios::binary) << *content;
      second_is_valid_ = false;
    } else if (!second_is_valid_) {
      write_safetensors(folder_ / "model-2.safetensors", {{"c", at::arange(4, at::kFloat)}});
      second_is_valid_ = true;
    }
  }

  const std::filesystem::path& path() const { return folder_.path(); }

 private:
  test::TempDir folder_;
  bool second_is_valid_ = false;
};

}  // namespace
}  // namespace nvlm::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace nvlm;
  static fuzz::ShardFolder folder;
  const std::string_view input = fuzz::as_text(data, size);
  const size_t end = input.find('\0');
  folder.write_index(input.substr(0, end));
  folder.write_second(end == input.npos ? std::nullopt : std::optional(input.substr(end + 1)));
  fuzz::expect_clear_errors([&] {
    const WeightStore store = WeightStore::open(folder.path());
    for (const std::string& name : store.names()) {
      const TensorEntry entry = store.entry(name);
      const Tensor tensor = store.tensor(name).clone();  // reads it all
      fuzz::require(store.contains(name) && tensor.sizes() == at::IntArrayRef(entry.shape));
    }
  });
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  // With a second shard behind the index only libFuzzer's mutations apply.
  return nvlm::fuzz::JsonMutator(seed).mutate(data, size, max_size);
}
