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

RunningProcess start_process(const ProcessJob& job) {
  std::vector<std::string> words = job.command;
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const SpawnFiles files(job.log);
  pid_t id = 0;
  const int error =
      posix_spawn(&id, arguments.front(), files.get(), nullptr, arguments.data(), environ);
  if (error != 0) {
    throw std::runtime_error("cannot start '" + job.command.front() + "' for " + job.name +
                             " (log '" + job.log.string() + "'): " + std::strerror(error));
  }
  return {id, &job, PoolClock::now()};
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

  void start(const ProcessJob& job) { running_.push_back(start_process(job)); }

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
  std::vector<RunningProcess> running_;
};

}  // namespace

bool run_processes(const std::vector<ProcessJob>& jobs, int64_t jobs_at_once,
                   const std::function<bool()>& stop, const PoolEvents& events) {
  RunningProcesses running;
  size_t next = 0;
  bool stopping = false, all_well = true;
  while (running.size() > 0 || (next < jobs.size() && !stopping)) {
    while (!stopping && next < jobs.size() &&
           static_cast<int64_t>(running.size()) < std::max<int64_t>(1, jobs_at_once)) {
      running.start(jobs[next]);
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
