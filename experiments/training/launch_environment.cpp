#include "experiments/training/launch_environment.h"

#include <charconv>
#include <cstdlib>
#include <limits>
#include <optional>

#include "common/error.h"

namespace nvlm::experiments {
namespace {

constexpr int64_t kMostProcesses = 1 << 20;
constexpr int64_t kMostPorts = 65535;

std::optional<std::string> launch_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

std::string required_variable(const std::string& name) {
  const std::optional<std::string> value = launch_variable(name);
  if (!value || value->empty()) {
    throw UsageError("environment variable " + name +
                     " is not set, but others of torchrun's are; start with torchrun, or unset "
                     "RANK and WORLD_SIZE to train in one process");
  }
  return *value;
}

int64_t launch_number(const std::string& name, const std::string& text, int64_t low, int64_t high) {
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end || value < low || value > high) {
    throw UsageError("environment variable " + name + " is '" + text + "', expected " +
                     std::to_string(low) + " to " + std::to_string(high));
  }
  return value;
}

}  // namespace

LaunchEnvironment launch_environment() {
  LaunchEnvironment environment;
  if (!launch_variable("RANK") && !launch_variable("WORLD_SIZE")) return environment;
  environment.world_size =
      launch_number("WORLD_SIZE", required_variable("WORLD_SIZE"), 1, kMostProcesses);
  environment.rank =
      launch_number("RANK", required_variable("RANK"), 0, environment.world_size - 1);
  environment.local_rank = launch_number(
      "LOCAL_RANK", launch_variable("LOCAL_RANK").value_or(std::to_string(environment.rank)), 0,
      environment.world_size - 1);
  environment.restarts = launch_number("TORCHELASTIC_RESTART_COUNT",
                                       launch_variable("TORCHELASTIC_RESTART_COUNT").value_or("0"),
                                       0, std::numeric_limits<int32_t>::max());
  if (environment.world_size == 1) return environment;
  environment.store_address = required_variable("MASTER_ADDR");
  environment.store_port =
      launch_number("MASTER_PORT", required_variable("MASTER_PORT"), 1, kMostPorts);
  environment.launcher_has_store =
      launch_variable("TORCHELASTIC_USE_AGENT_STORE").value_or("") == "True";
  return environment;
}

std::string device_of_process(const std::string& device, const LaunchEnvironment& environment) {
  if (environment.world_size == 1) return device;
  if (device == "cuda") return "cuda:" + std::to_string(environment.local_rank);
  if (device.starts_with("cuda:")) {
    throw UsageError("train.device is " + device + ", but " +
                     std::to_string(environment.world_size) +
                     " processes train together; with 'cuda' each takes the GPU of its LOCAL_RANK");
  }
  return device;
}

}  // namespace nvlm::experiments
