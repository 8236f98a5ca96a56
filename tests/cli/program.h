// Runs the program as a user would.
#pragma once

#include <doctest/doctest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/support/temp_dir.h"

namespace nvlm::test {

struct ProgramResult {
  int exit_code = -1;
  std::string out, err;
};

/// Runs `nvlm <arguments>` through the shell.
inline ProgramResult nvlm(const std::string& arguments) {
  const TempDir dir;
  const auto read = [](const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  };
  const std::string command = std::string(NVLM_PROGRAM) + " " + arguments + " >" +
                              (dir / "out").string() + " 2>" + (dir / "err").string();
  const int status = std::system(command.c_str());
  ProgramResult result;
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  result.out = read(dir / "out");
  result.err = read(dir / "err");
  return result;
}

/// Starts `nvlm <arguments>` in the background; both outputs go to `log`. Wait for its end.
inline pid_t start_nvlm(const std::string& arguments, const std::filesystem::path& log) {
  std::string command =
      "exec " + std::string(NVLM_PROGRAM) + " " + arguments + " >" + log.string() + " 2>&1";
  std::string shell = "/bin/sh", option = "-c";
  char* words[] = {shell.data(), option.data(), command.data(), nullptr};
  pid_t id = 0;
  REQUIRE(posix_spawn(&id, "/bin/sh", nullptr, nullptr, words, environ) == 0);
  return id;
}

}  // namespace nvlm::test
