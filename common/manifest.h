// What a run was made of: revision, compiler, libraries, processor, threads, seed, hashes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/json.h"

namespace nvlm {

/// What only the caller knows.
struct ManifestInputs {
  std::vector<std::string> arguments = {};  // the command line
  uint64_t seed = 0;
  std::string device = "cpu";
  std::string dtype = "float32";
  std::map<std::string, std::filesystem::path> files = {};  // label -> file to hash (weights, data)
  std::map<std::string, std::string> libraries = {};        // further libraries -> version
  Json extra = Json::object();                              // anything else, stored under "extra"
};

/// The manifest as JSON: revision (and whether the sources were modified), compiler, build type,
/// libraries, processor, threads, seed, SHA-256 of `files`, UTC time.
/// throws  std::runtime_error if a file to hash cannot be read
Json make_manifest(const ManifestInputs& inputs);

/// Writes it atomically and never overwrites: a run folder belongs to one run.
/// throws  std::runtime_error if `path` exists
void write_manifest(const std::filesystem::path& path, const Json& manifest);

/// The commit that the sources are at, 40 hexadecimal digits; "unknown" outside a git checkout.
std::string source_revision();

/// The libraries of this folder and their versions.
std::map<std::string, std::string> library_versions();

}  // namespace nvlm
