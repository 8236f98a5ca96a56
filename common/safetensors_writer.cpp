#include <algorithm>
#include <stdexcept>
#include <utility>

#include "common/atomic_file.h"
#include "common/json.h"
#include "common/safetensors.h"

namespace nvlm {
namespace {

using NamedTensor = std::pair<std::string, Tensor>;

// Large elements first, so that every tensor is aligned.
std::vector<NamedTensor> in_file_order(const std::map<std::string, Tensor>& tensors) {
  std::vector<NamedTensor> order(tensors.begin(), tensors.end());
  std::stable_sort(order.begin(), order.end(), [](const NamedTensor& a, const NamedTensor& b) {
    return a.second.element_size() > b.second.element_size();
  });
  return order;
}

void check_writable(const std::map<std::string, Tensor>& tensors) {
  for (const auto& [name, tensor] : tensors) {
    if (name == "__metadata__") {
      throw std::invalid_argument("safetensors: '__metadata__' cannot name a tensor");
    }
    if (!tensor.defined()) {
      throw std::invalid_argument("safetensors: tensor '" + name + "' is undefined");
    }
    if (tensor.layout() != at::kStrided || safetensors_dtype_name(tensor.scalar_type()).empty()) {
      throw std::invalid_argument("safetensors: tensor '" + name + "' is " + tensor.toString() +
                                  ", which the format cannot hold");
    }
  }
}

std::string make_header(const std::vector<NamedTensor>& order,
                        const std::map<std::string, std::string>& metadata) {
  Json root = Json::object();
  if (!metadata.empty()) root["__metadata__"] = metadata;
  uint64_t begin = 0;
  for (const auto& [name, tensor] : order) {
    const uint64_t end = begin + static_cast<uint64_t>(tensor.nbytes());
    root[name] = {{"dtype", safetensors_dtype_name(tensor.scalar_type())},
                  {"shape", tensor.sizes().vec()},
                  {"data_offsets", {begin, end}}};
    begin = end;
  }
  try {
    std::string header = root.dump();
    header.append((8 - header.size() % 8) % 8, ' ');
    return header;
  } catch (const Json::exception&) {
    throw std::invalid_argument("safetensors: a tensor name or the metadata is not UTF-8");
  }
}

}  // namespace

void write_safetensors(const std::filesystem::path& path,
                       const std::map<std::string, Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  check_writable(tensors);
  const std::vector<NamedTensor> order = in_file_order(tensors);
  const std::string header = make_header(order, metadata);
  const uint64_t header_bytes = header.size();
  AtomicFile file(path);
  file.stream().write(reinterpret_cast<const char*>(&header_bytes), sizeof header_bytes);
  file.stream().write(header.data(), static_cast<std::streamsize>(header.size()));
  for (const auto& [name, tensor] : order) {
    const Tensor plain = tensor.detach().resolve_neg().to(at::kCPU).contiguous();
    file.stream().write(static_cast<const char*>(plain.const_data_ptr()),
                        static_cast<std::streamsize>(plain.nbytes()));
  }
  file.commit();
}

}  // namespace nvlm
