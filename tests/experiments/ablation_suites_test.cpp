// Suites and presets as data, what runs are scored on, and which folders may be continued.
#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "common/error.h"
#include "experiments/ablations/ablate.h"
#include "experiments/ablations/continuation.h"
#include "experiments/ablations/held_out.h"
#include "experiments/data/label_noise.h"
#include "experiments/data/utf8.h"
#include "experiments/tasks/coded_features.h"
#include "tests/support/temp_dir.h"

namespace nvlm::experiments {
namespace {

TEST_CASE("suites: every arm under every preset is a model that can be built") {
  for (const std::string& suite_name : suite_names()) {
    CAPTURE(suite_name);
    const SuiteRecipe suite = suite_recipe(suite_name);
    REQUIRE(suite.arms.size() >= 2);
    CHECK_FALSE(suite.question.empty());
    CHECK_FALSE(suite.matchings.empty());
    std::set<std::string> arms;
    for (const ArmRecipe& arm : suite.arms) {
      CAPTURE(arm.name);
      CHECK(arms.insert(arm.name).second);
      for (const std::string& preset_name : ablation_preset_names()) {
        CAPTURE(preset_name);
        const ExperimentConfig config =
            arm_config(suite, ablation_preset(preset_name), arm, /*steps=*/0);
        CHECK_NOTHROW(config.train.validate());
        CHECK_NOTHROW(fusion::validate(multimodal_config(config.model)));
      }
    }
    for (const auto& [baseline, arm] : suite.comparisons) {
      CHECK(arms.count(baseline) == 1);
      CHECK(arms.count(arm) == 1);
      CHECK(baseline != arm);
    }
  }
}

TEST_CASE("suites: an arm's own fields have the last word, and given steps come before them") {
  const SuiteRecipe suite = suite_recipe("text-mix");
  const AblationPreset preset = ablation_preset("micro");
  CHECK(arm_config(suite, preset, suite.arms[0], 77).train.steps == 1);
  CHECK(arm_config(suite, preset, suite.arms[1], 77).train.steps == 77);
  CHECK(arm_config(suite, preset, suite.arms[1], 0).train.steps == 40);
  CHECK(arm_config(suite, preset, suite.arms[2], 0).data.text_only == 0.05);
}

TEST_CASE("suites: unknown names are refused with the nearest") {
  CHECK_THROWS_WITH_AS(suite_recipe("fusoin"), doctest::Contains("did you mean 'fusion'?"),
                       UsageError);
  CHECK_THROWS_WITH_AS(ablation_preset("labquick"), doctest::Contains("did you mean 'lab-quick'?"),
                       UsageError);
}

TEST_CASE("held-out items: the same every time, no training seed draws them") {
  MixtureConfig mixture;
  mixture.easy = 0;
  mixture.tiny = 1;
  CHECK(held_out_table(mixture, 3).markdown == held_out_table(mixture, 3).markdown);
  CHECK(held_out_text(1) == held_out_text(1));
  std::set<std::string> seen;
  for (int64_t i = 0; i < 20; ++i) seen.insert(held_out_table(mixture, i).markdown);
  CHECK(seen.size() == 20);
  // Whatever seed a training has, even theirs, its streams lie in the other half.
  for (int64_t i = 0; i < 20; ++i) {
    for (const uint64_t seed : {uint64_t{1}, uint64_t{20250101}}) {
      Random random = training_random(seed, i);
      CHECK(seen.count(render_training_table(mixture, random).markdown) == 0);
    }
  }
  const auto rows = held_out_rows(HeldOut::kTables, mixture, 3);
  CHECK(rows[2].item == "table-tiny1-20250101-00002");
  CHECK(item_list_hash(rows) != item_list_hash(held_out_rows(HeldOut::kTables, mixture, 4)));
  CHECK(item_list_hash(rows) != item_list_hash(held_out_rows(HeldOut::kText, mixture, 3)));
}

TEST_CASE("wrong ground truth keeps the table's form, its picture and its length") {
  Random random(9);
  int64_t changed = 0, cells = 0;
  for (int i = 0; i < 30; ++i) {
    RenderedTable table = render_table_sample(easy(), 4, static_cast<uint64_t>(i));
    const RenderedTable before = table;
    CHECK(corrupt_cells(table.answer, table.glyphs, 0, random) == 0);
    CHECK(table.answer == before.answer);
    changed += corrupt_cells(table.answer, table.glyphs, 0.3, random);
    std::set<std::pair<int64_t, int64_t>> texts;
    for (const Glyph& glyph : table.glyphs) texts.insert({glyph.row, glyph.column});
    cells += static_cast<int64_t>(texts.size());
    const std::u32string was = code_points(before.answer), is = code_points(table.answer);
    REQUIRE(was.size() == is.size());
    for (size_t c = 0; c < was.size(); ++c) {
      const bool is_syntax = was[c] == U'|' || was[c] == U'\n' || was[c] == U'\\';
      if (is_syntax) CHECK(was[c] == is[c]);
    }
    CHECK(at::equal(table.image, before.image));
  }
  CHECK(static_cast<double>(changed) / static_cast<double>(cells) ==
        doctest::Approx(0.3).epsilon(0.25));
}

TEST_CASE("coded features: print below the legible height fades") {
  vision::VisionConfig vision;
  vision.hidden = 64;
  vision.image_size = 112;
  const CodedFeatures coded(vision, /*legible_height=*/12), perfect(vision, 1e-3);
  const std::vector<Glyph> print = {{U'a', 30, 50, 8, 12, 0, 0, 0}, {U'b', 60, 50, 8, 12, 1, 0, 0}};
  const vision::ImageLayout one_tile{1, 1, true};
  const auto error = [&](int64_t side) {  // mean squared difference from an error-free reading
    double sum = 0;
    for (uint64_t i = 0; i < 20; ++i) {
      Random a(i), b(i);
      const Tensor seen = coded(print, side, side, one_tile, a);
      const Tensor same = perfect(print, side, side, one_tile, b);
      sum += (seen - same).square().mean().item<double>();
    }
    return sum;
  };
  CHECK(error(112) == doctest::Approx(0.0));  // 12 pixels on the tile
  CHECK(error(224) > 0.1);                    // 6 pixels
  CHECK(median_glyph_height(print) == 12.0);
}

Suite small_suite() {
  Suite suite;
  suite.suite = "fusion";
  suite.preset = "micro";
  suite.revision = "abc";
  suite.metric = "teds";
  suite.seeds = {1, 2};
  suite.items_hash = "0123";
  suite.num_items = 4;
  suite.arms = {{"samples", "d", "NVLM-D", {{"fusion.variant", "d"}}, {40, 80, 1e9, 100, 2.0}}};
  return suite;
}

TEST_CASE("a folder is continued only by the same plan") {
  const Suite suite = small_suite();
  Suite other = suite;
  other.arms[0].planned.seconds = 9;  // a slower machine is no other plan
  CHECK(continuation_obstacle(suite, other).empty());
  const auto obstacle = [&](const std::function<void(Suite&)>& change) {
    Suite changed = small_suite();
    change(changed);
    return continuation_obstacle(changed, suite);
  };
  CHECK(obstacle([](Suite& s) { s.suite = "resolution"; }) ==
        "suite is resolution, expected fusion");
  CHECK(obstacle([](Suite& s) { s.revision = "abd"; }) == "revision is abd, expected abc");
  CHECK(obstacle([](Suite& s) { s.seeds = {1}; }) == "seeds is 1, expected 1, 2");
  CHECK(obstacle([](Suite& s) { s.items_hash = "9"; }) == "item list is 9, expected 0123");
  CHECK(obstacle([](Suite& s) { s.arms[0].planned.steps = 41; }) ==
        "steps of arm samples/d is 41, expected 40");
  CHECK(obstacle([](Suite& s) { s.arms[0].options["train.lr"] = "1"; }).find("train.lr=1") !=
        std::string::npos);
  CHECK(obstacle([](Suite& s) { s.arms[0].arm = "x"; }) ==
        "arm samples/x stands where arm samples/d is planned");
}

AblateRequest micro_request(const std::string& suite, const std::filesystem::path& out) {
  AblateRequest request;
  request.suite = suite;
  request.preset = "micro";
  request.out = out;
  return request;
}

TEST_CASE("the plan of frozen-decoder: a frozen decoder is not trained and costs less") {
  const test::TempDir dir;
  const AblationPlan plan = plan_of(micro_request("frozen-decoder", dir / "out"));
  for (const size_t trained : {0, 2}) {
    const PlannedCost &open = plan.suite.arms[trained].planned,
                      &frozen = plan.suite.arms[trained + 1].planned;
    CAPTURE(plan.suite.arms[trained].arm);
    CHECK(frozen.trainable_parameters < open.trainable_parameters / 2);
    CHECK(frozen.train_flops < open.train_flops);
    CHECK(frozen.samples == open.samples);
  }
}

TEST_CASE("the plan of fusion: three matchings agree in what they name") {
  const test::TempDir dir;
  AblateRequest request = micro_request("fusion", dir / "out");
  const AblationPlan plan = plan_of(request);
  REQUIRE(plan.suite.arms.size() == 12);
  CHECK(plan.runs.size() == 24);
  const auto& arms = plan.suite.arms;
  for (const SuiteArm& arm : arms) {
    const SuiteArm& first = arms[arm.matching == "samples"      ? 0
                                 : arm.matching == "parameters" ? 4
                                                                : 8];
    CAPTURE(arm.matching);
    CAPTURE(arm.arm);
    const auto near = [](double a, double b) { return std::abs(a - b) <= 0.02 * std::max(a, b); };
    if (arm.matching == "flops") CHECK(near(arm.planned.train_flops, first.planned.train_flops));
    if (arm.matching != "flops") CHECK(arm.planned.samples == first.planned.samples);
    if (arm.matching == "parameters") {
      CHECK(near(static_cast<double>(arm.planned.trainable_parameters),
                 static_cast<double>(first.planned.trainable_parameters)));
    }
  }
  // Without the planner they would not.
  CHECK(arms[1].planned.trainable_parameters >
        1.05 * static_cast<double>(arms[0].planned.trainable_parameters));
  CHECK(arms[4].options.count("fusion.projector_hidden") == 1);
  // Too few steps for FLOPs to agree within 2%.
  request.steps = 3;
  CHECK_THROWS_WITH_AS(plan_of(request), doctest::Contains("training FLOPs"), UsageError);
  request.allow_unmatched = true;
  CHECK_NOTHROW(plan_of(request));
}

}  // namespace
}  // namespace nvlm::experiments
