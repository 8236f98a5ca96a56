// What folders and files give as training samples, and what is wrong with the others.
#include <doctest/doctest.h>

#include "common/error.h"
#include "eval/readers/model_reader.h"
#include "experiments/data/dataset_writer.h"
#include "experiments/data/sources/llava_file.h"
#include "experiments/data/sources/table_folder.h"
#include "experiments/data/sources/text_files.h"
#include "experiments/tasks/generated_sources.h"
#include "experiments/tasks/source_config.h"
#include "tests/experiments/source_files.h"

namespace nvlm::experiments {
namespace {

Sample read_sample(const SampleSource& source, int64_t index) {
  Random random = training_random(1, index);
  return source.read(index, random);
}

/// Why a sample is bad; "" if it is not.
std::string problem_of(const SampleSource& source, int64_t index) {
  try {
    read_sample(source, index);
  } catch (const BadSample& bad) {
    return bad.what();
  }
  return "";
}

std::string usage_error(const SourceConfig& config) {
  try {
    open_sources(config, {});
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  const bool found = text.find(part) != std::string::npos;
  if (!found) MESSAGE("'" << text << "' lacks '" << part << "'");
  return found;
}

}  // namespace

TEST_CASE("answers: one layout for tables, other texts as they stand") {
  CHECK(markdown_answer("|a|b|\n|:--|--:|\n| 1 |2|\n\n") == "| a | b |\n| --- | --- |\n| 1 | 2 |");
  CHECK(markdown_answer("  Some words.\n") == "Some words.");
  // A table with words around it is no single table.
  const std::string page = "Title\n\n| a | b |\n|---|---|\n| 1 | 2 |";
  CHECK(markdown_answer(page) == page);
  CHECK_THROWS_WITH_AS(markdown_answer("| a | b |\n| --- | --- |\n| 1 |"),
                       "ground truth: 1 rows with too few cells and 0 with too many",
                       std::runtime_error);
  CHECK(html_answer("<table><tr><td colspan=2>h</td></tr><tr><td>1</td><td>2</td></tr></table>") ==
        "| h | << |\n| --- | --- |\n| 1 | 2 |");
  CHECK_THROWS_AS(html_answer("<p>none</p>"), std::runtime_error);
}

TEST_CASE("a rendered set gives the renderer's own pictures and answers") {
  const test::TempDir dir;
  write_dataset(dir / "set", hard(), /*seed=*/5, /*count=*/6);
  const TableFolder with_index(dir / "set");
  std::filesystem::remove(dir / "set" / "index.jsonl");
  const TableFolder without_index(dir / "set");
  for (const TableFolder* source : {&with_index, &without_index}) {
    REQUIRE(source->size() == 6);
    bool marked = false;
    for (int64_t i = 0; i < 6; ++i) {
      const RenderedTable table = render_table_sample(hard(), 5, static_cast<uint64_t>(i));
      const Sample sample = read_sample(*source, i);
      CHECK(sample.answer == table.answer);
      marked = marked || sample.answer != table.markdown;
      REQUIRE(sample.images.size() == 1);
      CHECK(at::equal(sample.images[0], table.image));
      CHECK(sample.conversation.back().text == eval::kTableQuestion);
    }
    CHECK(marked);
  }
}

TEST_CASE("pairs in one folder: order by name, HTML before Markdown, problems by sample") {
  const DataFolder folder;
  folder.pair("c").pair("a");
  folder.picture("b.png").text("b.html", "<table><tr><td>x</td></tr></table>");
  folder.text("a.html", "<table><tr><td>this one</td></tr></table>");
  folder.picture("d.JPG.png").text("README.md", "no picture belongs to this");
  folder.text("e.png", "%PDF-1.4 this is no picture").text("e.md", "words");
  const TableFolder source(folder.path());
  REQUIRE(source.size() == 5);
  CHECK(read_sample(source, 0).answer == "| this one |\n| --- |");
  CHECK(read_sample(source, 1).answer == "| x |\n| --- |");
  CHECK(contains(read_sample(source, 2).answer, "| c | 0 |"));
  CHECK(problem_of(source, 3) == "no ground truth: neither d.JPG.md nor d.JPG.html");
  CHECK(contains(problem_of(source, 4), "not a PNG"));
}

TEST_CASE("LLaVA: each answer is a sample with the turns before it") {
  const DataFolder folder;
  folder.picture("p/1.png", 40, 30).picture("p/2.png", 20, 50);
  folder.text("chat.jsonl",
              R"({"image":"1.png","conversations":[{"from":"human","value":"<image>\nWhat?"},)"
              R"({"from":"gpt","value":"A table."},{"from":"human","value":"How many rows?"},)"
              R"({"from":"gpt","value":"Three."}]})"
              "\n"
              R"({"image":["1.png","2.png"],"conversations":[)"
              R"({"from":"human","value":"<image> and <image>"},{"from":"gpt","value":"Two."}]})"
              "\n"
              R"({"conversations":[{"from":"human","value":"Hi"},{"from":"gpt","value":"Hello"}]})"
              "\n");
  const LlavaFile source(folder / "chat.jsonl", folder / "p");
  REQUIRE(source.size() == 4);
  const Sample first = read_sample(source, 0), second = read_sample(source, 1);
  CHECK(first.conversation.size() == 1);
  CHECK(first.answer == "A table.");
  CHECK(second.conversation.size() == 3);
  CHECK(second.conversation[1].text == "A table.");
  CHECK(second.answer == "Three.");
  CHECK(second.images.size() == 1);
  CHECK(second.name != first.name);
  const Sample two = read_sample(source, 2);
  REQUIRE(two.images.size() == 2);
  CHECK(two.images[1].size(0) == 50);
  CHECK(two.conversation[0].num_images == 2);
  CHECK(read_sample(source, 3).images.empty());
  CHECK(source.traits().has_pictures);
}

TEST_CASE("LLaVA: what is wrong with an entry is said of that entry alone") {
  const DataFolder folder;
  folder.picture("1.png");
  folder.text("chat.json", R"([
    {"image":"1.png","conversations":[{"from":"human","value":"no marker"},{"from":"gpt","value":"x"}]},
    {"image":"1.png","conversations":[{"from":"human","value":"<image><image>"},{"from":"gpt","value":"x"}]},
    {"image":"absent.png","conversations":[{"from":"human","value":"<image>"},{"from":"gpt","value":"x"}]},
    {"image":"1.png","conversations":[{"from":"human","value":"<image>"}]},
    {"image":"1.png","conversations":[{"from":"robot","value":"<image>"},{"from":"gpt","value":"x"}]},
    {"image":"1.png","conversations":[{"from":"gpt","value":"x"},{"from":"human","value":"<image>"}]},
    {"image":"1.png"},
    {"image":7,"conversations":[{"from":"human","value":"<image>"},{"from":"gpt","value":"x"}]},
    {"image":"1.png","conversations":[{"from":"human","value":"<image>"},{"from":"gpt","value":"x"}]}
  ])");
  const LlavaFile source(folder / "chat.json", folder.path());
  REQUIRE(source.size() == 9);
  CHECK(problem_of(source, 0) == "0 <image> markers but 1 pictures");
  CHECK(problem_of(source, 1) == "2 <image> markers but 1 pictures");
  CHECK(contains(problem_of(source, 2), "absent.png"));
  CHECK(contains(problem_of(source, 3), "without an answer"));
  CHECK(contains(problem_of(source, 4), "'from' is \"robot\", expected human, gpt or system"));
  CHECK(problem_of(source, 5) != "");
  CHECK(contains(problem_of(source, 6), "'conversations' is missing"));
  CHECK(contains(problem_of(source, 7), "'image' is 7, expected a string"));
  CHECK(problem_of(source, 8) == "");
  folder.text("torn.json", "[{\"image\":");
  CHECK_THROWS_AS(LlavaFile(folder / "torn.json", folder.path()), std::runtime_error);
}

TEST_CASE("text: files of a folder, or blocks of a file") {
  const DataFolder folder;
  folder.text("t/b.txt", "\nsecond\n\nstill second\n").text("t/a.txt", "first");
  folder.text("all.txt", "one\ntwo\n\n \n\nthree\r\n");
  const TextFiles files(folder / "t"), blocks(folder / "all.txt");
  REQUIRE(files.size() == 2);
  CHECK(read_sample(files, 0).answer == "first");
  CHECK(read_sample(files, 1).answer == "second\n\nstill second");
  CHECK(read_sample(files, 1).conversation.back().text == kTextQuestion);
  REQUIRE(blocks.size() == 2);
  CHECK(read_sample(blocks, 0).answer == "one\ntwo");
  CHECK(read_sample(blocks, 1).answer == "three");
  CHECK(contains(read_sample(blocks, 1).name, "all.txt:6"));
  CHECK_FALSE(files.traits().has_pictures);
}

TEST_CASE("what a source is follows from its name") {
  const DataFolder folder;
  folder.pair("tables/a").text("texts/a.txt", "words").text("some.txt", "words");
  folder.text("chat.json",
              R"([{"conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"b"}]}])");
  const auto open = [&](const std::string& name) { return open_source(name, "", {}); };
  const auto is = [](const auto& source, auto* kind) {
    return dynamic_cast<const std::remove_pointer_t<decltype(kind)>*>(source.get()) != nullptr;
  };
  CHECK(is(open("render"), static_cast<RenderedTables*>(nullptr)));
  CHECK(is(open("corpus"), static_cast<CorpusDocuments*>(nullptr)));
  CHECK(is(open((folder / "tables").string()), static_cast<TableFolder*>(nullptr)));
  CHECK(is(open((folder / "texts").string()), static_cast<TextFiles*>(nullptr)));
  CHECK(is(open((folder / "some.txt").string()), static_cast<TextFiles*>(nullptr)));
  CHECK(is(open((folder / "chat.json").string()), static_cast<LlavaFile*>(nullptr)));
}

TEST_CASE("sources that are no use are refused before anything runs") {
  const DataFolder folder;
  folder.pair("good/a");
  std::filesystem::create_directories(folder / "empty");
  folder.text("broken/a.png", "no picture").text("broken/a.md", "words");
  const std::string good = (folder / "good").string();
  CHECK(contains(usage_error({.sources = {(folder / "empty").string()}}),
                 "holds no usable sample; looked for index.jsonl, or images/ID.png"));
  CHECK(contains(usage_error({.sources = {(folder / "broken").string()}}),
                 "holds no usable sample of 1; the first: "));
  CHECK(contains(usage_error({.sources = {"/nowhere"}}), "no file or folder '/nowhere'"));
  CHECK(usage_error({.sources = {good + ":0", "render:0"}}) ==
        "data.sources: the weights sum to 0");
  CHECK(contains(usage_error({.sources = {good + ":-1"}}), "is -1, expected 0 to 1000000"));
  const auto sources = open_sources({.sources = {good + ":3", "render:0", "corpus"}}, {});
  REQUIRE(sources.size() == 2);
  CHECK(sources[0].weight == 3);
  CHECK(sources[1].source->name() == "corpus");
}

TEST_CASE("the renderer's samples are those of its random numbers") {
  MixtureConfig mixture;
  mixture.hard = 1;
  const RenderedTables source(mixture);
  for (int64_t i = 0; i < 3; ++i) {
    Random random = training_random(9, i), expected_random = training_random(9, i);
    const Sample sample = source.read(/*index=*/77, random);
    const RenderedTable expected = render_training_table(mixture, expected_random);
    CHECK(at::equal(sample.images.front(), expected.image));
    CHECK(sample.answer == expected.answer);
    CHECK(sample.glyphs.size() == expected.glyphs.size());
    CHECK(random.state() == expected_random.state());
  }
}

}  // namespace nvlm::experiments
