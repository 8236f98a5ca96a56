// Where the reference data lie.
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <optional>
#include <string>

namespace nvlm::test {

/// The folder tests/golden/<name>, which must exist.
inline std::filesystem::path golden(const std::string& name) {
  const auto path = std::filesystem::path(NVLM_SOURCE_DIR) / "tests" / "golden" / name;
  REQUIRE_MESSAGE(std::filesystem::is_directory(path), "no golden data: ", path.string());
  return path;
}

/// The folder of a case that is not part of the repository (trained weights of others), in
/// shared/golden beside the source folder; where it is absent the test says so and has nothing to
/// do.
inline std::optional<std::filesystem::path> shared_golden(const std::string& name) {
  const auto path = std::filesystem::path(NVLM_SOURCE_DIR) / ".." / "shared" / "golden" / name;
  if (std::filesystem::is_directory(path)) return path;
  MESSAGE("skipped: no ", name, " in shared/golden beside the source folder");
  return std::nullopt;
}

}  // namespace nvlm::test
