// A folder appears complete or not at all.
#include "common/atomic_folder.h"

#include <doctest/doctest.h>

#include <fstream>

#include "common/atomic_file.h"
#include "tests/support/temp_dir.h"

namespace nvlm::test {
namespace {

void put(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

}  // namespace

TEST_CASE("an atomic folder stands there after commit, with parents, and nothing beside it") {
  const TempDir dir;
  AtomicFolder folder(dir / "a/b/");
  put(folder.path() / "x", "1");
  CHECK_FALSE(std::filesystem::exists(dir / "a/b"));
  folder.commit();
  CHECK(read_text_file(dir / "a/b/x") == "1");
  CHECK(std::distance(std::filesystem::directory_iterator(dir / "a"), {}) == 1);
}

TEST_CASE("an atomic folder without commit leaves what was there") {
  const TempDir dir;
  std::filesystem::create_directory(dir / "a");
  put(dir / "a/old", "1");
  {
    AtomicFolder folder(dir / "a");
    put(folder.path() / "new", "2");
    CHECK(dir.num_entries() == 2);
  }
  CHECK(dir.num_entries() == 1);
  CHECK(read_text_file(dir / "a/old") == "1");
  CHECK_FALSE(std::filesystem::exists(dir / "a/new"));
}

TEST_CASE("an atomic folder replaces the whole of an old one, behind a link, too") {
  const TempDir dir;
  std::filesystem::create_directory(dir / "real");
  std::filesystem::create_directory_symlink(dir / "real", dir / "link");
  put(dir / "real/old", "1");
  AtomicFolder folder(dir / "link");
  put(folder.path() / "new", "2");
  folder.commit();
  CHECK(dir.num_entries() == 2);
  CHECK(std::filesystem::is_symlink(dir / "link"));
  CHECK_FALSE(std::filesystem::exists(dir / "real/old"));
  CHECK(read_text_file(dir / "real/new") == "2");
}

TEST_CASE("an atomic folder cannot take the place of a file") {
  const TempDir dir;
  put(dir / "file", "1");
  CHECK_THROWS_WITH(AtomicFolder(dir / "file"), doctest::Contains("Not a directory"));
  CHECK_THROWS_AS(AtomicFolder(dir / "file/a"), std::exception);
  CHECK(dir.num_entries() == 1);
}

}  // namespace nvlm::test
