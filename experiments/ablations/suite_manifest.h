// What a finished suite vouches for: hashes of its files and the numbers that were reported of
// them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/json.h"

namespace nvlm::experiments {

/// Writes <folder>/manifest.json: the program's revision and libraries, SHA-256 of suite.json and
/// of each run's config.ini, run.json and rows.jsonl, and the headline numbers of every arm and
/// comparison.
/// throws  std::runtime_error as read_stored_suite, or if it cannot be written
void write_suite_manifest(const std::filesystem::path& folder);

/// One thing that manifest.json or a run.json says, held against the rows.
struct Verification {
  std::string what;  // "samples/x against samples/d: difference"
  std::string stored, derived;
  bool is_same = false;
};

/// Numbers that are derived again may differ by this share of their size: the order of a sum.
inline constexpr double kVerifyTolerance = 1e-9;

/// Derives every headline number again from the rows and hashes every file again. Weights are
/// hashed where they are still there. throws  std::runtime_error as read_stored_suite, or if
/// manifest.json is missing or unreadable
std::vector<Verification> verify_suite(const std::filesystem::path& folder);

}  // namespace nvlm::experiments
