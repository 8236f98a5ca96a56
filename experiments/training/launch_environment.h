// What torchrun tells a process about its place among those that train together. The only reader of
// these environment variables.
#pragma once

#include <cstdint>
#include <string>

namespace nvlm::experiments {

struct LaunchEnvironment {
  int64_t rank = 0;           // 0 .. world_size - 1, over all machines
  int64_t world_size = 1;     // processes that train together
  int64_t local_rank = 0;     // among the processes of this machine
  int64_t restarts = 0;       // how often the launcher has started the processes again
  std::string store_address;  // where the processes find each other; empty if there is one only
  int64_t store_port = 0;
  bool launcher_has_store = false;  // else the process of rank 0 opens it
};

/// Reads RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT, TORCHELASTIC_USE_AGENT_STORE and
/// TORCHELASTIC_RESTART_COUNT, as torchrun sets them. Without RANK and WORLD_SIZE the process is
/// alone; LOCAL_RANK, if missing, is RANK.
/// throws  UsageError naming the variable that is missing or has no sensible value
LaunchEnvironment launch_environment();

/// The device of one process: "cuda" becomes "cuda:<local rank>" where several train together.
/// throws  UsageError if all processes would use one and the same GPU ("cuda:1")
std::string device_of_process(const std::string& device, const LaunchEnvironment& environment);

}  // namespace nvlm::experiments
