#include "common/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

namespace nvlm {
namespace {

constexpr double kTerminalInterval = 0.1;
constexpr double kPipeInterval = 5.0;

std::string format_rate(double rate) {
  char text[32];
  std::snprintf(text, sizeof text, rate >= 100 ? "%.0f/s" : "%.3g/s", rate);
  return text;
}

size_t terminal_columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 100;
}

}  // namespace

std::string format_duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 1e9) return "-";
  const auto whole = static_cast<int64_t>(seconds + 0.5);
  char text[48];
  if (whole >= 3600) {
    std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", static_cast<long>(whole / 3600),
                  static_cast<long>(whole / 60 % 60), static_cast<long>(whole % 60));
  } else {
    std::snprintf(text, sizeof text, "%ld:%02ld", static_cast<long>(whole / 60),
                  static_cast<long>(whole % 60));
  }
  return text;
}

std::string progress_line(const std::string& what, int64_t done, int64_t total, double rate,
                          double seconds, const std::string& note, bool bar, bool last) {
  std::string line = what + " ";
  if (total > 0) {
    const double share = std::clamp(static_cast<double>(done) / static_cast<double>(total), 0., 1.);
    if (bar) {
      constexpr size_t kWidth = 24;
      const auto filled = static_cast<size_t>(share * kWidth);
      line += "[" + std::string(filled, '#') + std::string(kWidth - filled, '.') + "] ";
    }
    line += std::to_string(done) + "/" + std::to_string(total) + " " +
            std::to_string(static_cast<int>(share * 100)) + "%";
  } else {
    line += std::to_string(done);
  }
  if (rate > 0) line += "  " + format_rate(rate);
  if (last) {
    line += "  took " + format_duration(seconds);
  } else if (total > 0 && rate > 0) {
    line +=
        "  left " + format_duration(static_cast<double>(std::max<int64_t>(total - done, 0)) / rate);
  }
  if (!note.empty()) line += "  " + note;
  return line;
}

Progress::Progress(std::string what, int64_t total, int64_t already_done)
    : what_(std::move(what)),
      total_(total),
      first_(already_done),
      done_(already_done),
      terminal_(isatty(STDERR_FILENO) == 1),
      start_(Clock::now()),
      last_draw_(start_) {}

Progress::~Progress() {
  if (!finished_ && drawn_ && terminal_) std::fputs("\n", stderr);
}

void Progress::update(int64_t done, const std::string& note) {
  if (finished_) return;
  done_ = done;
  note_ = note;
  const double since = std::chrono::duration<double>(Clock::now() - last_draw_).count();
  if (since >= (terminal_ ? kTerminalInterval : kPipeInterval)) draw(/*last=*/false);
}

void Progress::finish() {
  if (finished_) return;
  draw(/*last=*/true);
  finished_ = true;
}

void Progress::draw(bool last) {
  last_draw_ = Clock::now();
  drawn_ = true;
  const double seconds = std::chrono::duration<double>(last_draw_ - start_).count();
  const double rate = seconds > 0 ? static_cast<double>(done_ - first_) / seconds : 0;
  std::string line =
      progress_line(what_, done_, total_, rate, seconds, note_, /*bar=*/terminal_, last);
  if (terminal_) {
    line = "\r" + line.substr(0, terminal_columns() - 1) + "\033[K";
  }
  if (!terminal_ || last) line += "\n";
  std::fputs(line.c_str(), stderr);
}

}  // namespace nvlm
