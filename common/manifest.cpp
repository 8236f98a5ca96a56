#include "common/manifest.h"

#include <spdlog/version.h>
#include <torch/version.h>

#include <array>
#include <boost/version.hpp>
#include <cstdio>
#include <ctime>
#include <optional>
#include <stdexcept>

#include "common/device.h"
#include "common/hash.h"

namespace nvlm {
namespace {

#ifdef __clang__
constexpr const char* kCompiler = __VERSION__;  // names itself
#else
constexpr const char* kCompiler = "g++ " __VERSION__;
#endif

// Standard output of git in the source folder, without the final newline; nothing if git failed.
std::optional<std::string> ask_git(const std::string& arguments) {
  std::string folder;
  for (const char c : std::string(NVLM_REVISION_DIR)) {
    folder += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  // A checkout may belong to another user than the one who runs it (containers).
  const std::string command =
      "git -c safe.directory='*' -C '" + folder + "' " + arguments + " 2>/dev/null";
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return std::nullopt;
  std::string output;
  std::array<char, 4096> buffer;
  for (size_t count; (count = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    output.append(buffer.data(), count);
  }
  if (pclose(pipe) != 0) return std::nullopt;
  while (!output.empty() && output.back() == '\n') output.pop_back();
  return output;
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

}  // namespace

std::string source_revision() { return ask_git("rev-parse HEAD").value_or("unknown"); }

std::map<std::string, std::string> library_versions() {
  const auto dotted = [](int major, int minor, int patch) {
    return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
  };
  return {
      {"libtorch", TORCH_VERSION},
      {"nlohmann-json", dotted(NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR,
                               NLOHMANN_JSON_VERSION_PATCH)},
      {"spdlog", dotted(SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH)},
      {"boost", dotted(BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100)}};
}

Json make_manifest(const ManifestInputs& inputs) {
  Json libraries = library_versions();
  for (const auto& [name, version] : inputs.libraries) libraries[name] = version;
  Json files = Json::object();
  for (const auto& [label, path] : inputs.files) {
    files[label] = {{"path", path.string()}, {"sha256", sha256_file(path)}};
  }
  Json modified;  // null: not known
  if (const auto changes = ask_git("status --porcelain --untracked-files=no")) {
    modified = !changes->empty();
  }
  return {{"time", utc_now()},
          {"arguments", inputs.arguments},
          {"revision", source_revision()},
          {"sources_modified", modified},
          {"compiler", kCompiler},
          {"build_type", NVLM_BUILD_TYPE},
          {"libraries", libraries},
          {"processor", {{"name", processor_name()}, {"features", processor_features()}}},
          {"threads", num_threads()},
          {"device", inputs.device},
          {"dtype", inputs.dtype},
          {"seed", inputs.seed},
          {"files", files},
          {"extra", inputs.extra}};
}

void write_manifest(const std::filesystem::path& path, const Json& manifest) {
  if (std::filesystem::exists(path)) {
    throw std::runtime_error("'" + path.string() + "' exists; a run does not overwrite another");
  }
  write_json(path, manifest);
}

}  // namespace nvlm
