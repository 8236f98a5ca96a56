#include "experiments/training/run_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "common/atomic_file.h"
#include "common/error.h"
#include "experiments/training/trainer.h"

namespace nvlm::experiments {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLockName = ".lock";
constexpr const char* kStepPrefix = "step_";
constexpr const char* kTemporaryPrefix = ".writing_";

[[noreturn]] void throw_run_dir_error(const std::string& what, const fs::path& path, int error) {
  throw std::runtime_error("run directory: " + what + " '" + path.string() +
                           "': " + std::strerror(error));
}

void sync_to_disk(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw_run_dir_error("cannot open", path, errno);
  const int result = ::fsync(file);
  const int error = errno;
  ::close(file);
  if (result != 0) throw_run_dir_error("cannot sync", path, error);
}

void sync_tree(const fs::path& dir) {
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    if (entry.is_regular_file() || entry.is_directory()) sync_to_disk(entry.path());
  }
  sync_to_disk(dir);
}

/// N of "step_N", or nothing.
std::optional<int64_t> step_of(const fs::path& checkpoint) {
  const std::string name = checkpoint.filename().string();
  const std::string prefix = kStepPrefix;
  if (name.compare(0, prefix.size(), prefix) != 0) return std::nullopt;
  int64_t step = 0;
  const char* end = name.data() + name.size();
  const auto result = std::from_chars(name.data() + prefix.size(), end, step);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return step;
}

/// Checkpoints by step.
std::vector<std::pair<int64_t, fs::path>> checkpoints_in(const fs::path& dir) {
  std::vector<std::pair<int64_t, fs::path>> found;
  if (!fs::is_directory(dir)) return found;
  for (const auto& entry : fs::directory_iterator(dir)) {
    const std::optional<int64_t> step = step_of(entry.path());
    if (step && entry.is_directory() && !entry.is_symlink()) found.emplace_back(*step, entry);
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// Lets the link `name` beside the checkpoint name it.
void point_at(const fs::path& checkpoint, const std::string& name) {
  const fs::path temporary = checkpoint.parent_path() / (kTemporaryPrefix + name);
  fs::remove(temporary);
  fs::create_directory_symlink(checkpoint.filename(), temporary);
  fs::rename(temporary, checkpoint.parent_path() / name);
  sync_to_disk(checkpoint.parent_path());
}

}  // namespace

void require_fresh_run_dir(const fs::path& run_dir) {
  if (!fs::exists(run_dir)) return;
  if (!fs::is_directory(run_dir)) {
    throw UsageError("run directory: '" + run_dir.string() + "' is a file, expected a folder");
  }
  for (const auto& entry : fs::directory_iterator(run_dir)) {
    const std::string name = entry.path().filename().string();
    if (name == "config.ini" || name == "manifest.json" || name == "tokenizer.json" ||
        name == kLockName) {
      continue;
    }
    throw UsageError("run directory: '" + run_dir.string() + "' is in use (it holds '" + name +
                     "'); resume that run or name another folder");
  }
}

FileLock::FileLock(const fs::path& path)
    : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
  if (file_ < 0) throw_run_dir_error("cannot write", path, errno);
}

FileLock::~FileLock() { ::close(file_); }

bool FileLock::try_lock() { return ::flock(file_, LOCK_EX | LOCK_NB) == 0; }

RunDir::RunDir(fs::path path, bool resume) : path_(std::move(path)) {
  if (resume && !fs::is_directory(path_)) {
    throw UsageError("run directory: nothing to resume, '" + path_.string() +
                     "' is not an existing folder");
  }
  if (!resume) require_fresh_run_dir(path_);
  fs::create_directories(path_);
  lock_.emplace(path_ / kLockName);
  if (!lock_->try_lock()) {
    throw UsageError("run directory: another process trains in '" + path_.string() + "'");
  }
  fs::create_directories(path_ / "checkpoints");
  for (const auto& entry : fs::directory_iterator(path_ / "checkpoints")) {
    if (entry.path().filename().string().rfind(kTemporaryPrefix, 0) == 0) {
      fs::remove_all(entry.path());  // left by a run that was killed while writing
    }
  }
}

std::optional<fs::path> RunDir::latest_checkpoint() const {
  const fs::path link = path_ / "checkpoints" / "latest";
  if (fs::is_symlink(fs::symlink_status(link))) {
    const fs::path checkpoint = link.parent_path() / fs::read_symlink(link);
    if (!fs::is_directory(checkpoint)) {
      throw std::runtime_error("run directory: '" + link.string() + "' names '" +
                               checkpoint.string() + "', which is not a folder");
    }
    return checkpoint;
  }
  const auto checkpoints = checkpoints_in(path_ / "checkpoints");
  if (checkpoints.empty()) return std::nullopt;
  return checkpoints.back().second;
}

fs::path RunDir::publish_checkpoint(int64_t step, int64_t keep_last,
                                    const std::function<void(const fs::path&)>& fill) {
  const fs::path folder = path_ / "checkpoints";
  const std::string name = kStepPrefix + std::to_string(step);
  const fs::path temporary = folder / (kTemporaryPrefix + name);
  const fs::path target = folder / name;
  fs::remove_all(temporary);
  fs::create_directory(temporary);
  fill(temporary);
  sync_tree(temporary);
  fs::remove_all(target);  // stands only if `latest` was turned back to an older checkpoint
  fs::rename(temporary, target);
  point_at(target, "latest");
  remove_surplus(step, keep_last);
  return target;
}

void RunDir::remove_surplus(int64_t newest_step, int64_t keep_last) const {
  if (keep_last == 0) return;
  const fs::path folder = path_ / "checkpoints";
  auto checkpoints = checkpoints_in(folder);
  std::erase_if(checkpoints, [&](const auto& entry) { return entry.first > newest_step; });
  const fs::path best = folder / "best";
  const bool has_best = fs::is_symlink(fs::symlink_status(best));
  const auto surplus = static_cast<int64_t>(checkpoints.size()) - keep_last;
  for (int64_t i = 0; i < surplus; ++i) {
    const fs::path& checkpoint = checkpoints[static_cast<size_t>(i)].second;
    if (has_best && fs::read_symlink(best) == checkpoint.filename()) continue;
    fs::remove_all(checkpoint);
  }
}

void RunDir::mark_best(const fs::path& checkpoint, int64_t keep_last) {
  point_at(checkpoint, "best");
  remove_surplus(step_of(checkpoint).value(), keep_last);
}

std::vector<fs::path> RunDir::checkpoints() const {
  std::vector<fs::path> paths;
  for (const auto& [step, path] : checkpoints_in(path_ / "checkpoints")) paths.push_back(path);
  return paths;
}

void RunDir::keep_metrics_up_to(int64_t step) {
  metrics_.close();
  const fs::path path = path_ / "metrics.jsonl";
  if (!fs::exists(path)) return;
  std::istringstream lines(read_text_file(path));
  std::string kept;
  for (std::string line; std::getline(lines, line);) {
    const Json value = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    const bool cut_off = value.is_discarded();
    if (cut_off && lines.peek() != std::istringstream::traits_type::eof()) {
      throw std::runtime_error(path.string() + ": not valid JSON: '" + line.substr(0, 60) + "'");
    }
    if (cut_off || json_get<int64_t>(value, "step", path.string()) > step) continue;
    kept += line + '\n';
  }
  write_file_atomically(path, kept);
}

void RunDir::append_metrics(const Json& line) {
  if (!metrics_.is_open()) metrics_.open(path_ / "metrics.jsonl", std::ios::app);
  const int64_t step = json_get<int64_t>(line, "step", "metrics");
  if (!events_) events_.emplace(path_ / "tensorboard", step);
  events_->add(step, line);
  metrics_ << line.dump() << '\n' << std::flush;
  if (!metrics_) {
    throw std::runtime_error("run directory: cannot write '" + (path_ / "metrics.jsonl").string() +
                             "'");
  }
}

}  // namespace nvlm::experiments
