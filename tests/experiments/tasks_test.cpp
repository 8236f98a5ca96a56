// The lab's tasks: what guides attention, what is drawn, and the tokenizer.
#include <doctest/doctest.h>

#include <cmath>

#include "decoder/tokenizer/tokenizer.h"
#include "eval/readers/model_reader.h"
#include "experiments/tasks/attention_guide.h"
#include "experiments/tasks/misreading.h"
#include "experiments/tasks/mixture.h"
#include "tests/experiments/shared_tokenizer.h"
#include "tests/support/temp_dir.h"

namespace nvlm::experiments {
namespace {

using test::TempDir;

TEST_CASE("the lab tokenizer: one token per character, whole pieces of table syntax") {
  const decoder::Tokenizer& tokenizer = lab_tokenizer();
  CHECK(tokenizer.vocab_size() <= 512);
  const std::string table = "| Ab | 1.5 |\n| --- | --- |\n| x€ |  |";
  const std::vector<int64_t> ids = tokenizer.encode(table);
  std::vector<std::string> pieces;
  for (const int64_t id : ids) pieces.push_back(tokenizer.token_bytes(id));
  CHECK(pieces == std::vector<std::string>{"| ", "A", "b", " | ", "1", ".", "5",
                                           " |\n| --- | --- |\n| ", "x", "€", " | ", " |"});
  CHECK(tokenizer.decode(ids) == table);
  CHECK(tokenizer.encode(eval::kTableQuestion).size() == 1);
  for (const std::string tag : {"<tile_global_thumbnail>", "<tile_12>", "<tile_x5_y1>"}) {
    CHECK(tokenizer.encode(tag).size() == 1);
  }
}

TEST_CASE("a misread answer: other characters of the same answer are shown, none is asked for") {
  const decoder::Tokenizer& tokenizer = lab_tokenizer();
  const std::string answer = "| abcdefgh | ijklmnop |\n| --- | --- |\n| qrstuvwx | 12345678 |";
  const fusion::PromptBuilder builder(tokenizer, {fusion::routing(fusion::Variant::kDecoder),
                                                  fusion::TileTagKind::k1d,
                                                  /*tile_tokens=*/4,
                                                  {}});
  const fusion::Prompt right = builder.build(eval::kTableQuestion, {vision::ImageLayout{}}, answer);
  Random random(1, 1);
  int64_t wrong = 0, shown = 0;
  bool is_some_right = false, is_some_twice_as_wrong = false;
  for (int i = 0; i < 400; ++i) {
    fusion::Prompt prompt = right;
    misread_answer(prompt, tokenizer, 0.1, random);
    CHECK(prompt.labels == right.labels);
    int64_t here = 0;
    for (size_t at = 0; at < right.ids.size(); ++at) {
      if (prompt.ids[at] == right.ids[at]) continue;
      ++here;
      const std::string before = tokenizer.token_bytes(right.ids[at]);
      const std::string after = tokenizer.token_bytes(prompt.ids[at]);
      CHECK(static_cast<int64_t>(at) >= right.answer_begin);
      CHECK(before.size() == 1);
      CHECK(before.find_first_of("|\n") == std::string::npos);
      CHECK(answer.find(after) != std::string::npos);
    }
    wrong += here, shown += 32;
    is_some_right = is_some_right || here == 0;
    is_some_twice_as_wrong = is_some_twice_as_wrong || here >= 6;
  }
  // One in 32 of the drawn characters is the right one again.
  CHECK(static_cast<double>(wrong) / static_cast<double>(shown) ==
        doctest::Approx(0.1 * 31 / 32).epsilon(0.1));
  CHECK(is_some_right);
  CHECK(is_some_twice_as_wrong);

  fusion::Prompt without_answer = builder.build(eval::kTableQuestion, {vision::ImageLayout{}});
  const std::vector<int64_t> ids = without_answer.ids;
  misread_answer(without_answer, tokenizer, 0.5, random);
  CHECK(without_answer.ids == ids);
}

TEST_CASE("guide targets lead from a token to the place that it was read from") {
  const decoder::Tokenizer& tokenizer = lab_tokenizer();
  const std::string answer = "| a€ | b |";
  // Two tiles and a thumbnail; 'a' and the euro sign on the first tile, 'b' on the second.
  const std::vector<AnswerLocation> locations = {{2, 0, 0, 3}, {3, 0, 1, 2}, {7, 1, 15, 15}};
  vision::ImageLayout layout;
  layout.columns = 2;
  constexpr int64_t kTileTokens = 64, kPatches = 16;
  for (const fusion::Variant variant : {fusion::Variant::kDecoder, fusion::Variant::kHybrid}) {
    CAPTURE(fusion::name(variant));
    const fusion::PromptBuilder builder(
        tokenizer, {fusion::routing(variant), fusion::TileTagKind::k1d, kTileTokens, {}});
    const fusion::Prompt prompt = builder.build(eval::kTableQuestion, {layout}, answer);
    const auto targets = guide_targets(tokenizer, prompt, answer, locations, 5, kPatches);
    REQUIRE(targets.size() == 3);
    const auto text_at = [&](const GuideTarget& target) {
      return tokenizer.token_bytes(prompt.ids[static_cast<size_t>(target.position)]);
    };
    CHECK(text_at(targets[0]) == "a");
    CHECK(text_at(targets[1]) == "€");
    CHECK(text_at(targets[2]) == "b");
    // Patch (0, 3) is in merged token (0, 1); (1, 2) too; (15, 15) is the last of its tile.
    CHECK(targets[0].key == prompt.tiles[0].begin + 1);
    CHECK(targets[1].key == prompt.tiles[0].begin + 1);
    CHECK(targets[2].key == prompt.tiles[1].begin + 63);
    for (const GuideTarget& target : targets) {
      CHECK(target.sample == 5);
      CHECK((target.route == prompt.tiles[0].route));
    }
  }
}

TEST_CASE("the guidance loss is the mean negative log-probability at the right places") {
  GuidanceConfig config;
  decoder::AttentionProbe probe;
  Tensor current = at::full({1, 1, 4, 4}, 0.1), next = at::full({1, 1, 4, 4}, 0.1);
  current[0][0][2][1] = 0.5;  // token at 2 read from key 1
  next[0][0][1][1] = 0.25;    // seen from one row before
  probe.self_probabilities = {{config.current_layer, current}, {config.next_layer, next}};
  const std::vector<GuideTarget> targets = {{0, 2, fusion::Route::kInline, 1}};
  const Tensor loss = guidance_loss(config, probe, targets);
  CHECK(loss.item<double>() == doctest::Approx(-std::log(0.5) - std::log(0.25)));
  // A second head that looks elsewhere counts half.
  probe.self_probabilities[config.next_layer] = at::cat({next, at::full({1, 1, 4, 4}, 0.1)}, 1);
  CHECK(guidance_loss(config, probe, targets).item<double>() ==
        doctest::Approx(-std::log(0.5) - (std::log(0.25) + std::log(0.1)) / 2));
  CHECK_FALSE(guidance_loss(config, probe, {{0, 2, fusion::Route::kMemory, 1}}).defined());
  CHECK_FALSE(guidance_loss(config, probe, {}).defined());
}

TEST_CASE("training never draws the streams of rendered sets") {
  for (int64_t i = 0; i < 100; ++i) {
    CHECK(training_random(7, i).next() != Random(7, static_cast<uint64_t>(i)).next());
  }
}

TEST_CASE("the mixture follows its weights") {
  MixtureConfig mixture;
  mixture.easy = 1;
  mixture.medium = 3;
  Random random(1);
  int medium = 0;
  for (int i = 0; i < 2000; ++i) {
    medium += pick_difficulty(mixture, random).name == "medium" ? 1 : 0;
  }
  CHECK(medium == doctest::Approx(1500).epsilon(0.05));
  mixture.easy = mixture.medium = 0;
  CHECK_THROWS_AS(mixture.validate(), std::invalid_argument);
}

}  // namespace
}  // namespace nvlm::experiments
