#include "decoder/device_map.h"

#include <algorithm>
#include <iomanip>
#include <numeric>
#include <set>
#include <sstream>
#include <stdexcept>

#include "common/error.h"
#include "common/nearest_name.h"

namespace nvlm::decoder {
namespace {

// "9.3 GiB", or MiB below a tenth of that.
std::string size_text(int64_t bytes) {
  constexpr double kMebi = 1 << 20, kGibi = 1 << 30;
  const auto size = static_cast<double>(bytes);
  const bool small = size < kGibi / 10;
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << size / (small ? kMebi : kGibi)
       << (small ? " MiB" : " GiB");
  return text.str();
}

[[noreturn]] void throw_no_room(const PartSizes& sizes, const std::vector<DeviceMemory>& devices) {
  const int64_t largest =
      sizes.layers.empty() ? 0 : *std::max_element(sizes.layers.begin(), sizes.layers.end());
  std::string message =
      "device map: the model needs " + size_text(sizes.total()) +
      " with the cache of its context (" + size_text(sizes.front) + " before the layers, up to " +
      size_text(largest) + " a layer, " + size_text(sizes.tail) + " behind them) and " +
      size_text(sizes.activations) + " more on each device for activations, expected to fit into";
  for (size_t i = 0; i < devices.size(); ++i) {
    message += (i == 0 ? " " : ", ") + devices[i].device.str() + " with " +
               size_text(devices[i].free) + " free";
  }
  throw std::runtime_error(message);
}

// Elements of keys and values for one token in one layer.
int64_t cache_elements(const LlamaConfig& config) { return 2 * config.kv_heads * config.head_dim; }

// A rough upper bound of what lives at the same time. Per token: residual stream, normalised input,
// sum and output; queries, keys, values and the mixed values; gate, up and their product. Logits
// are of one token, once as they come and once in float32.
int64_t activation_elements(const LlamaConfig& config) {
  const int64_t attention = 2 * config.heads * config.head_dim + cache_elements(config);
  const int64_t per_token = 4 * config.hidden + std::max(attention, 3 * config.ffn_hidden);
  return planned_context(config) * per_token + 3 * config.vocab;
}

struct PlacedPart {
  at::Device device;
  int64_t bytes;
};

// Front, layers, tail.
std::vector<PlacedPart> parts_in_order(const DeviceMap& map, const PartSizes& sizes) {
  TORCH_CHECK(map.layers.size() == sizes.layers.size(), "device map: ", map.layers.size(),
              " layers, expected ", sizes.layers.size());
  std::vector<PlacedPart> parts = {{map.front, sizes.front}};
  for (size_t layer = 0; layer < map.layers.size(); ++layer) {
    parts.push_back({map.layers[layer], sizes.layers[layer]});
  }
  parts.push_back({map.tail, sizes.tail});
  return parts;
}

// "the embedding, layers 0 to 3 and the head" of the parts [begin, end).
std::string part_names(size_t begin, size_t end, size_t count) {
  std::vector<std::string> names;
  if (begin == 0) names.emplace_back("the embedding");
  const size_t first = std::max<size_t>(begin, 1), last = std::min(end, count - 1);  // 1-based
  if (first + 1 == last) names.push_back("layer " + std::to_string(first - 1));
  if (first + 1 < last) {
    names.push_back("layers " + std::to_string(first - 1) + " to " + std::to_string(last - 2));
  }
  if (end == count) names.emplace_back("the head");
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " and " : ", ";
    text += names[i];
  }
  return text;
}

}  // namespace

int64_t PartSizes::total() const {
  return std::accumulate(layers.begin(), layers.end(), front + tail);
}

int64_t planned_context(const LlamaConfig& config) {
  return std::min(config.max_position_embeddings, kPlannedContext);
}

int64_t num_elements(const torch::nn::Module& module) {
  std::set<const void*> seen;
  int64_t count = 0;
  for (const Tensor& parameter : module.parameters()) {
    if (seen.insert(parameter.unsafeGetTensorImpl()).second) count += parameter.numel();
  }
  return count;
}

PartSizes part_sizes(const LlamaForCausalLMImpl& model) {
  const LlamaConfig& config = model.config();
  const int64_t cache = planned_context(config) * cache_elements(config);
  PartSizes sizes;
  int64_t in_layers = 0;
  for (const auto& layer : *model.model->layers) {
    const int64_t elements = num_elements(*layer);
    in_layers += elements;
    sizes.layers.push_back(elements + cache);
  }
  sizes.front = model.model->embed_tokens->weight.numel();
  if (!model.model->embed_positions.is_empty()) {
    sizes.front += model.model->embed_positions->weight.numel();
  }
  sizes.tail = num_elements(model) - in_layers - sizes.front;
  sizes.activations = activation_elements(config);
  return sizes;
}

PartSizes in_bytes(const PartSizes& elements, at::ScalarType dtype) {
  const auto width = static_cast<int64_t>(c10::elementSize(dtype));
  PartSizes bytes = elements;
  bytes.front *= width;
  for (int64_t& layer : bytes.layers) layer *= width;
  bytes.tail *= width;
  bytes.activations *= width;
  return bytes;
}

DeviceMap plan_device_map(const PartSizes& sizes, const std::vector<DeviceMemory>& devices) {
  if (devices.empty()) throw std::invalid_argument("device map: no devices, expected at least one");
  size_t current = 0;
  int64_t room = devices[0].free - sizes.activations;
  const auto place = [&](int64_t bytes) {
    while (bytes > room) {
      if (++current == devices.size()) throw_no_room(sizes, devices);
      room = devices[current].free - sizes.activations;
    }
    room -= bytes;
    return devices[current].device;
  };
  DeviceMap map;
  map.front = place(sizes.front);
  for (const int64_t layer : sizes.layers) map.layers.push_back(place(layer));
  map.tail = place(sizes.tail);
  return map;
}

std::string describe(const DeviceMap& map, const PartSizes& sizes) {
  const std::vector<PlacedPart> parts = parts_in_order(map, sizes);
  std::string text = "device map: ";
  for (size_t begin = 0, end = 0; begin < parts.size(); begin = end) {
    int64_t bytes = 0;
    while (end < parts.size() && parts[end].device == parts[begin].device) {
      bytes += parts[end++].bytes;
    }
    text += (begin == 0 ? "" : "; ") + parts[begin].device.str() + " takes " +
            part_names(begin, end, parts.size()) + " (" + size_text(bytes) + ")";
  }
  return text;
}

bool uses_cpu(const DeviceMap& map) {
  return map.front.is_cpu() || map.tail.is_cpu() ||
         std::any_of(map.layers.begin(), map.layers.end(),
                     [](at::Device device) { return device.is_cpu(); });
}

ParameterStyle loading_style(const DeviceMap& map, at::ScalarType dtype) {
  ParameterStyle style{.dtype = dtype, .device = map.front, .initialise = false};
  style.layer_devices = map.layers;
  style.layer_devices.push_back(map.tail);
  return style;
}

PlaceModel on_cpu(at::ScalarType dtype) {
  return [dtype](const PartSizes&) { return ParameterStyle{.dtype = dtype, .initialise = false}; };
}

DeviceMapMode parse_device_map(const std::string& name) {
  if (name == "none") return DeviceMapMode::kNone;
  if (name == "auto") return DeviceMapMode::kAuto;
  throw UsageError("'" + name + "' is no device map, expected none or auto" +
                   did_you_mean(name, {"none", "auto"}));
}

}  // namespace nvlm::decoder
