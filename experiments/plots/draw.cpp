#include "experiments/plots/draw.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <set>
#include <stdexcept>

#include "common/atomic_file.h"
#include "common/atomic_folder.h"
#include "experiments/plots/gnuplot_script.h"

namespace nvlm::experiments {
namespace {

namespace fs = std::filesystem;

constexpr const char* kScript = "script.gp";
constexpr const char* kMessages = "messages.txt";

[[noreturn]] void throw_no_gnuplot(int error) {
  if (error == ENOENT) {
    throw std::runtime_error(
        "the program gnuplot, which draws the figures, is not installed; it comes with the package "
        "gnuplot-nox: sudo apt-get install gnuplot-nox");
  }
  throw std::runtime_error(std::string("cannot start gnuplot: ") + std::strerror(error));
}

/// What posix_spawn does in the child: messages to a file, work in `folder`.
class ChildActions {
 public:
  explicit ChildActions(const fs::path& folder) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addchdir_np(&actions_, folder.c_str());
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, STDERR_FILENO, kMessages,
                                     O_WRONLY | O_CREAT | O_TRUNC, 0644);
    posix_spawn_file_actions_adddup2(&actions_, STDERR_FILENO, STDOUT_FILENO);
  }
  ~ChildActions() { posix_spawn_file_actions_destroy(&actions_); }
  ChildActions(const ChildActions&) = delete;
  ChildActions& operator=(const ChildActions&) = delete;

  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

/// Runs a script in `folder`, where its outputs go too.
void run_gnuplot(const fs::path& folder, const std::string& script) {
  write_file_atomically(folder / kScript, script);
  std::string program = "gnuplot", file = kScript;
  char* const arguments[] = {program.data(), file.data(), nullptr};
  const ChildActions actions(folder);
  pid_t child = 0;
  const int error =
      posix_spawnp(&child, program.c_str(), actions.get(), nullptr, arguments, environ);
  if (error != 0) throw_no_gnuplot(error);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw_no_gnuplot(errno);
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  throw std::runtime_error("gnuplot failed: " + read_text_file(folder / kMessages).substr(0, 500));
}

void check_figures(std::span<const Figure> figures) {
  std::set<std::string> names;
  for (const Figure& figure : figures) {
    check_figure(figure);
    if (names.insert(figure.name).second) continue;
    throw std::invalid_argument("figure '" + figure.name + "': two figures have this name");
  }
}

}  // namespace

void write_figures(std::span<const Figure> figures, const fs::path& folder) {
  check_figures(figures);
  fs::create_directories(folder);
  std::string scripts;
  for (const Figure& figure : figures) {
    const std::string script = figure_script(figure);
    write_file_atomically(folder / (figure.name + ".csv"), figure_csv(figure));
    write_file_atomically(folder / (figure.name + ".txt"),
                          figure.title + "\n\n" + figure.caption + "\n");
    write_file_atomically(folder / (figure.name + ".gp"), script);
    scripts += script;
  }
  const AtomicFolder scratch(folder / "drawing");  // beside its outputs, which are renamed
  run_gnuplot(scratch.path(), scripts);
  for (const Figure& figure : figures) {
    for (const char* form : {".svg", ".png", ".pdf"}) {
      fs::rename(scratch.path() / (figure.name + form), folder / (figure.name + form));
    }
  }
}

std::vector<std::vector<std::string>> draw_panels(std::span<const Figure> figures) {
  check_figures(figures);
  const AtomicFolder scratch = AtomicFolder::temporary();
  run_gnuplot(scratch.path(), panels_script(figures));
  std::vector<std::vector<std::string>> drawn;
  for (const Figure& figure : figures) {
    std::vector<std::string>& panels = drawn.emplace_back();
    for (size_t i = 0; i < figure.panels.size(); ++i) {
      panels.push_back(
          read_text_file(scratch.path() / (figure.name + "-" + std::to_string(i + 1) + ".svg")));
    }
  }
  return drawn;
}

}  // namespace nvlm::experiments
