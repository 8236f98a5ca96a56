// Mutations of JSON documents: libFuzzer's own, of bytes, rarely leave a document that parses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "common/json.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace nvlm::fuzz {

class JsonMutator {
 public:
  explicit JsonMutator(unsigned seed) : random_(seed) {}

  /// Half of the time libFuzzer's mutation; else one value of the document, wherever it lies, is
  /// replaced, removed or repeated. Arguments and result as LLVMFuzzerMutate's.
  size_t mutate(uint8_t* data, size_t size, size_t max_size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
    if (json.is_discarded() || below(2) == 0) return LLVMFuzzerMutate(data, size, max_size);
    change(json);
    const std::string result = json.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (result.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
    std::memcpy(data, result.data(), result.size());
    return result.size();
  }

 private:
  size_t below(size_t end) { return std::uniform_int_distribution<size_t>(0, end - 1)(random_); }

  static void collect(Json& json, std::vector<Json*>& nodes) {
    nodes.push_back(&json);
    if (!json.is_structured()) return;
    for (Json& child : json) collect(child, nodes);
  }

  Json extreme_value() {
    static const std::vector<Json> values = {nullptr,
                                             true,
                                             false,
                                             -1,
                                             0,
                                             1,
                                             2,
                                             3,
                                             5,
                                             8,
                                             16,
                                             65536,
                                             0.5,
                                             -0.,
                                             1e-300,
                                             1e300,
                                             INT64_MAX,
                                             "",
                                             "a",
                                             INT64_MIN,
                                             1 << 20,
                                             1 << 30,
                                             Json::array(),
                                             Json::object()};
    return values[below(values.size())];
  }

  void change(Json& json) {
    std::vector<Json*> nodes;
    collect(json, nodes);
    Json& node = *nodes[below(nodes.size())];
    switch (below(6)) {
      case 0:
        node = extreme_value();
        break;
      case 1:
        node = Json(*nodes[below(nodes.size())]);
        break;
      case 2:
        remove_member(node);
        break;
      case 3:
        if (node.is_array()) node.push_back(Json(*nodes[below(nodes.size())]));
        if (node.is_object()) node["x"] = Json(*nodes[below(nodes.size())]);
        break;
      default:
        change_scalar(node);
    }
  }

  void remove_member(Json& node) {
    if (!node.is_structured() || node.empty()) return;
    const auto place = std::next(node.begin(), static_cast<std::ptrdiff_t>(below(node.size())));
    node.erase(place);
  }

  void change_scalar(Json& node) {
    if (node.is_number_integer()) {
      const auto value = static_cast<uint64_t>(node.get<int64_t>());  // wraps around
      const uint64_t values[] = {value + 1, value - 1, value * 2, value / 2, ~value};
      node = static_cast<int64_t>(values[below(5)]);
    } else if (node.is_number_float()) {
      node = node.get<double>() * (below(2) == 0 ? -1.0 : 1000.0);
    } else if (node.is_boolean()) {
      node = !node.get<bool>();
    } else if (node.is_string()) {
      std::string text = node.get<std::string>();
      const size_t size = text.size();
      text.resize(size + 8);
      text.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(text.data()), size, text.size()));
      node = text;
    }
  }

  std::minstd_rand random_;
};

}  // namespace nvlm::fuzz
