// Child processes, so many at a time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace nvlm::experiments {

/// One process to run.
struct ProcessJob {
  std::string name;
  std::vector<std::string> command;  // the program's path first
  std::filesystem::path log;         // standard output and error are appended to it
};

/// How a process ended.
struct ProcessEnd {
  int exit_code = 0;  // 128 + the signal's number if a signal ended it
  double seconds = 0;
};

/// Told what happens; any of them may be empty.
struct PoolEvents {
  std::function<void(const ProcessJob&)> started;
  std::function<void(const ProcessJob&, const ProcessEnd&)> ended;
  std::function<void()> tick;  // many times a second
};

/// What the processes of one place have in their environment: names and values.
using PlaceEnvironment = std::vector<std::pair<std::string, std::string>>;

/// Runs all jobs, at most `jobs_at_once` at a time, in their order. Once stop() is true, or a
/// process has ended with another code than 0, no more are started and those that run get a SIGTERM
/// each (which lets a training finish its step and write a checkpoint); they are waited for.
/// places   for processes that must not share a device: of the `jobs_at_once` that run, number i
/// gets
///          the variables of places[i % places.size()]; empty: all have this process's environment
/// returns  whether all of them ended with 0
/// throws   std::runtime_error if a process cannot be started
bool run_processes(const std::vector<ProcessJob>& jobs, int64_t jobs_at_once,
                   const std::function<bool()>& stop, const PoolEvents& events,
                   const std::vector<PlaceEnvironment>& places = {});

/// Ends this process (SIGKILL) as soon as its parent has ended, however that came about; at once if
/// it has ended already. For children, which must not train on beside a later run of the parent.
/// parent  the process that must live
void die_with_parent(pid_t parent);

}  // namespace nvlm::experiments
