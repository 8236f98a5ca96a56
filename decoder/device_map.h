// Which layer of a model lies on which device, where one device cannot hold them all.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/device.h"
#include "common/parameter_scope.h"
#include "decoder/llama.h"

namespace nvlm::decoder {

/// Sizes of what a device map places whole: in elements of the compute dtype, or in bytes.
struct PartSizes {
  int64_t front = 0;  // embedding (a tied head too), and all that stands before the decoder
  std::vector<int64_t> layers;  // each with the block before it and its keys and values
  int64_t tail = 0;             // block after the last layer, final norm, and a head of its own
  int64_t activations = 0;      // of one forward pass; kept free on every device in use

  int64_t total() const;  // without activations
};

/// Where the parts lie.
struct DeviceMap {
  at::Device front = at::kCPU;
  std::vector<at::Device> layers;
  at::Device tail = at::kCPU;
};

/// The tokens for which a placed model keeps room beside its weights, in one sample: its context,
/// but no more than this. Longer prompts and batches may outgrow a full device.
inline constexpr int64_t kPlannedContext = 8192;

/// Counts elements: parameters, keys and values of planned_context() tokens, and what the widest
/// layer and the logits of the last token hold during a pass over them.
/// model  may be on the meta device
PartSizes part_sizes(const LlamaForCausalLMImpl& model);

/// min(max_position_embeddings, kPlannedContext)
int64_t planned_context(const LlamaConfig& config);

/// The number of elements of a module's parameters; of shared ones each counts once.
int64_t num_elements(const torch::nn::Module& module);

PartSizes in_bytes(const PartSizes& elements, at::ScalarType dtype);

/// Fills the devices in their order with whole layers: the front on the first, every further part
/// where the one before it lies or, if that device is full, on the next with room.
/// sizes    in bytes
/// devices  in order of preference, at least one
/// throws   std::runtime_error with what is needed and what each device has, if not all parts fit
DeviceMap plan_device_map(const PartSizes& sizes, const std::vector<DeviceMemory>& devices);

/// One line: "device map: cuda:0 takes the embedding and layers 0 to 11 (9.3 GiB); cpu takes layers
/// 12 to 15 and the head (2.1 GiB)".
std::string describe(const DeviceMap& map, const PartSizes& sizes);

/// Whether some part lies on the CPU.
bool uses_cpu(const DeviceMap& map);

/// How modules are to be made so that they lie where the map says, for weights that are loaded
/// next.
ParameterStyle loading_style(const DeviceMap& map, at::ScalarType dtype);

/// Decides how a model is made, once its sizes (in elements) are known and before it takes memory.
using PlaceModel = std::function<ParameterStyle(const PartSizes&)>;

/// Everything on the CPU in this dtype: what a loader does unless it is told where.
PlaceModel on_cpu(at::ScalarType dtype);

/// What --device-map says.
enum class DeviceMapMode { kNone, kAuto };

/// "none": one device; "auto": plan_device_map over device_memories().
/// throws  UsageError for another name
DeviceMapMode parse_device_map(const std::string& name);

}  // namespace nvlm::decoder
