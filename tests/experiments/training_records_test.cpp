// What a run leaves behind: event files, the best checkpoint, and the proof that it resumes.
#include <doctest/doctest.h>

#include <cstring>
#include <fstream>

#include "common/atomic_file.h"
#include "experiments/training/event_file.h"
#include "tests/experiments/training_support.h"

namespace nvlm::experiments {
namespace {

namespace fs = std::filesystem;

fs::path only_file(const fs::path& folder) {
  fs::path found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    CHECK(found.empty());
    found = entry.path();
  }
  return found;
}

template <class Number>
Number number_at(const std::string& bytes, size_t place) {
  Number value;
  REQUIRE(place + sizeof(value) <= bytes.size());
  std::memcpy(&value, bytes.data() + place, sizeof(value));
  return value;
}

/// The contents of all records, their checksums compared.
std::vector<std::string> records(const fs::path& path) {
  const std::string bytes = read_text_file(path);
  std::vector<std::string> contents;
  for (size_t at = 0; at < bytes.size();) {
    const auto length = number_at<uint64_t>(bytes, at);
    CHECK(number_at<uint32_t>(bytes, at + 8) == masked_crc32c(bytes.substr(at, 8)));
    contents.push_back(bytes.substr(at + 12, length));
    CHECK(number_at<uint32_t>(bytes, at + 12 + length) == masked_crc32c(contents.back()));
    at += 16 + length;
  }
  return contents;
}

TEST_CASE("event file: the checksum of the published check value") {
  // CRC-32C of "123456789" is e3069283.
  const uint32_t crc = 0xe3069283U;
  CHECK(masked_crc32c("123456789") == ((crc >> 15) | (crc << 17)) + 0xa282ead8U);
}

TEST_CASE("event file: scalars with their names, nested ones under their group") {
  const ScratchDir scratch;
  {
    EventFile events(scratch / "tb", 1);
    events.add(300, {{"loss", 1.5}, {"validation", {{"teds", 0.25}}}, {"note", "no number"}});
  }
  const auto contents = records(only_file(scratch / "tb"));
  REQUIRE(contents.size() == 3);
  CHECK(contents[0].ends_with("brain.Event:2"));
  // step 300 is the varint ac 02 of field 2; a value is {tag, float}.
  CHECK(contents[2].substr(9, 3) == "\x10\xac\x02");
  const std::string loss("\x0a\x04loss\x15\x00\x00\xc0\x3f", 11);
  const std::string teds("\x0a\x0fvalidation/teds\x15\x00\x00\x80\x3e", 22);
  CHECK(contents[2].find(loss) != std::string::npos);
  CHECK(contents[2].find(teds) != std::string::npos);
  CHECK(contents[2].find("note") == std::string::npos);
}

TEST_CASE("training: every line of metrics is an event") {
  const ScratchDir scratch;
  TinyTask task;
  train(task, tiny_config(), scratch / "run");
  const auto lines = metrics_lines(scratch / "run");
  CHECK(records(only_file(scratch / "run" / "tensorboard")).size() == lines.size() + 2);
}

TEST_CASE("training: the best checkpoint stays when newer ones push others out") {
  const ScratchDir scratch;
  const fs::path run = scratch / "run";
  TrainConfig config = tiny_config();  // 20 steps
  config.checkpoint_every = 4;
  config.validate_every = 3;
  config.keep_last = 1;
  config.keep_best = "error";
  TinyTask task;
  int validations = 0;
  task.on_validate = [&] {  // at steps 3, 6, 9, ...: lowest at 9
    return std::map<std::string, double>{{"error", std::abs(++validations - 3) + 0.5}};
  };
  train(task, config, run);
  CHECK(fs::read_symlink(run / "checkpoints" / "best") == "step_9");
  CHECK(fs::read_symlink(run / "checkpoints" / "latest") == "step_20");
  CHECK(fs::exists(run / "checkpoints" / "step_9" / "training_state.json"));
  CHECK_FALSE(fs::exists(run / "checkpoints" / "step_6"));
  CHECK_FALSE(fs::exists(run / "checkpoints" / "step_16"));
  CHECK(read_json(run / "checkpoints/latest/training_state.json").at("best") == 0.5);
}

TEST_CASE("training: a best figure that no validation gives is refused by name") {
  const ScratchDir scratch;
  TrainConfig config = tiny_config();
  config.keep_best = "teds";
  TinyTask task;
  CHECK(thrown_by([&] { train(task, config, scratch / "run"); }) ==
        "train.keep_best is 'teds', expected a figure of the validation: in_training_mode");
}

TEST_CASE("training: replay does steps again to the same bits, and finds what differs") {
  const ScratchDir scratch;
  const fs::path run = scratch / "run";
  TrainConfig config = tiny_config();
  config.muon = 0.5;
  TinyTask task;
  train(task, config, run);
  const std::string metrics = read_text_file(run / "metrics.jsonl");
  const auto replayed = [&] {
    TinyTask fresh;
    return replay(fresh, config, run);
  };
  const ReplayResult same = replayed();
  CHECK(same.first_step == 15);
  CHECK(same.last_step == 20);
  CHECK(same.differences == "");
  CHECK(read_text_file(run / "metrics.jsonl") == metrics);

  const fs::path state = run / "checkpoints" / "step_15" / "training_state.safetensors";
  const SafetensorsFile file = SafetensorsFile::open(state);
  std::map<std::string, Tensor> tensors;
  for (const auto& [name, entry] : file.entries()) tensors[name] = file.tensor(name).clone();
  tensors["parameter/head.weight"].select(0, 0).add_(1e-3);
  write_safetensors(state, tensors);
  CHECK(replayed().differences.find("parameter/head.weight") != std::string::npos);

  fs::remove_all(run / "checkpoints" / "step_15");
  CHECK(thrown_by(replayed).find("1 checkpoints, expected two") != std::string::npos);
}

}  // namespace
}  // namespace nvlm::experiments
