#include "common/peak_memory.h"

#include <sys/resource.h>

#include <fstream>
#include <string>

namespace nvlm {

int64_t peak_memory_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6)) * 1024;
  }
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
