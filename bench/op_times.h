// Where the time of a piece of work goes, by operator.
#pragma once

#include <functional>
#include <map>
#include <string>

namespace nvlm::bench {

struct OpTime {
  double seconds = 0;  // in the operator itself, without those that it calls
  int64_t calls = 0;
};

/// Runs `work` and sums up what LibTorch's operators take on this thread; autograd's nodes on a
/// processor run on it, too. "outside" is what no operator covers.
std::map<std::string, OpTime> op_times(const std::function<void()>& work);

}  // namespace nvlm::bench
