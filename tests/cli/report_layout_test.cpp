// The report in a real browser, at the width of a desk and of a phone.
#include <doctest/doctest.h>

#include <cstdlib>
#include <optional>

#include "common/atomic_file.h"
#include "common/json.h"
#include "tests/cli/program.h"
#include "tests/experiments/stored_suites.h"

namespace nvlm::test {
namespace {

/// Writes what it finds into the page: the widths of page and window, and how many texts of figures
/// leave their figure, stand on each other, or are too small to read; cells whose text overflows.
constexpr const char* kMeasure = R"html(<script>
const clipped = [], overlapping = [], small = [];
for (const svg of document.querySelectorAll("svg")) {
  const frame = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll("text")].filter(text => text.textContent.trim() !== "")
    .map(text => ({ box: text.getBoundingClientRect(), name: text.textContent.trim() }));
  texts.forEach(({ box, name }, i) => {
    if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 ||
        box.bottom > frame.bottom + 1) clipped.push(svg.getAttribute("aria-label") + ": " + name);
    if (Math.min(box.height, box.width) < 7 && name.length > 1) small.push(name);
    for (const other of texts.slice(i + 1)) {
      if (Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left) > 1 &&
          Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top) > 1)
        overlapping.push(svg.getAttribute("aria-label") + ": " + name + " | " + other.name);
    }
  });
}
const overflowing = [...document.querySelectorAll("td, th, p, figcaption, h1, h2, h3, pre")]
  .filter(element => element.scrollWidth > element.clientWidth + 1)
  .map(element => element.textContent);
const found = document.createElement("pre");
found.id = "measured";
found.textContent = JSON.stringify({ page: document.scrollingElement.scrollWidth,
  window: innerWidth, figures: document.querySelectorAll("svg").length, clipped, overlapping,
  small, overflowing });
parent.document.body.append(found);
</script>)html";

std::optional<std::string> browser() {
  for (const char* name : {"chromium", "chromium-browser", "google-chrome"}) {
    if (std::system(("command -v " + std::string(name) + " >/dev/null").c_str()) == 0) return name;
  }
  return std::nullopt;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

/// What kMeasure found in the page at this width. It stands in a frame, since windows of Chromium
/// are never narrower than 500 pixels.
Json measured(const std::string& program, std::string page, int width) {
  const TempDir dir;
  page.insert(page.rfind("</body>"), kMeasure);
  write_file_atomically(dir / "frame.html",
                        "<!DOCTYPE html><body><iframe style=\"border: 0; height: 2000px; width: " +
                            std::to_string(width) + "px\" srcdoc=\"" +
                            replaced(replaced(page, "&", "&amp;"), "\"", "&quot;") +
                            "\"></iframe></body>");
  const std::string command =
      "timeout 120 " + program +
      " --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1400,2100" +
      " --user-data-dir=" + (dir / "profile").string() + " --dump-dom " +
      (dir / "frame.html").string() + " >" + (dir / "dom").string() + " 2>" +
      (dir / "err").string();
  REQUIRE(std::system(command.c_str()) == 0);
  std::string text = read_text_file(dir / "dom");
  const std::string begin = "<pre id=\"measured\">";
  const size_t from = text.find(begin);
  REQUIRE(from != std::string::npos);
  text = text.substr(from + begin.size(), text.find("</pre>", from) - from - begin.size());
  text = replaced(replaced(replaced(text, "&lt;", "<"), "&gt;", ">"), "&amp;", "&");
  return parse_json(text, "the browser's answer");
}

TEST_CASE("the report fits a window of 1280 and of 480 pixels") {
  const std::optional<std::string> program = browser();
  if (!program) {
    MESSAGE("skipped: no Chromium, whose package is called chromium");
    return;
  }
  const TempDir dir;
  std::string folders;
  for (const MadeSuite& made :
       {fusion_suite(), tile_tags_suite(), resolution_suite(), cross_layers_suite()}) {
    write_made_suite(dir / made.suite, made);
    folders += " " + (dir / made.suite).string();
  }
  const std::filesystem::path page = dir / "report.html";
  REQUIRE(nvlm("report" + folders + " --out " + page.string()).exit_code == 0);
  for (const int width : {1280, 480}) {
    const Json found = measured(*program, read_text_file(page), width);
    CAPTURE(found.dump());
    CHECK(found["window"].get<int>() == width);
    CHECK(found["page"].get<int>() <= width);
    CHECK(found["figures"].get<int>() > 30);
    for (const char* fault : {"clipped", "overlapping", "small", "overflowing"}) {
      CAPTURE(fault);
      CHECK(found[fault].empty());
    }
  }
}

}  // namespace
}  // namespace nvlm::test
