// Replays a corpus without libFuzzer: every file of the folders given, in the order of their names.
// A finding ends the program like under libFuzzer; so do 5 seconds for an input and 2 GB in all.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "common/atomic_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

/// libFuzzer's; the mutators name it, and nothing is mutated here.
extern "C" size_t LLVMFuzzerMutate(uint8_t*, size_t size, size_t) { return size; }

namespace {

constexpr std::chrono::seconds kLongest{5};
constexpr int64_t kMostKilobytes = 2'000'000;

int64_t peak_kilobytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

int main(int count, char** folders) {
  size_t inputs = 0;
  for (int i = 1; i < count; ++i) {
    for (const std::filesystem::path& file : files_in(folders[i])) {
      std::cout << file.filename().string() << std::endl;  // flushed: it may be the last word
      const std::string input = nvlm::read_text_file(file);
      const auto start = std::chrono::steady_clock::now();
      LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
      if (std::chrono::steady_clock::now() - start > kLongest) {
        std::cerr << "takes longer than " << kLongest.count() << " s\n";
        return 1;
      }
      if (peak_kilobytes() > kMostKilobytes) {
        std::cerr << "takes more than " << kMostKilobytes << " kB\n";
        return 1;
      }
      ++inputs;
    }
  }
  std::cout << inputs << " inputs\n";
  return inputs > 0 ? 0 : 1;
}
