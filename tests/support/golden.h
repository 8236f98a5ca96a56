// Where the reference data lie.
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

namespace nvlm::test {

/// The folder tests/golden/<name>, which must exist.
inline std::filesystem::path golden(const std::string& name) {
  const auto path = std::filesystem::path(NVLM_SOURCE_DIR) / "tests" / "golden" / name;
  REQUIRE_MESSAGE(std::filesystem::is_directory(path), "no golden data: ", path.string());
  return path;
}

}  // namespace nvlm::test
