#include "common/safetensors.h"

#include <doctest/doctest.h>

#include <cstring>
#include <fstream>
#include <limits>

#include "common/atomic_file.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tensors.h"

namespace nvlm {
namespace {

using test::TempDir;

// The bytes of a file: header length, header, data.
std::string file_bytes(const std::string& header, const std::string& data) {
  std::string bytes(8, '\0');
  const uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}

std::string error_of_opening(const std::string& bytes) {
  const TempDir folder;
  write_file_atomically(folder / "bad.safetensors", bytes);
  try {
    SafetensorsFile::open(folder / "bad.safetensors");
  } catch (const std::runtime_error& error) {
    const std::string message = error.what();
    CHECK(message.find("bad.safetensors") != std::string::npos);
    return message;
  }
  return "opened without an error";
}

void check_refused(const std::string& bytes, const std::string& reason) {
  const std::string message = error_of_opening(bytes);
  CAPTURE(message);
  CHECK(message.find(reason) != std::string::npos);
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

}  // namespace

TEST_CASE("safetensors: every dtype, shape and value survives writing and reading") {
  const TempDir folder;
  std::map<std::string, Tensor> tensors;
  for (const at::ScalarType dtype : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong,
                                     at::kInt, at::kShort, at::kChar, at::kByte, at::kBool}) {
    tensors[c10::toString(dtype)] = at::arange(6, at::kFloat).remainder(5).to(dtype).view({2, 3});
  }
  tensors["scalar"] = at::scalar_tensor(2.5, at::kFloat);
  tensors["empty"] = at::empty({0, 7}, at::kHalf);
  tensors["transposed"] = at::arange(12, at::kLong).view({3, 4}).t();
  tensors["special"] = at::tensor({-0.0, std::numeric_limits<double>::infinity(), 5e-324});
  const std::map<std::string, std::string> metadata = {{"format", "pt"}, {"note", "\u00e4 \"x\""}};
  write_safetensors(folder / "a.safetensors", tensors, metadata);
  CHECK(folder.num_entries() == 1);

  std::map<std::string, Tensor> read;
  {
    const SafetensorsFile file = SafetensorsFile::open(folder / "a.safetensors");
    CHECK(file.metadata() == metadata);
    CHECK(file.entries().size() == tensors.size());
    for (const auto& [name, expected] : tensors) read[name] = file.tensor(name);
    CHECK_THROWS_AS(file.tensor("absent"), std::runtime_error);
  }
  // The tensors outlive the file object and the file's name.
  std::filesystem::remove(folder / "a.safetensors");
  for (const auto& [name, expected] : tensors) {
    CAPTURE(name);
    CHECK((read[name].scalar_type() == expected.scalar_type()));
    test::check_close(read[name], expected, {0, 0});
  }
  CHECK(std::signbit(read["special"][0].item<double>()));

  write_safetensors(folder / "again.safetensors", read, metadata);
  write_safetensors(folder / "a.safetensors", tensors, metadata);
  CHECK(read_text_file(folder / "a.safetensors") == read_text_file(folder / "again.safetensors"));
}

TEST_CASE("safetensors: data that is not aligned for its dtype is read") {
  const TempDir folder;
  std::string header = R"({"b":)" + entry("U8", "[1]", "[0,1]") + R"(,"f":)" +
                       entry("F32", "[2]", "[1,9]") + R"(,"l":)" + entry("I64", "[]", "[9,17]") +
                       "}";
  for (int padding = 0; padding < 8; ++padding) {
    const float floats[2] = {1.5F, -2.0F};
    const int64_t whole = -7;
    std::string data(17, '\1');
    std::memcpy(data.data() + 1, floats, 8);
    std::memcpy(data.data() + 9, &whole, 8);
    write_file_atomically(folder / "a.safetensors", file_bytes(header, data));
    const SafetensorsFile file = SafetensorsFile::open(folder / "a.safetensors");
    test::check_close(file.tensor("f"), at::tensor({1.5F, -2.0F}), {0, 0});
    CHECK(file.tensor("l").item<int64_t>() == -7);
    header += " ";
  }
}

TEST_CASE("safetensors: bytes other than 0 and 1 are true") {
  const TempDir folder;
  write_file_atomically(folder / "a.safetensors",
                        file_bytes("{\"b\":" + entry("BOOL", "[3]", "[0,3]") + "}", {0, 1, 77}));
  const Tensor read = SafetensorsFile::open(folder / "a.safetensors").tensor("b");
  CHECK(read.equal(at::tensor({0, 1, 1}).to(at::kBool)));
}

TEST_CASE("safetensors: writing into a read tensor leaves the file alone") {
  const TempDir folder;
  write_safetensors(folder / "a.safetensors", {{"x", at::ones({4})}});
  const SafetensorsFile file = SafetensorsFile::open(folder / "a.safetensors");
  file.tensor("x").zero_();
  test::check_close(SafetensorsFile::open(folder / "a.safetensors").tensor("x"), at::ones({4}));
}

TEST_CASE("safetensors: released rows are read again from the file") {
  const TempDir folder;
  const Tensor rows = at::arange(64 * 1024, at::kFloat).view({64, 1024});  // a page per row
  write_safetensors(folder / "t.safetensors", {{"rows", rows}, {"one", at::ones({1})}});
  const auto file = SafetensorsFile::open(folder / "t.safetensors");
  const Tensor read = file.tensor("rows");
  read.fill_(7);  // private to this process
  file.release("rows", 8, 16);
  CHECK(read.narrow(0, 9, 6).equal(rows.narrow(0, 9, 6)));
  CHECK(read.narrow(0, 0, 8).equal(at::full({8, 1024}, 7.0F)));
  CHECK(read.narrow(0, 17, 47).equal(at::full({47, 1024}, 7.0F)));
  file.release("rows", -5, 1000);  // clamped
  CHECK(read.narrow(0, 1, 62).equal(rows.narrow(0, 1, 62)));
  CHECK(file.tensor("one").item<float>() == 1);
  CHECK_THROWS_AS(file.release("none", 0, 1), std::runtime_error);
}

TEST_CASE("safetensors: malformed files are refused with the reason") {
  const std::string four(4, 'x');
  check_refused("", "0 bytes, expected at least 8");
  check_refused("1234567", "7 bytes, expected at least 8");
  check_refused(file_bytes("{}", "").substr(0, 9), "is it truncated?");
  check_refused(std::string(8, '\xff') + "{}", "its header would take");
  {
    std::string bytes = file_bytes("{}", "");
    const uint64_t claimed = 100'000'001;
    std::memcpy(bytes.data(), &claimed, 8);
    check_refused(bytes, "its header would take 100000001 bytes");
  }
  check_refused(file_bytes("", ""), "not valid JSON");
  check_refused(file_bytes("{\"a\":", ""), "not valid JSON");
  check_refused(file_bytes("{} x", ""), "not valid JSON");
  check_refused(file_bytes("{\"\xff\":1}", ""), "not valid JSON");
  check_refused(file_bytes("[]", ""), "not a JSON object");
  check_refused(file_bytes(std::string(100'000, '['), ""), "not valid JSON");
  check_refused(file_bytes(R"({"__metadata__":{"a":1}})", ""), "'__metadata__.a' is not a string");
  check_refused(file_bytes(R"({"a":3})", ""), "tensor 'a' is not described by an object");

  const auto one = [](const std::string& text) { return "{\"a\":" + text + "}"; };
  const auto refuse = [&](const std::string& dtype, const std::string& shape,
                          const std::string& offsets, const std::string& reason) {
    CAPTURE(shape);
    CAPTURE(offsets);
    check_refused(file_bytes(one(entry(dtype, shape, offsets)), four), reason);
  };
  refuse("F31", "[1]", "[0,4]", "dtype F31, which is not known");
  refuse("F8_E4M3", "[4]", "[0,4]", "dtype F8_E4M3, which (8-bit floating point) is not supported");
  refuse("F32", "[-1]", "[0,4]", "'shape' holds something other than whole numbers from 0 up");
  refuse("F32", "[1.0]", "[0,4]", "'shape' holds something other");
  refuse("F32", "[18446744073709551616]", "[0,4]", "'shape' holds something other");
  refuse("F32", "3", "[0,4]", "no list 'shape'");
  refuse("F32", "[4611686018427387904,4]", "[0,4]", "its shape overflows");
  refuse("F32", "[9223372036854775808]", "[0,4]", "its shape overflows");
  refuse("F32", "[0,9223372036854775807,9223372036854775807]", "[0,0]", "its shape overflows");
  refuse("F32", "[2]", "[0,4]", "takes 4 bytes, expected 8");
  refuse("F32", "[2]", "[0,8]", "ends at byte 8 of the data, but the file holds 4");
  refuse("F32", "[1]", "[4,0]", "'data_offsets' is not [begin, end]");
  refuse("F32", "[1]", "[0,4,8]", "'data_offsets' is not [begin, end]");
  refuse("F32", "[1]", "[-4,0]", "'data_offsets' holds something other");
  refuse("F32", "[1]", "[18446744073709551612,18446744073709551615]", "takes 3 bytes");
  refuse("F16", "[1]", "[2,4]", "a hole of 2 bytes before tensor 'a'");
  refuse("F16", "[1]", "[0,2]", "2 bytes after the last tensor");
  check_refused(file_bytes(one(R"({"shape":[1],"data_offsets":[0,4]})"), four), "has no 'dtype'");
  check_refused(file_bytes(one(R"({"dtype":"F32","shape":[1]})"), four), "no list 'data_offsets'");
  std::string deep = "[";
  for (int i = 0; i < 65; ++i) deep += "1,";
  refuse("F32", deep + "1]", "[0,4]", "66 dimensions");

  const std::string half = entry("F16", "[1]", "[0,2]");
  check_refused(file_bytes("{\"a\":" + half + ",\"b\":" + entry("F16", "[1]", "[1,3]") + "}", four),
                "tensor 'b' overlaps another tensor");
  check_refused(file_bytes("{\"a\":" + half + ",\"b\":" + half + "}", four), "overlaps");
  check_refused(file_bytes("{\"a\":" + half + ",\"a\":" + entry("F16", "[1]", "[2,4]") + "}", four),
                "'a' is given twice");
  CHECK_THROWS_WITH_AS(SafetensorsFile::open("/"), doctest::Contains("cannot read '/'"),
                       std::runtime_error);
  CHECK_THROWS_WITH_AS(SafetensorsFile::open("no/such.safetensors"),
                       doctest::Contains("No such file"), std::runtime_error);
}

TEST_CASE("safetensors: a single changed byte of the header never crashes") {
  const TempDir folder;
  write_safetensors(folder / "a.safetensors", {{"x", at::ones({2, 2})}, {"y", at::ones({3})}},
                    {{"k", "v"}});
  const std::string good = read_text_file(folder / "a.safetensors");
  size_t header_bytes = 0;
  std::memcpy(&header_bytes, good.data(), sizeof header_bytes);
  int refused = 0;
  for (size_t i = 0; i < 8 + header_bytes; ++i) {
    for (const char c : {'\0', '9', '"', '\xff'}) {
      std::string bad = good;
      bad[i] = c;
      std::ofstream(folder / "b.safetensors", std::ios::binary) << bad;
      try {
        const SafetensorsFile file = SafetensorsFile::open(folder / "b.safetensors");
        for (const auto& [name, entry] : file.entries()) file.tensor(name).sum();
      } catch (const std::runtime_error&) {
        ++refused;
      }
    }
  }
  CHECK(refused > 100);
}

TEST_CASE("safetensors: what the format cannot hold is refused before anything is written") {
  const TempDir folder;
  const auto path = folder / "a.safetensors";
  CHECK_THROWS_AS(write_safetensors(path, {{"x", at::ones({2}, at::kComplexFloat)}}),
                  std::invalid_argument);
  CHECK_THROWS_AS(write_safetensors(path, {{"x", Tensor()}}), std::invalid_argument);
  CHECK_THROWS_AS(write_safetensors(path, {{"__metadata__", at::ones({2})}}),
                  std::invalid_argument);
  CHECK_THROWS_AS(write_safetensors(path, {{"\xff", at::ones({2})}}), std::invalid_argument);
  CHECK(folder.num_entries() == 0);
}

}  // namespace nvlm
