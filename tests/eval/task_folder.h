// A small tables task on disk.
#pragma once

#include <filesystem>
#include <string>

#include "common/atomic_file.h"
#include "tests/support/temp_dir.h"

namespace nvlm::test {

inline const char* const kPlainMarkdown = "| a | b |\n| --- | --- |\n| 1 | 2 |\n";
inline const char* const kSpanHtml =
    "<table><tr><td colspan=\"2\">head</td></tr><tr><td>1</td><td>2</td></tr></table>";
inline const char* const kSpanMarkdown = "| head |  |\n| --- | --- |\n| 1 | 2 |\n";

/// One white pixel as a PNG file.
inline const std::string kPngPixel(
    "\211\120\116\107\015\012\032\012\000\000\000\015\111\110\104\122"
    "\000\000\000\001\000\000\000\001\010\002\000\000\000\220\167\123"
    "\336\000\000\000\014\111\104\101\124\170\234\143\370\377\377\077"
    "\000\005\376\002\376\015\357\106\270\000\000\000\000\111\105\116"
    "\104\256\102\140\202",
    69);

/// Items "plain" (Markdown only), "span" and "again" (both; one document).
class TaskFolder {
 public:
  TaskFolder() {
    write("a.png", kPngPixel);
    write("plain.md", kPlainMarkdown);
    write("span.md", kSpanMarkdown);
    write("span.html", kSpanHtml);
    write("index.jsonl",
          R"({"id":"plain","image":"a.png","md":"plain.md","n_rows":2,"n_cols":2})"
          "\n"
          R"({"id":"span","image":"a.png","md":"span.md","html":"span.html","doc":"d"})"
          "\n"
          R"({"id":"again","image":"a.png","md":"span.md","html":"span.html","doc":"d"})"
          "\n");
  }
  void write(const std::string& name, const std::string& content) const {
    write_file_atomically(folder_ / name, content);
  }
  const std::filesystem::path& path() const { return folder_.path(); }
  std::filesystem::path run() const { return folder_ / "run"; }

 private:
  TempDir folder_;
};

}  // namespace nvlm::test
