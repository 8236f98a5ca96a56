#include "common/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <dlfcn.h>
#include <link.h>
#include <sched.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "common/error.h"
#include "common/logging.h"
#include "common/nearest_name.h"

namespace nvlm {
namespace {

// The value of the first "<key> : value" line of /proc/cpuinfo, or "".
std::string cpuinfo_line(const std::string& key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (line.compare(0, key.size(), key) != 0 || colon == std::string::npos) continue;
    if (line.find_first_not_of(" \t", key.size()) != colon) continue;
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

std::set<std::string> processor_flags() {
  std::string line = cpuinfo_line("flags");
  if (line.empty()) line = cpuinfo_line("Features");  // ARM
  std::istringstream words(line);
  std::set<std::string> flags;
  for (std::string word; words >> word;) flags.insert(word);
  return flags;
}

// Whole processors that the cgroup's quota allows, or 0 without a quota.
int quota_threads() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  double quota = 0, period = 0;
  if (!(file >> quota >> period) || quota <= 0 || period <= 0) return 0;
  return std::max(1, static_cast<int>(std::ceil(quota / period)));
}

// The folder of the libtorch_cpu that this program uses.
std::filesystem::path libtorch_folder() {
  void* library = dlopen("libtorch_cpu.so", RTLD_LAZY | RTLD_NOLOAD);
  link_map* map = nullptr;
  if (library == nullptr || dlinfo(library, RTLD_DI_LINKMAP, &map) != 0) {
    throw std::runtime_error("CUDA: cannot find out where LibTorch lies");
  }
  const std::filesystem::path path = map->l_name;
  dlclose(library);
  return path.parent_path();
}

void load_cuda() {
  static const bool loaded = [] {
    const std::filesystem::path library = libtorch_folder() / "libtorch_cuda.so";
    if (!std::filesystem::exists(library)) {
      throw std::runtime_error("CUDA: this LibTorch has no CUDA back end (no '" + library.string() +
                               "'); use --device cpu or install a CUDA build");
    }
    if (dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) {
      const char* reason = dlerror();
      throw std::runtime_error(std::string("CUDA: cannot load the back end: ") +
                               (reason != nullptr ? reason : "unknown reason") +
                               "; install the NVIDIA packages of the LibTorch wheel");
    }
    return true;
  }();
  static_cast<void>(loaded);
  if (!at::detail::getCUDAHooks().hasCUDART()) {
    throw std::runtime_error("CUDA: the back end was loaded after LibTorch had looked for it; " +
                             std::string("choose the device before any other work"));
  }
}

at::Device cuda_device(const std::string& text) {
  load_cuda();
  const int count = at::detail::getCUDAHooks().getNumGPUs();
  if (count <= 0) {
    throw std::runtime_error("CUDA: no usable GPU (is a driver installed?); use --device cpu");
  }
  const int index = text == "cuda" ? 0 : std::stoi(text.substr(5));
  if (index >= count) {
    throw std::runtime_error("CUDA: there is no device " + std::to_string(index) + ", only 0 to " +
                             std::to_string(count - 1));
  }
  return at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(index));
}

// 0 where CUDA cannot be used. Without a driver the back end, a gigabyte, is not even loaded.
int usable_gpus() {
  void* driver = dlopen("libcuda.so.1", RTLD_LAZY);
  if (driver == nullptr) {
    log_debug("CUDA: there is no driver (libcuda.so.1)");
    return 0;
  }
  dlclose(driver);
  try {
    load_cuda();
  } catch (const std::runtime_error& error) {
    log_debug(error.what());
    return 0;
  }
  return std::max(0, at::detail::getCUDAHooks().getNumGPUs());
}

int64_t free_gpu_memory(c10::DeviceIndex index) {
  at::globalContext().lazyInitDevice(at::kCUDA);
  const size_t free = c10::getDeviceAllocator(at::kCUDA)->getMemoryInfo(index).first;
  return static_cast<int64_t>(free / 10 * 9);
}

int64_t free_main_memory() {
  std::ifstream file("/proc/meminfo");
  const std::string key = "MemAvailable:";
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(key, 0) != 0) continue;
    return std::strtoll(line.c_str() + key.size(), nullptr, 10) * 1024;  // the file counts in kB
  }
  throw std::runtime_error("/proc/meminfo has no MemAvailable, expected the free memory in kB");
}

bool is_cuda_name(const std::string& text) {
  if (text == "cuda") return true;
  return text.size() >= 6 && text.size() <= 7 && text.rfind("cuda:", 0) == 0 &&
         text.find_first_not_of("0123456789", 5) == std::string::npos;
}

}  // namespace

int available_threads() {
  cpu_set_t allowed;
  int threads = static_cast<int>(std::thread::hardware_concurrency());
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) threads = CPU_COUNT(&allowed);
  if (const int quota = quota_threads(); quota > 0) threads = std::min(threads, quota);
  if (const char* asked = std::getenv("OMP_NUM_THREADS"); asked != nullptr) {
    if (const int limit = std::atoi(asked); limit > 0) threads = std::min(threads, limit);
  }
  return std::max(threads, 1);
}

void set_threads(int threads) {
  if (threads < 0) {
    throw UsageError("the number of threads is " + std::to_string(threads) +
                     ", expected 0 (all) or more");
  }
  at::set_num_threads(threads == 0 ? available_threads() : threads);
}

int num_threads() { return at::get_num_threads(); }

std::string processor_name() {
  const std::string name = cpuinfo_line("model name");
  return name.empty() ? "unknown" : name;
}

std::string processor_features() {
  const std::set<std::string> flags = processor_flags();
  std::string result;
  for (const char* feature : {"avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16",
                              "amx_tile", "amx_bf16", "amx_int8", "asimd", "sve", "bf16"}) {
    if (flags.count(feature) > 0) result += (result.empty() ? "" : " ") + std::string(feature);
  }
  return result.empty() ? "none" : result;
}

bool processor_has_fast_bfloat16() {
  static const bool has = [] {
    const std::set<std::string> flags = processor_flags();
    return flags.count("avx512_bf16") > 0 || flags.count("amx_bf16") > 0;
  }();
  return has;
}

at::Device parse_device(const std::string& text) {
  if (text == "cpu") return at::Device(at::kCPU);
  if (is_cuda_name(text)) return cuda_device(text);
  throw UsageError("'" + text + "' is no device, expected cpu, cuda or cuda:<number>");
}

std::vector<DeviceMemory> device_memories() {
  std::vector<DeviceMemory> memories;
  const int gpus = usable_gpus();
  for (int i = 0; i < gpus; ++i) {
    const auto index = static_cast<c10::DeviceIndex>(i);
    memories.push_back({at::Device(at::kCUDA, index), free_gpu_memory(index)});
  }
  memories.push_back({at::Device(at::kCPU), free_main_memory()});
  return memories;
}

at::ScalarType compute_dtype(at::Device device, const std::string& request) {
  if (request == "float32") return at::kFloat;
  if (request == "bfloat16") return at::kBFloat16;
  if (request == "auto") {
    return device.is_cuda() || processor_has_fast_bfloat16() ? at::kBFloat16 : at::kFloat;
  }
  throw UsageError("'" + request + "' is no compute dtype, expected auto, float32 or bfloat16" +
                   did_you_mean(request, {"auto", "float32", "bfloat16"}));
}

}  // namespace nvlm
