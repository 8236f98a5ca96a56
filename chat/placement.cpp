#include "chat/placement.h"

#include <utility>

#include "common/device.h"
#include "common/logging.h"

namespace nvlm::chat {

decoder::PlaceModel placement_over(std::vector<DeviceMemory> devices, const std::string& dtype) {
  const at::ScalarType preferred = compute_dtype(devices.front().device, dtype);
  const at::ScalarType on_processor = compute_dtype(at::kCPU, dtype);
  return [=, devices = std::move(devices)](const decoder::PartSizes& elements) {
    const auto planned = [&](at::ScalarType chosen) {
      return decoder::plan_device_map(decoder::in_bytes(elements, chosen), devices);
    };
    at::ScalarType chosen = preferred;
    decoder::DeviceMap map = planned(chosen);
    if (decoder::uses_cpu(map) && on_processor != chosen) {
      chosen = on_processor;
      map = planned(chosen);
    }
    log_info(decoder::describe(map, decoder::in_bytes(elements, chosen)));
    return decoder::loading_style(map, chosen);
  };
}

decoder::PlaceModel placement(const ChatModelOptions& options) {
  if (options.device_map == decoder::DeviceMapMode::kAuto) {
    return placement_over(device_memories(), options.dtype);
  }
  const at::Device device = parse_device(options.device);
  const at::ScalarType dtype = compute_dtype(device, options.dtype);
  return [device, dtype](const decoder::PartSizes&) {
    return ParameterStyle{.dtype = dtype, .device = device, .initialise = false};
  };
}

}  // namespace nvlm::chat
