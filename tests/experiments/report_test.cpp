// The report: complete, well-formed, and in need of nothing else.
#include "experiments/report/report.h"

#include <doctest/doctest.h>

#include <chrono>
#include <set>
#include <stdexcept>
#include <vector>

#include "experiments/report/html_parts.h"
#include "experiments/report/number_text.h"
#include "experiments/report/report_tables.h"
#include "tests/experiments/stored_suites.h"
#include "tests/support/temp_dir.h"

namespace nvlm::experiments {
namespace {

/// Why the tags of a page do not nest, or "".
std::string nesting_error(const std::string& page) {
  static const std::set<std::string> kVoid = {"meta", "!DOCTYPE"};
  std::vector<std::string> open;
  for (size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at + 1)) {
    const size_t end = page.find('>', at);
    if (end == std::string::npos) return "a tag without an end";
    const std::string tag = page.substr(at + 1, end - at - 1);
    const size_t from = tag[0] == '/' ? 1 : 0;
    const std::string name = tag.substr(from, tag.find_first_of(" \n\t/", from) - from);
    if (tag[0] == '/') {
      if (open.empty() || open.back() != name) return "</" + name + "> closes nothing";
      open.pop_back();
    } else if (tag.back() != '/' && !kVoid.contains(name)) {
      open.push_back(name);
    }
  }
  return open.empty() ? "" : "<" + open.back() + "> is not closed";
}

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

std::vector<EvaluatedSuite> made_suites(const test::TempDir& dir) {
  std::vector<EvaluatedSuite> suites;
  for (const auto& made :
       {test::fusion_suite(), test::tile_tags_suite(), test::resolution_suite()}) {
    write_made_suite(dir / made.suite, made);
    suites.push_back(open_suite(dir / made.suite));
  }
  return suites;
}

}  // namespace

TEST_CASE("report: one well-formed page without scripts or loads, in less than ten seconds") {
  const test::TempDir dir;
  made_suites(dir);  // writing is not counted
  const auto start = std::chrono::steady_clock::now();
  std::vector<EvaluatedSuite> suites;
  for (const char* suite : {"fusion", "tile-tags", "resolution"}) {
    suites.push_back(open_suite(dir / suite));
  }
  const std::string page = html_report(suites);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
  CHECK(nesting_error(page) == "");
  CHECK(page.find("http") == std::string::npos);
  CHECK(page.find("<script") == std::string::npos);
  CHECK(page.find("<link") == std::string::npos);
  CHECK(page.find("@import") == std::string::npos);
  CHECK(page.find("url(") == page.find("url(#"));
  CHECK(count_of(page, "<svg role=\"img\"") > 20);

  std::set<std::string> ids;
  for (const char quote : {'\'', '"'}) {
    const std::string begin = std::string(" id=") + quote;
    for (size_t at = page.find(begin); at != std::string::npos; at = page.find(begin, at + 1)) {
      const size_t from = at + begin.size();
      CHECK(ids.insert(page.substr(from, page.find(quote, from) - from)).second);
    }
  }
  for (const char* part : {"Claims and evidence", "confirmed", "not measured",
                           "NVLM-X against NVLM-D", "nvlm ablate fusion --preset micro",
                           "Does it matter?", "fusion/samples/{d,x,h}/seed-{1,2,3}"}) {
    CAPTURE(part);
    CHECK(page.find(part) != std::string::npos);
  }
}

TEST_CASE("report: text of suites is text, not markup") {
  const test::TempDir dir;
  test::MadeSuite made = test::resolution_suite();
  made.arms[0].label = "<b>one</b> & \"more\"";
  write_made_suite(dir.path(), made);
  const std::vector<EvaluatedSuite> suites = {open_suite(dir.path())};
  const std::string page = html_report(suites);
  CHECK(page.find("<b>one") == std::string::npos);
  CHECK(page.find("&lt;b&gt;one&lt;/b&gt; &amp; &quot;more&quot;") != std::string::npos);
  CHECK(nesting_error(page) == "");
}

TEST_CASE("report: the Markdown holds the same tables") {
  const test::TempDir dir;
  const std::vector<EvaluatedSuite> suites = made_suites(dir);
  const std::string text = markdown_report(suites);
  CHECK(text.find("| claim | where | verdict | evidence |") != std::string::npos);
  CHECK(text.find("## fusion, micro") != std::string::npos);
  for (const SuiteResults& results : {suites[0].results, suites[2].results}) {
    for (const ArmResult& arm : results.arms) {
      CHECK(text.find("| " + arm.arm.label + " | " + decimals(arm.headline.mean, 4) + " |") !=
            std::string::npos);
    }
  }
  CHECK_THROWS_AS(markdown_report({}), std::invalid_argument);
  CHECK_THROWS_AS(html_report({}), std::invalid_argument);
}

TEST_CASE("report: numbers as a reader wants them") {
  CHECK(short_number(0.0) == "0");
  CHECK(short_number(0.12345) == "0.123");
  CHECK(short_number(999.0) == "999");
  CHECK(short_number(999.7) == "1.00 k");
  CHECK(short_number(1'234'567.0) == "1.23 M");
  CHECK(short_number(12'345'678.0) == "12.3 M");
  CHECK(short_number(9.9962e9) == "10.0 G");
  CHECK(short_number(4e12) == "4.00 T");
  CHECK(p_value_text(0.0321) == "0.032");
  CHECK(p_value_text(0.0004) == "< 0.001");
  CHECK(signed_decimals(-0.5, 2) == "-0.50");
  CHECK(signed_decimals(0.5, 2) == "+0.50");
  CHECK(signed_decimals(-0.001, 2) == "0.00");
  CHECK(decimals(-0.0, 1) == "0.0");
}

TEST_CASE("inline SVG: no prolog, no namespaces, ids of its own") {
  const std::string svg = inline_svg(
      "<?xml version=\"1.0\"?>\n<svg \n xmlns=\"http://a\"\n xmlns:xlink=\"http://b\">\n"
      "<title>Gnuplot</title>\n<desc>made</desc><circle id='dot'/><use xlink:href='#dot'/>"
      "<g fill=\"url(#dot)\"/></svg>\n",
      "f1-", "a < b");
  CHECK(svg.find("http") == std::string::npos);
  CHECK(svg.find("Gnuplot") == std::string::npos);
  CHECK(svg.find("<svg role=\"img\" aria-label=\"a &lt; b\"") == 0);
  CHECK(svg.find("<circle id='f1-dot'/><use xlink:href='#f1-dot'/><g fill=\"url(#f1-dot)\"/>") !=
        std::string::npos);
  CHECK_THROWS_AS(inline_svg("no picture", "p", "t"), std::runtime_error);
}

}  // namespace nvlm::experiments
