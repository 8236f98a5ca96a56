// The recipes of the paper's tables, and what a recipe refuses.
#include <doctest/doctest.h>

#include "common/error.h"
#include "experiments/recipes/recipe.h"
#include "tests/support/golden.h"

namespace nvlm::experiments {

TEST_CASE("the paper's recipes have the numbers of tables 10 and 11, scaled as said") {
  const auto samples = [](const TrainConfig& c) { return c.batch_size * c.accumulation; };
  struct Row {
    const char* name;
    fusion::Variant variant;
    double lr, min_lr, beta2, decay, clip;
    int64_t batch, warmup, steps, tiles;  // the paper's
  };
  using fusion::Variant;
  for (const Row& row : {
           Row{"nvlm-d-pretrain", Variant::kDecoder, 1e-4, 2.5e-5, .95, .1, 10, 2048, 500, 20000,
               1},
           Row{"nvlm-x-pretrain", Variant::kCrossAttention, 1e-4, 1e-5, .95, .05, 1, 2048, 1000,
               20000, 1},
           Row{"nvlm-h-pretrain", Variant::kHybrid, 1e-4, 1e-5, .98, .05, 1, 2048, 1000, 20000, 6},
           Row{"nvlm-d-sft", Variant::kDecoder, 2e-6, 2.5e-7, .98, .1, 10, 128, 1000, 40000, 6},
           Row{"nvlm-x-sft", Variant::kCrossAttention, 1e-5, 1e-7, .98, .05, 1, 256, 500, 20000, 6},
           Row{"nvlm-h-sft", Variant::kHybrid, 1e-5, 1e-7, .98, .05, 1, 256, 1000, 40000, 6},
       }) {
    CAPTURE(row.name);
    const ExperimentConfig c = recipe(row.name);
    CHECK((c.model.variant == row.variant));
    CHECK(c.train.lr == row.lr);
    CHECK(c.train.min_lr == row.min_lr);
    CHECK(c.train.beta1 == 0.9);
    CHECK(c.train.beta2 == row.beta2);
    CHECK(c.train.weight_decay == row.decay);
    CHECK(c.train.clip_norm == row.clip);
    CHECK(samples(c.train) * 32 == row.batch);
    CHECK(c.train.warmup_steps * 20 == row.warmup);
    CHECK(c.train.steps * 20 == row.steps);
    CHECK(c.model.tiling.max_tiles == row.tiles);
    CHECK(c.model.gate_init == 0);
    CHECK(c.train.muon == 0);
    CHECK(c.guidance.weight == 0);
    c.train.validate();
  }
}

TEST_CASE("recipes refuse what they cannot do") {
  ExperimentConfig paper = recipe("nvlm-d-sft");
  paper.model.variant = fusion::Variant::kHybrid;
  CHECK_THROWS_WITH_AS(make_task(paper, ""), doctest::Contains("nvlm-d-sft is the recipe of d"),
                       UsageError);
  ExperimentConfig tune = recipe("finetune");
  CHECK_THROWS_WITH_AS(adopt_init_model(tune), doctest::Contains("finetune needs --init.model"),
                       UsageError);
  tune.init.model = std::string(NVLM_SOURCE_DIR) + "/models/nvlm-h";
  CHECK_THROWS_WITH_AS(adopt_init_model(tune), doctest::Contains("finetune needs --data.sources"),
                       UsageError);
  tune.sources.sources = {"render"};
  adopt_init_model(tune);
  CHECK((tune.model.variant == fusion::Variant::kHybrid));
  CHECK(tune.model.tiling.max_tiles == 3);
  CHECK(tune.model.tiling.tile_size == 224);
  ExperimentConfig goes_on = recipe("fusion-sft");
  goes_on.init.model = tune.init.model;
  adopt_init_model(goes_on);
  CHECK((goes_on.model.variant == fusion::Variant::kHybrid));
  CHECK(goes_on.model.tiling.max_tiles == 3);
  goes_on.model.tile_tags = fusion::TileTagKind::k2dGrid;
  CHECK_THROWS_WITH_AS(make_task(goes_on, ""),
                       doctest::Contains("has tile tags 1d, but fusion.tile_tags is 2d_grid"),
                       UsageError);
  goes_on.model.tiling.min_tiles = 4;
  CHECK_THROWS_WITH_AS(
      make_task(goes_on, ""),
      doctest::Contains("tiling.min_tiles is 4, expected at most tiling.max_tiles, 3"), UsageError);
  // A published model's tiles stand in its preprocessor's file.
  ExperimentConfig published = recipe("fusion-sft");
  published.init.model = test::golden("07c_internvl_native").string();
  adopt_init_model(published);
  CHECK(published.model.tiling.max_tiles == 6);
  ExperimentConfig second_stage = recipe("nvlm-h-sft");
  second_stage.init.model = tune.init.model;
  adopt_init_model(second_stage);
  CHECK(second_stage.model.tiling.max_tiles == 6);  // the paper's, not that of its first stage
  ExperimentConfig reader = recipe("reader-pretrain");
  reader.sources.sources = {"render"};
  CHECK_THROWS_WITH_AS(make_task(reader, ""), doctest::Contains("the renderer's glyphs alone"),
                       UsageError);
}

}  // namespace nvlm::experiments
