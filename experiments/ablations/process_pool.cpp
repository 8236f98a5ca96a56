#include "experiments/ablations/process_pool.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <thread>

extern char** environ;

namespace nvlm::experiments {
namespace {

using PoolClock = std::chrono::steady_clock;

struct RunningProcess {
  pid_t id;
  size_t place;
  const ProcessJob* job;
  PoolClock::time_point start;
};

/// Standard output and error go to `log`, standard input is empty.
class SpawnFiles {
 public:
  explicit SpawnFiles(const std::filesystem::path& log) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, log.c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0644);
    posix_spawn_file_actions_adddup2(&actions_, STDOUT_FILENO, STDERR_FILENO);
  }
  ~SpawnFiles() { posix_spawn_file_actions_destroy(&actions_); }
  SpawnFiles(const SpawnFiles&) = delete;
  SpawnFiles& operator=(const SpawnFiles&) = delete;

  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

/// This process's variables, with those of the place in front: the first of a name counts.
std::vector<std::string> environment_with(const PlaceEnvironment& added) {
  std::vector<std::string> variables;
  for (const auto& [name, value] : added) variables.push_back(name + "=" + value);
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    const std::string name = text.substr(0, text.find('='));
    const bool is_replaced = std::any_of(added.begin(), added.end(),
                                         [&](const auto& entry) { return entry.first == name; });
    if (!is_replaced) variables.push_back(text);
  }
  return variables;
}

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

RunningProcess start_process(const ProcessJob& job, size_t place, const PlaceEnvironment& added) {
  std::vector<std::string> words = job.command;
  const std::vector<char*> arguments = pointers_to(words);
  std::vector<std::string> variables = environment_with(added);
  const SpawnFiles files(job.log);
  pid_t id = 0;
  const int error = posix_spawn(&id, arguments.front(), files.get(), nullptr, arguments.data(),
                                pointers_to(variables).data());
  if (error != 0) {
    throw std::runtime_error("cannot start '" + job.command.front() + "' for " + job.name +
                             " (log '" + job.log.string() + "'): " + std::strerror(error));
  }
  return {id, place, &job, PoolClock::now()};
}

/// How the process ended; nothing while it runs.
std::optional<ProcessEnd> poll_end(const RunningProcess& process) {
  int status = 0;
  if (waitpid(process.id, &status, WNOHANG) != process.id) return std::nullopt;
  const double seconds = std::chrono::duration<double>(PoolClock::now() - process.start).count();
  if (WIFSIGNALED(status)) return ProcessEnd{128 + WTERMSIG(status), seconds};
  return ProcessEnd{WEXITSTATUS(status), seconds};
}

/// The processes of one call; none of them outlives it.
class RunningProcesses {
 public:
  RunningProcesses() = default;
  ~RunningProcesses() {
    terminate();
    for (const RunningProcess& process : running_) waitpid(process.id, nullptr, 0);
  }
  RunningProcesses(const RunningProcesses&) = delete;
  RunningProcesses& operator=(const RunningProcesses&) = delete;

  size_t size() const { return running_.size(); }

  void start(const ProcessJob& job, const std::vector<PlaceEnvironment>& places) {
    const size_t place = free_place();
    running_.push_back(start_process(
        job, place, places.empty() ? PlaceEnvironment() : places[place % places.size()]));
  }

  void terminate() const {
    for (const RunningProcess& process : running_) kill(process.id, SIGTERM);
  }

  /// Those that have ended since the last call.
  std::vector<std::pair<const ProcessJob*, ProcessEnd>> take_ended() {
    std::vector<std::pair<const ProcessJob*, ProcessEnd>> ended;
    std::erase_if(running_, [&](const RunningProcess& process) {
      const std::optional<ProcessEnd> end = poll_end(process);
      if (end) ended.emplace_back(process.job, *end);
      return end.has_value();
    });
    return ended;
  }

 private:
  size_t free_place() const {
    size_t place = 0;
    const auto is_taken = [&](const RunningProcess& process) { return process.place == place; };
    while (std::any_of(running_.begin(), running_.end(), is_taken)) ++place;
    return place;
  }

  std::vector<RunningProcess> running_;
};

}  // namespace

bool run_processes(const std::vector<ProcessJob>& jobs, int64_t jobs_at_once,
                   const std::function<bool()>& stop, const PoolEvents& events,
                   const std::vector<PlaceEnvironment>& places) {
  RunningProcesses running;
  size_t next = 0;
  bool stopping = false, all_well = true;
  while (running.size() > 0 || (next < jobs.size() && !stopping)) {
    while (!stopping && next < jobs.size() &&
           static_cast<int64_t>(running.size()) < std::max<int64_t>(1, jobs_at_once)) {
      running.start(jobs[next], places);
      if (events.started) events.started(jobs[next]);
      ++next;
    }
    for (const auto& [job, end] : running.take_ended()) {
      if (events.ended) events.ended(*job, end);
      all_well = all_well && end.exit_code == 0;
    }
    if (!stopping && (!all_well || stop())) {
      stopping = true;
      running.terminate();
    }
    if (events.tick) events.tick();
    if (running.size() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return all_well && next == jobs.size();
}

void die_with_parent(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) kill(getpid(), SIGKILL);
}

}  // namespace nvlm::experiments
