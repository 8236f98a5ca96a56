#include "experiments/training/compute_peak.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include "common/device.h"
#include "experiments/efficiency/floors.h"
#include "experiments/training/training_state.h"

namespace nvlm::experiments {
namespace {

struct PublishedPeak {
  std::string_view name;  // part of the driver's name; the first match counts
  double bfloat16, float32;
};

// Without sparsity. source: NVIDIA's data sheets "H100 Tensor Core GPU", "H200 Tensor Core GPU",
// "A100 Tensor Core GPU", "L40S", "L4 Tensor Core GPU"; where a sheet gives bfloat16 with sparsity,
// half of it.
constexpr std::array<PublishedPeak, 7> kPublishedPeaks = {{{"H100 PCIe", 756e12, 51e12},
                                                           {"H100 NVL", 835e12, 60e12},
                                                           {"H100", 989e12, 67e12},
                                                           {"H200", 989e12, 67e12},
                                                           {"A100", 312e12, 19.5e12},
                                                           {"L40S", 362e12, 91.6e12},
                                                           {"L4", 121e12, 30.3e12}}};

/// The driver's names of all GPUs, in order of their bus; empty where /proc does not say.
std::vector<std::string> gpu_names() {
  const std::filesystem::path root = "/proc/driver/nvidia/gpus";
  std::map<std::string, std::string> by_bus;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(root, none)) {
    std::ifstream file(entry.path() / "information");
    for (std::string line; std::getline(file, line);) {
      if (!line.starts_with("Model:")) continue;
      const size_t begin = line.find_first_not_of(" \t", line.find(':') + 1);
      if (begin != std::string::npos) by_bus[entry.path().filename()] = line.substr(begin);
    }
  }
  std::vector<std::string> names;
  for (const auto& [bus, name] : by_bus) names.push_back(name);
  return names;
}

/// The name that all GPUs of this machine share; "" if they differ, for then the order of the bus
/// need not be the driver's.
std::string common_gpu_name() {
  const std::vector<std::string> names = gpu_names();
  for (const std::string& name : names) {
    if (name != names.front()) return "";
  }
  return names.empty() ? "" : names.front();
}

double measured_peak(at::ScalarType dtype) {
  static std::mutex mutex;
  static std::map<std::pair<at::ScalarType, int>, double> measured;
  const std::lock_guard<std::mutex> lock(mutex);
  const auto [place, is_new] = measured.emplace(std::pair{dtype, num_threads()}, 0);
  if (is_new) {
    // The matrices are random; the training's own numbers must not depend on them.
    const auto random = random_state(at::kCPU);
    place->second = matmul_peak(dtype, at::kCPU);
    set_random_state(at::kCPU, random);
  }
  return place->second;
}

}  // namespace

std::optional<double> published_peak(const std::string& gpu, at::ScalarType dtype) {
  for (const PublishedPeak& peak : kPublishedPeaks) {
    if (gpu.find(peak.name) == std::string::npos) continue;
    return dtype == at::kFloat ? peak.float32 : peak.bfloat16;
  }
  return std::nullopt;
}

std::optional<double> compute_peak(at::Device device, at::ScalarType dtype) {
  if (device.is_cpu()) return measured_peak(dtype);
  return published_peak(common_gpu_name(), dtype);
}

}  // namespace nvlm::experiments
