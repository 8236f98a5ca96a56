// Where tokens look: masses of hand-made attention, rows of cells and tags, places on the picture.
#include "experiments/plots/attention_map.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "common/atomic_file.h"
#include "experiments/efficiency/bench_models.h"
#include "experiments/plots/attention_picture.h"
#include "experiments/plots/attention_trace.h"
#include "fusion/multimodal_checkpoint.h"
#include "tests/experiments/shared_tokenizer.h"
#include "tests/support/temp_dir.h"

namespace nvlm::experiments {
namespace {

using test::TempDir;

constexpr int64_t kTokensOfTile = 4;
constexpr const char* kAnswer = "| ab | c |\n| --- | --- |\n| d | ef |";

vision::ImageLayout two_tiles() {
  vision::ImageLayout layout;
  layout.columns = 2;
  return layout;
}

fusion::Prompt answered_prompt(fusion::Variant variant) {
  const fusion::PromptBuilder builder(
      lab_tokenizer(), {fusion::routing(variant), fusion::TileTagKind::k1d, kTokensOfTile, {}});
  return builder.build("What?", {two_tiles()}, kAnswer);
}

int64_t count_of(const std::vector<KeyKind>& keys, KeyKind kind) {
  return std::count(keys.begin(), keys.end(), kind);
}

/// What the tokens say that the rows predict.
std::string predicted_text(const fusion::Prompt& prompt, const std::vector<int64_t>& rows) {
  std::string text;
  for (const int64_t row : rows) {
    text += lab_tokenizer().token_bytes(prompt.ids[static_cast<size_t>(row + 1)]);
  }
  return text;
}

}  // namespace

TEST_CASE("attention map: kinds of keys follow the routes") {
  const fusion::Prompt d = answered_prompt(fusion::Variant::kDecoder);
  CHECK(count_of(sequence_keys(d), KeyKind::kThumbnail) == 4);
  CHECK(count_of(sequence_keys(d), KeyKind::kRegular) == 8);
  CHECK(count_of(sequence_keys(d), KeyKind::kTag) == 3);
  CHECK(static_cast<int64_t>(sequence_keys(d).size()) == d.size());
  CHECK(memory_keys(d).empty());

  const fusion::Prompt x = answered_prompt(fusion::Variant::kCrossAttention);
  CHECK(count_of(sequence_keys(x), KeyKind::kRegular) == 0);
  CHECK(count_of(sequence_keys(x), KeyKind::kTag) == 3);
  CHECK(count_of(memory_keys(x), KeyKind::kThumbnail) == 4);
  CHECK(count_of(memory_keys(x), KeyKind::kRegular) == 8);

  const fusion::Prompt h = answered_prompt(fusion::Variant::kHybrid);
  CHECK(count_of(sequence_keys(h), KeyKind::kThumbnail) == 4);
  CHECK(count_of(sequence_keys(h), KeyKind::kTag) == 1);
  REQUIRE(memory_keys(h).size() == 10);  // a tag of one token before each tile
  CHECK((memory_keys(h)[0] == KeyKind::kTag));
  CHECK((memory_keys(h)[5] == KeyKind::kTag));
  CHECK(count_of(memory_keys(h), KeyKind::kRegular) == 8);
  CHECK(static_cast<int64_t>(memory_keys(h).size()) == h.memory_size());
}

TEST_CASE("attention map: masses of a known attention") {
  // Two heads, three rows, keys: text, tag, thumbnail, regular, regular.
  const std::vector<KeyKind> keys = {KeyKind::kText, KeyKind::kTag, KeyKind::kThumbnail,
                                     KeyKind::kRegular, KeyKind::kRegular};
  Tensor probabilities = at::zeros({1, 2, 3, 5});
  probabilities[0][0][1] = at::tensor({0.5F, 0.125F, 0.125F, 0.25F, 0.0F});
  probabilities[0][1][1] = at::tensor({0.0F, 0.125F, 0.375F, 0.25F, 0.25F});
  probabilities[0][0][2] = at::tensor({1.0F, 0.0F, 0.0F, 0.0F, 0.0F});
  probabilities[0][1][2] = at::tensor({0.0F, 0.0F, 0.0F, 0.0F, 1.0F});
  const AttentionMasses one = attention_masses(probabilities, keys, {1});
  CHECK(one[0] == doctest::Approx(0.25));   // thumbnail
  CHECK(one[1] == doctest::Approx(0.375));  // regular tiles
  CHECK(one[2] == doctest::Approx(0.125));  // tags
  CHECK(one[3] == doctest::Approx(0.25));   // text
  const AttentionMasses both = attention_masses(probabilities, keys, {1, 2});
  CHECK(both[1] == doctest::Approx(0.4375));
  CHECK(std::accumulate(both.begin(), both.end(), 0.0) == doctest::Approx(1.0));
  CHECK_THROWS_AS(attention_masses(probabilities, {KeyKind::kText}, {1}), c10::Error);
}

TEST_CASE("attention map: rows of the answer, of a cell, of a tag") {
  const fusion::Prompt prompt = answered_prompt(fusion::Variant::kDecoder);
  const std::string answer = predicted_text(prompt, answer_queries(prompt));
  CHECK(answer.starts_with(kAnswer));
  CHECK(answer.size() > std::string(kAnswer).size());  // the end token
  const auto cell = [&](int64_t row, int64_t column) {
    return predicted_text(prompt, cell_queries(lab_tokenizer(), prompt, kAnswer, row, column));
  };
  CHECK(cell(0, 0) == "ab");
  CHECK(cell(0, 1) == "c");
  CHECK(cell(1, 0) == "d");
  CHECK(cell(1, 1) == "ef");
  CHECK_THROWS_WITH_AS(cell(2, 0), "attention: no cell 2,0, the table has 2 rows and 2 columns",
                       std::invalid_argument);
  CHECK_THROWS_AS(cell_queries(lab_tokenizer(), prompt, "no table", 0, 0), std::invalid_argument);
  CHECK_THROWS_AS(cell_queries(lab_tokenizer(), prompt, "| a |  |\n|---|---|", 0, 1),
                  std::invalid_argument);

  const auto tag = [](const fusion::Prompt& tagged, int64_t number) {
    std::string text;
    for (const int64_t row : tag_queries(tagged, number)) {
      text += lab_tokenizer().token_bytes(tagged.ids[static_cast<size_t>(row)]);
    }
    return text;
  };
  CHECK(tag(prompt, 2) == fusion::tile_tag(fusion::TileTagKind::k1d, two_tiles(), 1));
  CHECK(tag(prompt, 0) == fusion::tile_tag(fusion::TileTagKind::k1d, two_tiles(), 2));
  CHECK_THROWS_AS(tag_queries(prompt, 3), std::invalid_argument);
  // H keeps its tags in the memory, where they have no rows.
  const fusion::Prompt h = answered_prompt(fusion::Variant::kHybrid);
  CHECK_THROWS_AS(tag_queries(h, 1), std::invalid_argument);
  CHECK_FALSE(tag(h, 0).empty());
}

TEST_CASE("attention map: weights of tile tokens are means over heads, rows and places") {
  const fusion::Prompt prompt = answered_prompt(fusion::Variant::kHybrid);
  const fusion::TilePlacement& second = prompt.tiles[1];
  const fusion::TilePlacement& thumbnail = prompt.tiles[2];
  decoder::AttentionProbe probe;
  for (const int64_t block : {0, 1}) {
    Tensor seen = at::zeros({1, 2, prompt.size(), prompt.memory_size()});
    seen[0][0][3][second.begin + 2] = block == 0 ? 0.8 : 0.4;
    probe.cross_probabilities[block] = seen;
  }
  const Tensor unprobed = tile_weights(probe, prompt, {3});
  CHECK(unprobed[2].isnan().all().item<bool>());
  Tensor sequence = at::zeros({1, 2, prompt.size(), prompt.size()});
  sequence[0][1][3][thumbnail.begin] = 0.5;
  probe.self_probabilities[0] = sequence;
  const Tensor weights = tile_weights(probe, prompt, {3, 4});
  CHECK((weights.sizes() == at::IntArrayRef{3, kTokensOfTile}));
  CHECK(weights[1][2].item<double>() == doctest::Approx(0.6 / 4));
  CHECK(weights[2][0].item<double>() == doctest::Approx(0.5 / 4));
  CHECK(weights.sum().item<double>() == doctest::Approx(0.6 / 4 + 0.5 / 4));
}

TEST_CASE("attention map: tile tokens on the picture") {
  vision::ImageLayout layout;
  layout.columns = 3;
  layout.rows = 2;
  // Tile 4 is the middle one below; its token 5 of 4 x 4 stands in row 1, column 1.
  const PixelRectangle place = token_rectangle(layout, 4, 5, 4, 1200, 400);
  CHECK(place.left == doctest::Approx(500));
  CHECK(place.right == doctest::Approx(600));
  CHECK(place.top == doctest::Approx(250));
  CHECK(place.bottom == doctest::Approx(300));
  const PixelRectangle thumbnail = token_rectangle(layout, 6, 15, 4, 1200, 400);
  CHECK(thumbnail.left == doctest::Approx(900));
  CHECK(thumbnail.bottom == doctest::Approx(400));
  CHECK_THROWS_AS(token_rectangle(layout, 7, 0, 4, 1200, 400), std::out_of_range);
  CHECK_THROWS_AS(token_rectangle(layout, 0, 16, 4, 1200, 400), std::out_of_range);
  // Regular tokens cover the picture once.
  double area = 0;
  for (int64_t tile = 0; tile < 6; ++tile) {
    for (int64_t token = 0; token < 16; ++token) {
      const PixelRectangle part = token_rectangle(layout, tile, token, 4, 331, 97);
      area += (part.right - part.left) * (part.bottom - part.top);
    }
  }
  CHECK(area == doctest::Approx(331 * 97));
}

TEST_CASE("attention picture: stronger is darker, in grey as well, and ink stays") {
  Tensor image = at::full({4, 6, 3}, 255, at::kByte);
  image[0] = 0;  // a line of ink
  const Tensor drawn =
      draw_heat(image, {{{0, 0, 2, 4}, 0.0}, {{2, 0, 4, 4}, 0.5}, {{4, 0, 6, 4}, 1}});
  const Tensor grey = drawn.to(at::kDouble).matmul(at::tensor({0.299, 0.587, 0.114}, at::kDouble));
  const auto at_pixel = [&](int64_t y, int64_t x) { return grey[y][x].item<double>(); };
  CHECK(at_pixel(2, 0) == doctest::Approx(255));
  CHECK(at_pixel(2, 0) > at_pixel(2, 2) + 20);
  CHECK(at_pixel(2, 2) > at_pixel(2, 4) + 20);
  CHECK(at_pixel(0, 4) == doctest::Approx(0));
  CHECK(at_pixel(0, 0) > 150);               // faint where nothing looks
  CHECK(image[2][2][2].item<int>() == 255);  // the original is as it was
  const Tensor stacked = stack_pictures({{"one", drawn}, {"two", drawn}});
  CHECK(stacked.size(1) >= 700);
  CHECK(stacked.size(1) % 6 == 0);
  CHECK_THROWS_AS(stack_pictures({}), c10::Error);
}

TEST_CASE("attention trace: every place of every variant, shares that sum to 1") {
  for (const fusion::Variant variant :
       {fusion::Variant::kDecoder, fusion::Variant::kCrossAttention, fusion::Variant::kHybrid}) {
    CAPTURE(fusion::name(variant));
    const TempDir dir;
    const auto folder = dir / "nvlm-test";
    const BenchModel bench = random_bench_model("lab", variant, at::kFloat);
    fusion::save_multimodal(folder, bench.model, lab_tokenizer_json());
    const Tensor image = at::randint(0, 256, {100, 200, 3}, at::kByte);
    const AttentionTrace trace = trace_attention(folder, image, kAnswer, {});
    CHECK(trace.answer == kAnswer);
    CHECK(static_cast<int64_t>(trace.probe.self_probabilities.size()) ==
          bench.model->config().decoder.layers);
    CHECK(trace.probe.cross_probabilities.empty() == (variant == fusion::Variant::kDecoder));
    CHECK(trace.gates.empty() == (variant == fusion::Variant::kDecoder));
    const Figure figure = attention_mass_figure(trace);
    CHECK(figure.name == "attention-mass-nvlm-test");
    check_figure(figure);
    std::vector<double> sums(figure.panels[0].categories.size(), 0.0);
    for (const Series& series : figure.panels[0].series) {
      for (const FigurePoint& point : series.points) sums[static_cast<size_t>(point.x)] += point.y;
    }
    for (const double sum : sums) CHECK(sum == doctest::Approx(1.0));

    const AttentionHeatMap map =
        attention_heat_map(trace, answer_queries(trace.prompt), "the answer");
    write_heat_map(map, dir / "out");
    const std::string csv = read_text_file(dir / "out" / "attention-map-nvlm-test.csv");
    CHECK(std::count(csv.begin(), csv.end(), '\n') ==
          1 + trace.layout.num_tiles() * trace.prompt.tile_tokens);
    CHECK(std::filesystem::exists(dir / "out" / "attention-map-nvlm-test.png"));

    CHECK_THROWS_AS(trace_attention(folder, image, "", {}), std::invalid_argument);
    CHECK_THROWS_WITH_AS(trace_attention(folder, image, kAnswer, {{4}, {}}),
                         "attention: layer 4, the model has 4, counted from 0",
                         std::invalid_argument);
    CHECK_THROWS_AS(trace_attention(folder, image, kAnswer, {{}, {2}}), std::invalid_argument);
  }
}

}  // namespace nvlm::experiments
