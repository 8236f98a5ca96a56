// Turns SIGINT and SIGTERM into a flag, so that a training step can be finished first.
#pragma once

#include <csignal>

namespace nvlm {

/// While one lives, SIGTERM and the first SIGINT only set requested(); a second SIGINT acts as
/// usual. Previous handlers come back at the end. At most one may live at a time.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  bool requested() const;

 private:
  struct sigaction previous_interrupt_, previous_terminate_;
};

}  // namespace nvlm
