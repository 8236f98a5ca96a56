#include <doctest/doctest.h>
#include <torch/nn/modules/linear.h>

#include <limits>

#include "common/atomic_file.h"
#include "common/json.h"
#include "common/load_weights.h"
#include "common/safetensors.h"
#include "common/translated_weights.h"
#include "common/weight_store.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tensors.h"

namespace nvlm {
namespace {

using test::TempDir;

// Two layers whose output weights may be tied, and a buffer.
struct TinyModuleImpl : torch::nn::Module {
  explicit TinyModuleImpl(bool tied = false) {
    first = register_module("first", torch::nn::Linear(3, 2));
    scale = register_buffer("scale", at::ones({2}));
    count = register_buffer("count", at::zeros({1}, at::kLong));
    embed = register_parameter("embed", at::zeros({2, 2}));
    if (tied) register_parameter("head", embed);
  }
  torch::nn::Linear first{nullptr};
  Tensor scale, count, embed;
};

std::map<std::string, Tensor> tiny_tensors() {
  return {{"m.first.weight", at::arange(6, at::kFloat).view({2, 3})},
          {"m.first.bias", at::tensor({0.5F, -0.5F})},
          {"m.scale", at::tensor({3.0F, 4.0F})},
          {"m.count", at::tensor({int64_t{9}})},
          {"m.embed", at::tensor({1.F, 2.F, 3.F, 4.F}).view({2, 2})}};
}

void write_index(const std::filesystem::path& folder, const Json& weight_map) {
  write_json(folder / "model.safetensors.index.json",
             {{"metadata", {{"total_size", 8}}}, {"weight_map", weight_map}});
}

}  // namespace

TEST_CASE("weight store: one file, by folder or by name") {
  const TempDir folder;
  CHECK_THROWS_WITH_AS(WeightStore::open(folder.path()),
                       doctest::Contains("holds neither model.safetensors nor"),
                       std::runtime_error);
  write_file_atomically(folder / "pytorch_model.bin", "");
  CHECK_THROWS_WITH_AS(WeightStore::open(folder.path()), doctest::Contains("must be converted"),
                       std::runtime_error);
  CHECK_THROWS_WITH_AS(WeightStore::open(folder / "none"), doctest::Contains("does not exist"),
                       std::runtime_error);
  write_safetensors(folder / "model.safetensors", {{"b", at::ones({2})}, {"a", at::zeros({1})}});
  for (const auto& path : {folder.path(), folder / "model.safetensors"}) {
    const WeightStore store = WeightStore::open(path);
    CHECK(store.names() == std::vector<std::string>{"a", "b"});
    CHECK(store.entry("b").shape == std::vector<int64_t>{2});
    test::check_close(store.tensor("b"), at::ones({2}));
    CHECK_THROWS_WITH_AS(store.tensor("c"), doctest::Contains("holds no tensor 'c'"),
                         std::runtime_error);
  }
}

TEST_CASE("weight store: shards") {
  const TempDir folder;
  write_safetensors(folder / "s1.safetensors", {{"a", at::ones({2})}, {"extra", at::ones({1})}});
  write_index(folder.path(), {{"a", "s1.safetensors"}, {"b", "s2.safetensors"}});
  CHECK_THROWS_WITH_AS(WeightStore::open(folder.path()),
                       doctest::Contains("lacks the shard 's2.safetensors'"), std::runtime_error);
  write_safetensors(folder / "s2.safetensors", {{"c", at::ones({2})}});
  CHECK_THROWS_WITH_AS(WeightStore::open(folder.path()),
                       doctest::Contains("places 'b' in 's2.safetensors', which does not hold it"),
                       std::runtime_error);
  write_safetensors(folder / "s2.safetensors", {{"b", at::full({2}, 7.0)}});
  for (const auto& path : {folder.path(), folder / "model.safetensors.index.json"}) {
    const WeightStore store = WeightStore::open(path);
    CHECK(store.names() == std::vector<std::string>{"a", "b", "extra"});
    CHECK(store.files().size() == 2);
    test::check_close(store.tensor("b"), at::full({2}, 7.0));
  }
  write_index(folder.path(), {{"a", "../s1.safetensors"}});
  CHECK_THROWS_WITH_AS(WeightStore::open(folder.path()), doctest::Contains("expected a file name"),
                       std::runtime_error);
  write_index(folder.path(), {{"a", (folder / "s1.safetensors").string()}});  // absolute
  CHECK_THROWS_WITH_AS(WeightStore::open(folder.path()), doctest::Contains("expected a file name"),
                       std::runtime_error);
  write_index(folder.path(), {{"a", ".."}});
  CHECK_THROWS_AS(WeightStore::open(folder.path()), std::runtime_error);
  write_index(folder.path(), Json::array());
  CHECK_THROWS_WITH_AS(WeightStore::open(folder.path()), doctest::Contains("'weight_map'"),
                       std::runtime_error);
}

TEST_CASE("weight store: a shard that is cut short is named") {
  const TempDir folder;
  write_safetensors(folder / "s1.safetensors", {{"a", at::ones({2})}});
  write_safetensors(folder / "s2.safetensors", {{"b", at::ones({300})}});
  write_index(folder.path(), {{"a", "s1.safetensors"}, {"b", "s2.safetensors"}});
  const auto whole = std::filesystem::file_size(folder / "s2.safetensors");
  for (const uintmax_t size : {whole - 1, whole - 1200, uintmax_t{9}, uintmax_t{0}}) {
    CAPTURE(size);
    std::filesystem::resize_file(folder / "s2.safetensors", size);
    CHECK_THROWS_WITH_AS(WeightStore::open(folder.path()), doctest::Contains("s2.safetensors: "),
                         std::runtime_error);
  }
}

TEST_CASE("load weights: quantised weights are refused by the name of their dtype") {
  const TempDir folder;
  for (const auto& [dtype, name] : {std::pair{at::kChar, "I8"}, {at::kByte, "U8"}}) {
    auto tensors = tiny_tensors();
    tensors["m.first.weight"] = tensors["m.first.weight"].to(dtype);
    write_safetensors(folder / "model.safetensors", tensors);
    TinyModuleImpl module;
    const std::string expected =
        std::string("'m.first.weight' holds ") + name + ", expected F32, BF16, F16 or F64";
    CHECK_THROWS_WITH_AS(load_weights(module, WeightStore::open(folder.path()), {.prefix = "m."}),
                         doctest::Contains(expected.c_str()), std::runtime_error);
  }
}

TEST_CASE("load weights: values, dtypes, prefix and state_dict") {
  const TempDir folder;
  auto tensors = tiny_tensors();
  tensors["other.weight"] = at::ones({1});  // outside the prefix
  tensors["m.first.weight"] = tensors["m.first.weight"].to(at::kBFloat16);
  write_safetensors(folder / "model.safetensors", tensors);
  const WeightStore store = WeightStore::open(folder.path());
  TinyModuleImpl module;
  load_weights(module, store, {.prefix = "m."});
  CHECK(module.first->weight.requires_grad());
  CHECK(module.first->weight.is_leaf());
  auto loaded = state_dict(module, "m.");
  CHECK(loaded.size() == 5);
  for (const auto& [name, tensor] : loaded) {
    CAPTURE(name);
    CHECK((tensor.scalar_type() == (name == "m.count" ? at::kLong : at::kFloat)));
    test::check_close(tensor, tensors[name], {0, 0});
  }
  load_weights(module, store, {.prefix = "m.", .dtype = at::kBFloat16});
  CHECK((module.first->weight.scalar_type() == at::kBFloat16));
  CHECK((module.count.scalar_type() == at::kLong));
  CHECK((module.first->named_parameters()["weight"].scalar_type() == at::kBFloat16));
  // Nothing aliases the file's mapping.
  at::NoGradGuard no_grad;
  module.first->bias.zero_();
  test::check_close(store.tensor("m.first.bias"), tensors["m.first.bias"]);
}

TEST_CASE("load weights: everything that does not fit is reported at once") {
  const TempDir folder;
  auto tensors = tiny_tensors();
  tensors.erase("m.first.bias");
  tensors["m.first.weight"] = at::ones({3, 2});
  tensors["m.scale"] = at::tensor({1.0F, std::numeric_limits<float>::quiet_NaN()});
  tensors["m.embed"] = at::full({2, 2}, 1e300, at::kDouble);
  tensors["m.count"] = at::ones({1});
  tensors["m.stray"] = at::ones({4});
  tensors["m.inv_freq"] = at::ones({4});
  write_safetensors(folder / "model.safetensors", tensors);
  TinyModuleImpl module;
  std::string report;
  try {
    load_weights(module, WeightStore::open(folder.path()),
                 {.prefix = "m.", .ignored = {"inv_freq"}});
  } catch (const std::runtime_error& error) {
    report = error.what();
  }
  CAPTURE(report);
  for (const char* finding :
       {"\n  missing 'm.first.bias' [2]", "\n  'm.first.weight' is [3, 2], expected [2, 3]",
        "\n  NaN or infinite weights in 'm.scale'", "\n  NaN or infinite weights in 'm.embed'",
        "\n  'm.count' holds F32, expected I64", "\n  unexpected 'm.stray' [4]"}) {
    CAPTURE(finding);
    CHECK(report.find(finding) != std::string::npos);
  }
  CHECK(report.find("inv_freq") == std::string::npos);
  test::check_close(module.scale, at::ones({2}));  // nothing was copied
}

TEST_CASE("load weights: non-finite values of every dtype and sign are found") {
  const TempDir folder;
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
        -std::numeric_limits<double>::infinity()}) {
    for (const auto dtype : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16}) {
      auto tensors = tiny_tensors();
      tensors["m.scale"] = at::tensor({1.0, bad}).to(dtype);
      write_safetensors(folder / "model.safetensors", tensors);
      TinyModuleImpl module;
      CHECK_THROWS_WITH_AS(load_weights(module, WeightStore::open(folder.path()), {.prefix = "m."}),
                           doctest::Contains("NaN or infinite weights in 'm.scale'"),
                           std::runtime_error);
    }
  }
}

TEST_CASE("load weights: tied parameters need one name and stay tied") {
  const TempDir folder;
  write_safetensors(folder / "model.safetensors", tiny_tensors());
  TinyModuleImpl module(/*tied=*/true);
  load_weights(module, WeightStore::open(folder.path()), {.prefix = "m.", .dtype = at::kDouble});
  CHECK(module.named_parameters()["head"].is_same(module.named_parameters()["embed"]));
  CHECK(module.named_parameters()["head"][1][1].item<double>() == 4);
  CHECK(state_dict(module).size() == 5);
}

TEST_CASE("translated weights: several stored tensors stacked into one, and the reverse") {
  const TempDir folder;
  write_safetensors(folder / "model.safetensors", {{"q", at::full({1, 2}, 1.0F)},
                                                   {"k", at::full({2, 2}, 2.0F)},
                                                   {"wide", at::zeros({1, 3})},
                                                   {"other", at::arange(4)}});
  const WeightStore stored = WeightStore::open(folder.path());
  const TranslatedWeights weights(stored, {{"kq", {.name = "k", .below = {"q"}}},
                                           {"bad", {.name = "k", .below = {"wide"}}},
                                           {"absent", {.name = "q", .below = {"k", "v", "w"}}},
                                           {"half", {.name = "other", .part = 1, .num_parts = 2}}});
  CHECK(weights.names() == std::vector<std::string>{"bad", "half", "kq"});
  CHECK(at::equal(weights.tensor("kq"), at::tensor({2.F, 2.F, 2.F, 2.F, 1.F, 1.F}).view({3, 2})));
  CHECK(weights.entry("kq").shape == std::vector<int64_t>{3, 2});
  CHECK(weights.stored_name("kq") == "k + q");
  CHECK(at::equal(weights.tensor("half"), at::tensor({int64_t{2}, int64_t{3}})));
  CHECK(weights.entry("half").shape == std::vector<int64_t>{2});
  // What cannot be stacked shows the shape that is in the way.
  CHECK(weights.entry("bad").shape == std::vector<int64_t>{1, 3});
  // Absent as a whole; the message names what is missing.
  CHECK_FALSE(weights.contains("absent"));
  CHECK(weights.stored_name("absent") == "v + w");
}

}  // namespace nvlm
