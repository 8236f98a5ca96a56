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
  /// already_done  where a resumed run starts; not counted in the rate
  Progress(std::string what, int64_t total, int64_t already_done = 0);
  /// Ends the line on a terminal if finish() was not called (an exception).
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Cheap enough to call for every unit: draws at most ten times a second on a terminal, and every
  /// five seconds in a pipe.
  /// done  of all the work, the part done before included
  /// note  ends the line ("loss 2.31")
  void update(int64_t done, const std::string& note = "");
  /// The last line: what was done, the time it took and the rate. Further calls do nothing.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  void draw(bool last);

  std::string what_;
  int64_t total_;
  int64_t first_;
  int64_t done_;
  std::string note_;
  bool terminal_;
  bool finished_ = false;
  bool drawn_ = false;
  Clock::time_point start_;
  Clock::time_point last_draw_;
};

/// The line that Progress shows, without its end.
/// total    0 or less: unknown
/// rate     units per second; 0 or less: not known yet
/// seconds  time taken so far
/// bar      with a bar of characters
/// last     the time taken in place of the time left
std::string progress_line(const std::string& what, int64_t done, int64_t total, double rate,
                          double seconds, const std::string& note, bool bar, bool last);

/// "1:23:45" or "3:07"; "-" for a negative or not finite number of seconds.
std::string format_duration(double seconds);

}  // namespace nvlm
