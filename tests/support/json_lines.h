// Files of one JSON value per line.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "common/json.h"

namespace nvlm::test {

inline std::vector<Json> json_lines(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<Json> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(Json::parse(line));
  return lines;
}

}  // namespace nvlm::test
