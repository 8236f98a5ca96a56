// Figures: the points that are plotted, and the files they become.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <set>
#include <stdexcept>

#include "common/atomic_file.h"
#include "experiments/plots/draw.h"
#include "experiments/plots/figure_makers.h"
#include "experiments/plots/gnuplot_script.h"
#include "experiments/plots/suite_series.h"
#include "tests/experiments/stored_suites.h"
#include "tests/support/temp_dir.h"

namespace nvlm::experiments {
namespace {

namespace fs = std::filesystem;
using test::MadeSuite;
using test::TempDir;

/// A suite whose folder lasts as long as it is looked at.
class OpenedSuite {
 public:
  explicit OpenedSuite(const MadeSuite& made) {
    write_made_suite(dir_.path(), made);
    suite_ = open_suite(dir_.path());
  }
  const EvaluatedSuite& operator*() const { return suite_; }

 private:
  TempDir dir_;
  EvaluatedSuite suite_;
};

Figure small_figure() {
  return {
      "small",
      "It's small",
      "Of no run.",
      {{"", {"x"}, {"y"}, {}, {{"a, b", 0, Marks::kLines, {{1.0, 0.1, 0.05, 0.2}, {2.0, 0.5}}}}}}};
}

/// PATH without gnuplot, for the life of the object.
class NoPrograms {
 public:
  NoPrograms() : path_(std::getenv("PATH")) { ::setenv("PATH", "/nowhere", 1); }
  ~NoPrograms() { ::setenv("PATH", path_.c_str(), 1); }

 private:
  std::string path_;
};

}  // namespace

TEST_CASE("figure: the points as CSV, to the bit") {
  CHECK(figure_csv(small_figure()) ==
        "panel,series,x,y,low,high\r\n"
        ",\"a, b\",1,0.1,0.05,0.2\r\n"
        ",\"a, b\",2,0.5,,\r\n");
  Figure bars = small_figure();
  bars.panels[0].categories = {"none", "1-D\ntags", "2-D"};
  CHECK(figure_csv(bars).find(",\"a, b\",1-D tags,0.1,") != std::string::npos);
}

TEST_CASE("figure: what cannot be drawn is refused") {
  const auto refuse = [](const std::string& part, const auto& edit) {
    Figure figure = small_figure();
    edit(figure);
    CAPTURE(part);
    CHECK_THROWS_WITH_AS(figure_script(figure), doctest::Contains(part.c_str()),
                         std::invalid_argument);
  };
  refuse("file name", [](Figure& figure) { figure.name = "../small"; });
  refuse("no panels", [](Figure& figure) { figure.panels.clear(); });
  refuse("no points", [](Figure& figure) { figure.panels[0].series.clear(); });
  refuse("half an interval", [](Figure& f) { f.panels[0].series[0].points[0].low.reset(); });
  refuse("cannot show", [](Figure& f) { f.panels[0].series[0].points[0].y = std::nan(""); });
  refuse("cannot show", [](Figure& f) {
    f.panels[0].x.log_base = 10;
    f.panels[0].series[0].points[0].x = 0.0;
  });
  refuse("without a category", [](Figure& f) { f.panels[0].categories = {"one"}; });
  refuse("without a category", [](Figure& f) { f.panels[0].series[0].marks = Marks::kBars; });
}

TEST_CASE("figure: looks differ without colour") {
  std::set<std::pair<int, int>> dash_and_marker;
  std::set<int> markers;
  for (int look = 0; look < 8; ++look) {
    dash_and_marker.insert({series_look(look).dash, series_look(look).marker});
    markers.insert(series_look(look).marker);
  }
  CHECK(dash_and_marker.size() == 8);
  CHECK(markers.size() == 8);
  // Lightness of the three ways, D darkest: apart by more than a twentieth.
  const auto lightness = [](int look) {
    const int rgb = static_cast<int>(std::strtol(series_look(look).colour + 1, nullptr, 16));
    return (0.2126 * (rgb >> 16) + 0.7152 * ((rgb >> 8) & 255) + 0.0722 * (rgb & 255)) / 255.0;
  };
  CHECK(lightness(1) - lightness(0) > 0.05);
  CHECK(lightness(2) - lightness(1) > 0.05);
}

TEST_CASE("figure: files of all kinds, and nothing left behind") {
  const TempDir dir;
  write_figures(std::vector<Figure>{small_figure()}, dir / "plots");
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(dir / "plots")) {
    names.insert(entry.path().filename().string());
    CHECK(fs::file_size(entry.path()) > 0);
  }
  CHECK(names == std::set<std::string>{"small.csv", "small.gp", "small.pdf", "small.png",
                                       "small.svg", "small.txt"});
  CHECK(read_text_file(dir / "plots" / "small.svg").find("a, b") != std::string::npos);
  CHECK(read_text_file(dir / "plots" / "small.png").substr(1, 3) == "PNG");
  CHECK(read_text_file(dir / "plots" / "small.pdf").substr(0, 4) == "%PDF");
  CHECK(read_text_file(dir / "plots" / "small.txt") == "It's small\n\nOf no run.\n");
  CHECK_THROWS_WITH_AS(
      write_figures(std::vector<Figure>{small_figure(), small_figure()}, dir.path()),
      doctest::Contains("two figures have this name"), std::invalid_argument);
}

TEST_CASE("figure: without gnuplot the package is named and the points are there") {
  const TempDir dir;
  {
    const NoPrograms none;
    CHECK_THROWS_WITH_AS(write_figures(std::vector<Figure>{small_figure()}, dir.path()),
                         doctest::Contains("gnuplot-nox"), std::runtime_error);
  }
  CHECK(read_text_file(dir / "small.csv") == figure_csv(small_figure()));
  CHECK(!fs::exists(dir / "small.svg"));
  CHECK(dir.num_entries() == 3);
}

TEST_CASE("figure: one value, one point, decades and prefixes are drawn") {
  Figure figure = small_figure();
  figure.panels[0].series[0].points = {{3.0, 0.5}};
  figure.panels.push_back({"decades",
                           {"FLOPs", 10, true},
                           {"y"},
                           {},
                           {{"s", 3, Marks::kPoints, {{1e9, 0.0}, {1e12, 0.0}}}}});
  figure.panels.push_back(
      {"prefix",
       {"FLOPs", 10, true},
       {"y"},
       {},
       {{"s", 4, Marks::kCurves, {{2e12, 1.0, 0.5, 2.0}, {3e12, 2.0, 1.0, 3.0}}}}});
  const std::string script = figure_script(figure);
  CHECK(script.find("set logscale x 10") != std::string::npos);
  CHECK(script.find("FLOPs (T)") != std::string::npos);
  const auto panels = draw_panels(std::vector<Figure>{figure});
  REQUIRE(panels.size() == 1);
  REQUIRE(panels[0].size() == 3);
  CHECK(panels[0][1].find("1T") != std::string::npos);
  for (const std::string& panel : panels[0]) CHECK(panel.find("</svg>") != std::string::npos);
}

TEST_CASE("figures of a fusion suite: one panel per matching, one series per arm") {
  const OpenedSuite suite(test::fusion_suite());
  const std::vector<Figure> tiles = accuracy_against_tiles(*suite);
  REQUIRE(tiles.size() == 1);
  CHECK(tiles[0].name == "fusion-micro-accuracy-tiles");
  REQUIRE(tiles[0].panels.size() == 3);
  CHECK(tiles[0].panels[2].title == "equal training FLOPs");
  REQUIRE(tiles[0].panels[0].series.size() == 3);
  const Series& d = tiles[0].panels[0].series[0];
  REQUIRE(d.points.size() == 6);  // items of 1 to 6 tiles
  // The point of one tile is the mean over seeds of the means over its items.
  double expected = 0.0, low = 1.0;
  for (const StoredRun* run : runs_of((*suite).stored, "samples", "d")) {
    double sum = 0.0;
    int count = 0;
    for (const ItemRow& row : run->rows) {
      if (row.tiles != 1) continue;
      sum += row.token_accuracy;
      ++count;
    }
    expected += sum / count / 3.0;
    low = std::min(low, sum / count);
  }
  CHECK(d.points[0].x == 1.0);
  CHECK(d.points[0].y == doctest::Approx(expected));
  CHECK(*d.points[0].low == doctest::Approx(low));
  CHECK(tiles[0].caption.find("fusion/samples/{d,x,h}/seed-{1,2,3}") != std::string::npos);

  const std::vector<Figure> heights = accuracy_against_glyph_height(*suite);
  REQUIRE(heights.size() == 1);
  // 60 items of twelve heights in bins of at least 12 items: three heights of five items each.
  REQUIRE(heights[0].panels[0].series[0].points.size() == 4);
  CHECK(heights[0].panels[0].series[0].points[0].x == doctest::Approx(7.0));

  const std::vector<Figure> flops = accuracy_against_training_flops(*suite);
  REQUIRE(flops.size() == 1);
  CHECK(flops[0].panels[0].series[1].points[0].x == 2e12);
  CHECK(loss_curves(*suite)[0].panels[0].series[0].points.size() == 20);
  const std::vector<Figure> gates = gate_curves(*suite);
  REQUIRE(gates.size() == 3);
  REQUIRE(gates[0].panels.size() == 4);  // X and H, attention and feed-forward
  CHECK(gates[0].panels[0].series.size() == 3);
  CHECK(tile_tag_bars(*suite).empty());
}

TEST_CASE("figures of arms and differences") {
  const OpenedSuite suite(test::fusion_suite());
  const SuiteResults& results = (*suite).results;
  const Panel arms = headline_points(*suite)[0].panels[0];
  CHECK(arms.categories == std::vector<std::string>{"equal\nsamples", "equal trainable\nparameters",
                                                    "equal training\nFLOPs"});
  REQUIRE(arms.series.size() == 3);
  REQUIRE(arms.series[1].points.size() == 3);
  const ArmResult& x = find_arm(results, "parameters", "x");
  CHECK(arms.series[1].label == "NVLM-X");
  CHECK(arms.series[1].points[1].x == 1.0);
  CHECK(arms.series[1].points[1].y == x.headline.mean);
  CHECK(*arms.series[1].points[1].high == x.headline.high);

  const Panel differences = difference_points(*suite)[0].panels[0];
  CHECK(differences.categories == std::vector<std::string>{"x\nvs d", "h\nvs d", "h\nvs x"});
  REQUIRE(differences.series.size() == 3);
  CHECK(differences.series[2].label == "equal training FLOPs");
  const ComparisonResult& last = results.comparisons.back();
  CHECK(differences.series[2].points[2].y == last.difference);
  CHECK(*differences.series[2].points[2].low == last.test->low);
}

TEST_CASE("figures of cost: the Pareto front and N answers by hand") {
  const OpenedSuite suite(test::fusion_suite());
  const Figure cost = accuracy_against_answer_cost(*suite)[0];
  const Series& front = cost.panels[0].series.back();
  CHECK(front.label == "Pareto front");
  for (size_t i = 1; i < front.points.size(); ++i) {
    CHECK(front.points[i].x >= front.points[i - 1].x);
    CHECK(front.points[i].y > front.points[i - 1].y);
  }
  for (size_t s = 0; s + 1 < cost.panels[0].series.size(); ++s) {  // none is above the front
    for (const FigurePoint& point : cost.panels[0].series[s].points) {
      double best = -1.0;
      for (const FigurePoint& edge : front.points) {
        if (edge.x <= point.x) best = std::max(best, edge.y);
      }
      CHECK(best >= point.y);
    }
  }
  const Figure samples = flops_against_samples(*suite)[0];
  const ArmResult& x = find_arm((*suite).results, "samples", "x");
  const FigurePoint& four = samples.panels[0].series[1].points[2];
  CHECK(four.x == 4.0);
  CHECK(four.y == doctest::Approx(5e9 + 5e9 + 4.0 * x.answer_tokens * 2e7));
}

TEST_CASE("figures of tile tags and of resolution") {
  const OpenedSuite tags(test::tile_tags_suite());
  const Figure bars = tile_tag_bars(*tags)[0];
  REQUIRE(bars.panels.size() == 3);
  CHECK(bars.panels[0].categories ==
        std::vector<std::string>{"none", "1-D", "2-D grid", "2-D box"});
  CHECK(bars.panels[1].series[0].points[4].y == 87.4);   // NVLM table 1, 1-D, DocVQA
  CHECK(bars.panels[2].series[1].points[2].y == 744.0);  // table 2, 1-D, OCRBench
  CHECK(bars.panels[2].series[1].points[2].x == 4.0);

  const OpenedSuite resolution(test::resolution_suite());
  const Figure tiles = accuracy_against_tiles(*resolution)[0];
  REQUIRE(tiles.panels.size() == 1);
  REQUIRE(tiles.panels[0].series.size() == 1);
  REQUIRE(tiles.panels[0].series[0].points.size() == 4);
  CHECK(tiles.panels[0].series[0].points[3].x == 6.0);
  CHECK(flops_against_samples(*resolution).empty());
}

TEST_CASE("loss curves: a point only where every seed has one") {
  const TempDir dir;
  write_made_suite(dir.path(), test::resolution_suite());
  write_file_atomically(run_folder(dir.path(), "none", "tiles-1", 2) / "metrics.jsonl",
                        "{\"samples\": 160, \"loss\": 9}\n{\"samples\": 170, \"loss\": 9}\n");
  fs::remove(run_folder(dir.path(), "none", "tiles-2", 1) / "metrics.jsonl");
  const Figure figure = loss_curves(open_suite(dir.path()))[0];
  REQUIRE(figure.panels[0].series.size() == 3);  // without the arm that lacks metrics
  REQUIRE(figure.panels[0].series[0].points.size() == 1);
  CHECK(figure.panels[0].series[0].points[0].x == 160.0);
  CHECK(*figure.panels[0].series[0].points[0].high == 9.0);
  CHECK(figure.caption.find("{tiles-1,tiles-4,tiles-6}") != std::string::npos);
}

TEST_CASE("figures by name: unknown and impossible ones are refused") {
  const OpenedSuite resolution(test::resolution_suite());
  const std::vector<EvaluatedSuite> suites = {*resolution};
  CHECK(figures_named(suites, "accuracy-tiles").size() == 1);
  CHECK_THROWS_WITH_AS(figures_named(suites, "acuracy-tiles"),
                       doctest::Contains("did you mean 'accuracy-tiles'"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(figures_named(suites, "tile-tags"), doctest::Contains("cannot be made"),
                       std::invalid_argument);
}

}  // namespace nvlm::experiments
