#include "experiments/training/state_misfits.h"

namespace nvlm::experiments {

std::string state_misfits(const std::map<std::string, Tensor>& own,
                          const std::map<std::string, Tensor>& stored) {
  std::string findings;
  for (const auto& [name, tensor] : own) {
    const auto found = stored.find(name);
    if (found == stored.end()) {
      findings += "\n  missing: " + name;
    } else if (found->second.sizes() != tensor.sizes()) {
      findings += "\n  " + name + " is " + c10::str(found->second.sizes()) + ", expected " +
                  c10::str(tensor.sizes());
    }
  }
  for (const auto& [name, tensor] : stored) {
    if (own.count(name) == 0) findings += "\n  unexpected: " + name;
  }
  return findings;
}

}  // namespace nvlm::experiments
