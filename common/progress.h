// Progress of long work on stderr: a bar on a terminal, a plain line every few seconds in a pipe.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace nvlm {

/// Shows how much is done, the rate and the time left. Not thread-safe.
class Progress {
 public:
  /// what   "train", "render", ...
  /// total  units of work; 0 or less: unknown, so there is neither a percentage nor a time left
  Progress(std::string what, int64_t total);
  /// Ends the line on a terminal if finish() was not called (an exception).
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Cheap enough to call for every unit: draws at most ten times a second on a terminal, and every
  /// five seconds in a pipe. `note` stands at the end of the line ("loss 2.31").
  void update(int64_t done, const std::string& note = "");
  /// The last line: what was done, the time it took and the rate. Further calls do nothing.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  void draw(bool last);

  std::string what_;
  int64_t total_;
  int64_t done_ = 0;
  int64_t first_ = -1;  // `done` of the first update: a resumed run starts there
  std::string note_;
  bool terminal_;
  bool finished_ = false;
  bool drawn_ = false;
  Clock::time_point start_;
  Clock::time_point last_draw_;
};

/// "1:23:45" or "3:07"; "-" for a negative or not finite number of seconds.
std::string format_duration(double seconds);

}  // namespace nvlm
