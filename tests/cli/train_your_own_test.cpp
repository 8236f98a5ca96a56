// docs/train-your-own.md, run as it stands: only the numbers of pictures and steps are smaller.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "common/json.h"
#include "tests/cli/program.h"

namespace nvlm::test {
namespace {

namespace fs = std::filesystem;

/// The ```sh blocks of a Markdown file, in order.
std::vector<std::string> shell_blocks(const fs::path& page) {
  std::ifstream file(page);
  std::vector<std::string> blocks;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line == "```sh") {
      inside = true;
      blocks.emplace_back();
    } else if (line == "```") {
      inside = false;
    } else if (inside) {
      blocks.back() += line + "\n";
    }
  }
  return blocks;
}

/// Replaces `from` wherever it stands; how often.
int64_t replace_all(std::string& text, const std::string& from, const std::string& to) {
  int64_t count = 0;
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
    ++count;
  }
  return count;
}

std::string file_text(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST_CASE("the commands of docs/train-your-own.md work as they stand") {
  const TempDir dir;
  fs::create_directory_symlink(fs::path(NVLM_SOURCE_DIR) / "models", dir / "models");
  std::string script =
      "set -eux\ncd '" + dir.path().string() + "'\nnvlm() { '" NVLM_PROGRAM "' \"$@\"; }\n";
  const auto blocks = shell_blocks(fs::path(NVLM_SOURCE_DIR) / "docs/train-your-own.md");
  REQUIRE(blocks.size() >= 6);
  for (const std::string& block : blocks) script += block;
  // Otherwise the page has changed and this test would run it at full length.
  REQUIRE(replace_all(script, "--count 200", "--count 6") == 1);
  REQUIRE(replace_all(script, "--count 40", "--count 2") == 1);
  REQUIRE(replace_all(script, "--train.steps 300",
                      "--train.steps 2 --train.batch_size 2 --train.warmup_steps 1") == 1);
  std::ofstream(dir / "commands.sh") << script;
  const std::string command = "bash '" + (dir / "commands.sh").string() + "' >'" +
                              (dir / "out").string() + "' 2>'" + (dir / "err").string() + "'";
  const int status = std::system(command.c_str());
  const std::string out = file_text(dir / "out");
  INFO(out << file_text(dir / "err"));
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);

  CHECK(out.find("my-tables/train: 6 samples, 6 usable, 0 bad") != std::string::npos);
  CHECK(out.find("my-tables/test: 2 samples, 2 usable, 0 bad") != std::string::npos);
  const std::string metrics = file_text(dir / "runs/mine/metrics.jsonl");
  CHECK(metrics.find("\"bad_samples\":0") != std::string::npos);
  CHECK(out.find("runs/after against runs/before, 2 items") != std::string::npos);
  int64_t extracted = 0;
  for (const auto& entry : fs::directory_iterator(dir / "out-tables")) {
    extracted += entry.path().extension() == ".md" ? 1 : 0;
  }
  CHECK(extracted == 2);
}

}  // namespace
}  // namespace nvlm::test
