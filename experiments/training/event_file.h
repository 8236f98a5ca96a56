// TensorBoard's event files: what metrics.jsonl says, for those who watch runs there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>

#include "common/json.h"

namespace nvlm::experiments {

/// Appends scalars to a new file `folder`/events.out.tfevents.<time>.<process>. A run that is
/// resumed begins another one; what the earlier files say of later steps is then dropped by
/// TensorBoard. source  TensorFlow's record_writer.h (framing) and event.proto, summary.proto
/// (fields)
class EventFile {
 public:
  /// step    of the first scalars to come
  /// throws  std::runtime_error if the file cannot be written
  EventFile(const std::filesystem::path& folder, int64_t step);

  /// Writes each number of `figures` under its name; members that are objects add theirs under
  /// "name/". Nothing else is written. Handed to the system at once.
  void add(int64_t step, const Json& figures);

 private:
  std::filesystem::path path_;
  std::ofstream file_;
};

/// The checksum of a record: CRC-32C, rotated and offset.
uint32_t masked_crc32c(std::string_view bytes);

}  // namespace nvlm::experiments
