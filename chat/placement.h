// On which devices, and in which dtype, a chat model is loaded.
#pragma once

#include "chat/chat_model.h"
#include "decoder/device_map.h"

namespace nvlm::chat {

/// What the options say about device and dtype, as the loaders of all families take it. Devices are
/// looked up here, before any other work. With a device map the plan is logged when it is made; the
/// dtype "auto" is then bfloat16 if every device that the plan uses computes fast in it.
/// throws   UsageError for an unknown device or dtype; std::runtime_error if the device is not
///          there, and, once the sizes of a model are known, if it has no room
decoder::PlaceModel placement(const ChatModelOptions& options);

/// The same over these devices, whatever device the options name.
decoder::PlaceModel placement_over(std::vector<DeviceMemory> devices, const std::string& dtype);

}  // namespace nvlm::chat
