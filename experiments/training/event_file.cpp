#include "experiments/training/event_file.h"

#include <unistd.h>

#include <bit>
#include <boost/crc.hpp>
#include <chrono>
#include <stdexcept>
#include <string>

namespace nvlm::experiments {
namespace {

/// The little of protocol buffers that events are made of. Tags are (field << 3) + wire type.
class Message {
 public:
  void varint_field(int field, uint64_t value) {
    varint(static_cast<uint64_t>(field) << 3);
    varint(value);
  }
  void double_field(int field, double value) {
    varint((static_cast<uint64_t>(field) << 3) + 1);
    fixed(std::bit_cast<uint64_t>(value), 8);
  }
  void float_field(int field, float value) {
    varint((static_cast<uint64_t>(field) << 3) + 5);
    fixed(std::bit_cast<uint32_t>(value), 4);
  }
  void bytes_field(int field, std::string_view value) {
    varint((static_cast<uint64_t>(field) << 3) + 2);
    varint(value.size());
    bytes_ += value;
  }
  void fixed(uint64_t value, int num_bytes) {  // little-endian
    for (int i = 0; i < num_bytes; ++i) bytes_ += static_cast<char>((value >> (8 * i)) & 0xff);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>((value & 0x7f) | 0x80);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

/// An event of now, without what it says.
Message event_at(int64_t step) {
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  Message event;
  event.double_field(1, now.count());                  // wall_time
  event.varint_field(2, static_cast<uint64_t>(step));  // step
  return event;
}

/// length, its checksum, content, its checksum
std::string record(const std::string& content) {
  Message length, checksum_of_length, checksum;
  length.fixed(content.size(), 8);
  checksum_of_length.fixed(masked_crc32c(length.bytes()), 4);
  checksum.fixed(masked_crc32c(content), 4);
  return length.bytes() + checksum_of_length.bytes() + content + checksum.bytes();
}

void add_scalars(Message& summary, const std::string& prefix, const Json& figures) {
  for (const auto& [name, figure] : figures.items()) {
    if (figure.is_object()) add_scalars(summary, prefix + name + "/", figure);
    if (!figure.is_number()) continue;
    Message value;
    value.bytes_field(1, prefix + name);        // tag
    value.float_field(2, figure.get<float>());  // simple_value
    summary.bytes_field(1, value.bytes());
  }
}

}  // namespace

uint32_t masked_crc32c(std::string_view bytes) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  const uint32_t value = crc.checksum();
  return ((value >> 15) | (value << 17)) + 0xa282ead8U;
}

EventFile::EventFile(const std::filesystem::path& folder, int64_t step) {
  std::filesystem::create_directories(folder);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  path_ = folder / ("events.out.tfevents." + std::to_string(std::chrono::nanoseconds(now).count()) +
                    "." + std::to_string(::getpid()));
  file_.open(path_, std::ios::binary);
  Message version = event_at(0);
  version.bytes_field(3, "brain.Event:2");  // file_version
  Message start, log = event_at(step);
  start.varint_field(1, 1);  // SessionLog.START: what other files say from this step on is void
  log.bytes_field(7, start.bytes());
  file_ << record(version.bytes()) << record(log.bytes());
}

void EventFile::add(int64_t step, const Json& figures) {
  Message summary, event = event_at(step);
  add_scalars(summary, "", figures);
  event.bytes_field(5, summary.bytes());
  file_ << record(event.bytes()) << std::flush;
  if (!file_) throw std::runtime_error("run directory: cannot write '" + path_.string() + "'");
}

}  // namespace nvlm::experiments
