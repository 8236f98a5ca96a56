#include "common/peak_memory.h"

#include <sys/resource.h>

#include <fstream>
#include <string>

namespace nvlm {

namespace {

/// A figure of /proc/self/status that is given in KiB; 0 where there is none.
int64_t status_bytes(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name)) return std::stoll(line.substr(name.size())) * 1024;
  }
  return 0;
}

}  // namespace

int64_t memory_bytes() { return status_bytes("VmRSS:"); }

int64_t peak_memory_bytes() {
  if (const int64_t bytes = status_bytes("VmHWM:"); bytes > 0) return bytes;
  struct rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;  // ru_maxrss is in KiB
}

bool reset_peak_memory() {
  std::ofstream clear("/proc/self/clear_refs");
  clear << "5";  // VmHWM; see proc(5)
  return static_cast<bool>(clear.flush());
}

}  // namespace nvlm
