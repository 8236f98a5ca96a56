#include <doctest/doctest.h>
#include <unistd.h>

#include <stdexcept>

#include "common/atomic_file.h"
#include "common/hash.h"
#include "common/json.h"
#include "common/manifest.h"
#include "tests/support/temp_dir.h"

namespace nvlm {
namespace {

using test::TempDir;

}  // namespace

TEST_CASE("atomic file: complete or not at all") {
  const TempDir folder;
  const auto path = folder / "a.txt";
  {
    AtomicFile file(path);
    file.stream() << "half";
    CHECK_FALSE(std::filesystem::exists(path));
  }
  CHECK(folder.num_entries() == 0);
  const auto fail_midway = [&] {
    AtomicFile file(path);
    file.stream() << "half";
    throw std::logic_error("interrupted");
  };
  CHECK_THROWS_AS(fail_midway(), std::logic_error);
  CHECK(folder.num_entries() == 0);

  write_file_atomically(path, std::string("a\0b\n", 4));
  CHECK(read_text_file(path) == std::string("a\0b\n", 4));
  CHECK_THROWS_AS(fail_midway(), std::logic_error);
  CHECK(read_text_file(path) == std::string("a\0b\n", 4));  // the old content stands
  write_file_atomically(path, "");
  CHECK(read_text_file(path).empty());
  CHECK(folder.num_entries() == 1);
}

TEST_CASE("atomic file: links, devices, folders") {
  const TempDir folder;
  write_file_atomically(folder / "real", "old");
  std::filesystem::create_symlink("real", folder / "link");
  write_file_atomically(folder / "link", "new");
  CHECK(std::filesystem::is_symlink(folder / "link"));
  CHECK(read_text_file(folder / "real") == "new");

  write_file_atomically("/dev/null", "gone");
  CHECK(std::filesystem::is_character_file("/dev/null"));
  if (std::filesystem::exists("/dev/full")) {
    CHECK_THROWS_WITH_AS(write_file_atomically("/dev/full", "x"),
                         doctest::Contains("cannot write '/dev/full': No space"),
                         std::runtime_error);
  }
  CHECK_THROWS_WITH_AS(write_file_atomically(folder.path(), "x"),
                       doctest::Contains("it is a folder"), std::runtime_error);
  CHECK_THROWS_WITH_AS(write_file_atomically(folder / "no" / "x", "x"),
                       doctest::Contains("there is no folder"), std::runtime_error);
  CHECK_THROWS_WITH_AS(read_text_file(folder / "none"), doctest::Contains("No such file"),
                       std::runtime_error);
  CHECK_THROWS_WITH_AS(read_text_file(folder.path()), doctest::Contains("it is a folder"),
                       std::runtime_error);
}

TEST_CASE("json: files") {
  const TempDir folder;
  const Json value = {{"a", 0.1}, {"b", {1, -2, 18446744073709551615U}}, {"c", "\u00e4\n"}};
  write_json(folder / "a.json", value);
  CHECK(read_json(folder / "a.json") == value);
  write_file_atomically(folder / "b.json", "{\n\"a\": }");
  CHECK_THROWS_WITH_AS(read_json(folder / "b.json"),
                       doctest::Contains("b.json: not valid JSON: parse error at line 2"),
                       std::runtime_error);
  write_file_atomically(folder / "c.json", R"([{"a": 1}, {"b": {"a": 1}, "a": 2, "b": 3}])");
  CHECK_THROWS_WITH_AS(read_json(folder / "c.json"), doctest::Contains("'b' is given twice"),
                       std::runtime_error);
  const std::string deep = std::string(501, '[') + std::string(501, ']');
  CHECK_THROWS_WITH_AS(parse_json(deep, "e.json"), "e.json: nested deeper than 500 levels",
                       std::runtime_error);
  CHECK(parse_json(deep.substr(1, 1000), "e.json").size() == 1);
  CHECK_THROWS_WITH_AS(write_json(folder / "d.json", "\xff"), doctest::Contains("d.json"),
                       std::runtime_error);
  CHECK_FALSE(std::filesystem::exists(folder / "d.json"));
}

TEST_CASE("json: strict access") {
  const Json object = parse_json(
      R"({"n": 5, "x": 1.5, "neg": -1, "s": "t", "b": true, "null": null, "l": [1, 2], "m": [1, "a"],
          "big": 9223372036854775808})",
      "text");
  CHECK(json_get<int64_t>(object, "n", "f") == 5);
  CHECK(json_get<double>(object, "n", "f") == 5);
  CHECK(json_get<std::string>(object, "s", "f") == "t");
  CHECK(json_get<bool>(object, "b", "f"));
  CHECK(json_get<std::vector<int64_t>>(object, "l", "f") == std::vector<int64_t>{1, 2});
  CHECK(json_get<uint64_t>(object, "big", "f") == 9223372036854775808U);
  CHECK(json_get<int8_t>(object, "neg", "f") == -1);
  CHECK(json_get_or<int64_t>(object, "absent", 3, "f") == 3);
  CHECK(json_get_or<double>(object, "null", 2.5, "f") == 2.5);
  CHECK(json_get_or(object, "absent", "text", "f") == "text");
  const auto error = [&](const auto& action) -> std::string {
    try {
      action();
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "no error";
  };
  CHECK(error([&] { json_get<int64_t>(object, "absent", "f"); }) == "f: 'absent' is missing");
  CHECK(error([&] { json_get<int8_t>(object, "x", "f"); }) ==
        "f: 'x' is 1.5, expected a whole number from -128 to 127");
  CHECK(error([&] { json_get<double>(object, "b", "f"); }) == "f: 'b' is true, expected a number");
  CHECK(error([&] { json_get<bool>(object, "n", "f"); }) == "f: 'n' is 5, expected true or false");
  CHECK(error([&] { json_get_or<std::string>(object, "n", "", "f"); }) ==
        "f: 'n' is 5, expected a string");
  CHECK(error([&] { json_get<std::vector<double>>(object, "m", "f"); }) ==
        "f: 'm' is [1,\"a\"], expected a list, each entry a number");
  CHECK(error([&] { json_get<int64_t>(object, "big", "f"); }).find("9223372036854775808") !=
        std::string::npos);
  CHECK(error([&] { json_get<uint64_t>(object, "neg", "f"); }).find("is -1") != std::string::npos);
  CHECK(error([&] { json_get<bool>(Json(3), "n", "f"); }) ==
        "f: 3 where an object with 'n' was expected");
}

TEST_CASE("sha-256: the vectors of FIPS 180-4 and block boundaries") {
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(sha256(std::string(1'000'000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  const TempDir folder;
  for (size_t length : {0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 300'000}) {
    const std::string bytes(length, 'z');
    Sha256 pieces;
    for (size_t i = 0; i < length; i += 37) pieces.update(std::string_view(bytes).substr(i, 37));
    CHECK(pieces.hex_digest() == sha256(bytes));
    write_file_atomically(folder / "f", bytes);
    CHECK(sha256_file(folder / "f") == sha256(bytes));
  }
  CHECK_THROWS_WITH_AS(sha256_file(folder / "none"), doctest::Contains("cannot read"),
                       std::runtime_error);
  CHECK_THROWS_WITH_AS(sha256_file(folder.path()), doctest::Contains("cannot read"),
                       std::runtime_error);
}

TEST_CASE("manifest: says what a run was made of and is never overwritten") {
  const TempDir folder;
  write_file_atomically(folder / "w", "abc");
  ManifestInputs inputs;
  inputs.arguments = {"train", "--seed=3"};
  inputs.seed = 18446744073709551615U;
  inputs.files = {{"weights", folder / "w"}};
  inputs.libraries = {{"opencv", "4.6"}};
  const Json manifest = make_manifest(inputs);
  CHECK(manifest["files"]["weights"]["sha256"] == sha256("abc"));
  CHECK(manifest["seed"] == 18446744073709551615U);
  CHECK(manifest["libraries"]["opencv"] == "4.6");
  CHECK(manifest["libraries"]["libtorch"].get<std::string>().rfind("2.", 0) == 0);
  CHECK(manifest["threads"].get<int>() >= 1);
  const std::string revision = manifest["revision"];
  CHECK((revision == "unknown" || revision.size() == 40));
  write_manifest(folder / "manifest.json", manifest);
  CHECK(read_json(folder / "manifest.json") == manifest);
  CHECK_THROWS_WITH_AS(write_manifest(folder / "manifest.json", Json::object()),
                       doctest::Contains("exists"), std::runtime_error);
  CHECK(read_json(folder / "manifest.json") == manifest);
  inputs.files["gone"] = folder / "gone";
  CHECK_THROWS_AS(make_manifest(inputs), std::runtime_error);
}

}  // namespace nvlm
