#include "common/config_schema.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "common/atomic_file.h"
#include "common/config_text.h"
#include "common/error.h"
#include "common/nearest_name.h"
#include "common/random.h"
#include "tests/support/temp_dir.h"

namespace nvlm {
namespace {

enum class Routing { kDecoder, kCross, kHybrid };

struct TinyConfig {
  int64_t steps = 100;
  double rate = 1e-3;
  bool resume = false;
  std::string prompt = "read";
  std::vector<std::string> mixtures = {"tables"};
  Routing routing = Routing::kDecoder;
  double momentum = 0.9;

  ConfigSchema schema() {
    ConfigSchema s;
    s.add("train.steps", &steps, "optimizer steps", whole_number_from(1, 1'000'000));
    s.add("train.rate", &rate, "learning rate");
    s.add("train.resume", &resume, "go on where the run stopped");
    s.add("data.prompt", &prompt, "what is asked");
    s.add("data.mixtures", &mixtures, "data sets\nin this order");
    s.add_enum("fusion.routing", &routing, "variant",
               {{"d", Routing::kDecoder}, {"x", Routing::kCross}, {"h", Routing::kHybrid}});
    s.add("train.momentum", &momentum, "of the optimizer", number_from(0, 1));
    return s;
  }
};

template <class Action>
std::string usage_error(const Action& action) {
  try {
    action();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

std::string text_error(const std::string& text) {
  TinyConfig config;
  return usage_error([&] { config.schema().parse_text(text, "run.ini"); });
}

std::string argument_error(const std::vector<std::string>& arguments) {
  TinyConfig config;
  const std::string error = usage_error([&] { config.schema().parse_arguments(arguments); });
  CHECK(config.steps == 100);  // nothing was set
  return error;
}

}  // namespace

TEST_CASE("config: files and arguments set fields") {
  TinyConfig config;
  ConfigSchema schema = config.schema();
  schema.parse_text(
      "# a comment\n; another\r\ndata.prompt = what, is # this\n[train]\n"
      "steps = 7   # few\nrate=1e-5\n\n  resume = yes\n[fusion] # variant\nrouting = h\n"
      "[data]\nmixtures = a, \"b, c\" , d#e",
      "run.ini");
  CHECK(config.steps == 7);
  CHECK(config.rate == 1e-5);
  CHECK(config.resume);
  CHECK(config.routing == Routing::kHybrid);
  CHECK(config.prompt == "what, is");
  CHECK(config.mixtures == std::vector<std::string>{"a", "b, c", "d#e"});

  schema.parse_arguments({"--train.steps", "8", "--train.rate=-0.5", "--data.prompt=# \"a=b",
                          "--train.resume", "false", "--fusion.routing", "x", "--data.mixtures="});
  CHECK(config.steps == 8);
  CHECK(config.rate == -0.5);
  CHECK(config.prompt == "# \"a=b");
  CHECK_FALSE(config.resume);
  CHECK(config.routing == Routing::kCross);
  CHECK(config.mixtures.empty());
  schema.parse_arguments({"--train.rate", "-2", "--data.prompt", "", "--data.mixtures", "p,q"});
  CHECK(config.rate == -2);
  CHECK(config.prompt.empty());
  CHECK(config.mixtures == std::vector<std::string>{"p", "q"});
  CHECK(schema.value("train.rate") == "-2");
}

TEST_CASE("config: a command keeps its own arguments") {
  TinyConfig config;
  CHECK(
      config.schema().take_arguments({"run1", "--json", "--train.steps", "3", "-o", "x.md",
                                      "--limit=4", "--", "--train.steps"}) ==
      std::vector<std::string>{"run1", "--json", "-o", "x.md", "--limit=4", "--", "--train.steps"});
  CHECK(config.steps == 3);
  CHECK(usage_error([&] {
          config.schema().take_arguments({"--train.step", "3"});
        }) == "unknown option '--train.step'; did you mean 'train.steps'?");
}

TEST_CASE("config: errors of files name the line") {
  CHECK(text_error("[train]\n\nstep = 3") ==
        "run.ini:3: unknown key 'train.step'; did you mean 'train.steps'?");
  CHECK(text_error("steps = 3") == "run.ini:1: unknown key 'steps'; did you mean 'train.steps'?");
  CHECK(text_error("[trian]\n") == "run.ini:1: unknown section 'trian'; did you mean 'train'?");
  CHECK(text_error("[train]\nsteps = many") ==
        "run.ini:2: train.steps is 'many', expected a whole number");
  CHECK(text_error("[train]\nsteps = 1.5") ==
        "run.ini:2: train.steps is '1.5', expected a whole number");
  CHECK(text_error("[train]\nsteps = 0") ==
        "run.ini:2: train.steps is '0', expected a whole number from 1 to 1000000");
  CHECK(text_error("[train]\nrate = nan") == "run.ini:2: train.rate is 'nan', expected a number");
  CHECK(text_error("[train]\nmomentum = 2") ==
        "run.ini:2: train.momentum is '2', expected a number from 0 to 1");
  CHECK(text_error("[train]\nsteps = 1\nrate = 2\nsteps = 3") ==
        "run.ini:4: train.steps is given twice, first in line 2");
  CHECK(text_error("[fusion]\nrouting = z") ==
        "run.ini:2: fusion.routing is 'z', expected d, x or h");
  CHECK(text_error("[train]\nresume = maybe") ==
        "run.ini:2: train.resume is 'maybe', expected true or false");
  CHECK(text_error("nonsense") == "run.ini:1: 'nonsense', expected [section] or key = value");
  CHECK(text_error("[train\n") == "run.ini:1: '[train', expected [section]");
  CHECK(text_error("[data]\nprompt = \"open").find("run.ini:2: data.prompt is \"open") == 0);
  CHECK(text_error("[data]\nmixtures = a,,b").find("run.ini:2: data.mixtures is") == 0);
  TinyConfig config;
  CHECK_THROWS_WITH_AS(config.schema().parse_file("no/run.ini"),
                       doctest::Contains("cannot read 'no/run.ini'"), std::runtime_error);
}

TEST_CASE("config: errors of arguments") {
  CHECK(argument_error({"--train.stesp", "3"}) ==
        "unknown option '--train.stesp'; did you mean 'train.steps'?");
  CHECK(argument_error({"--train.steps=3", "--verbose"}) == "unknown option '--verbose'");
  CHECK(argument_error({"--train.steps", "3", "stray"}) == "unexpected argument 'stray'");
  CHECK(argument_error({"--train.steps"}) == "--train.steps needs a value (integer)");
  CHECK(argument_error({"--train.steps", "--train.rate", "1"}) ==
        "--train.steps needs a value (integer)");
  CHECK(argument_error({"--train.steps", "3", "--train.steps=4"}) ==
        "--train.steps is given twice");
  CHECK(argument_error({"--train.steps", "3", "--train.rate", "fast"}) ==
        "--train.rate is 'fast', expected a number");
  CHECK(argument_error({"--train.steps="}) == "--train.steps is '', expected a whole number");
}

TEST_CASE("config: the resolved file gives the same bits") {
  const test::TempDir folder;
  Random random(3);
  const std::vector<std::string> texts = {
      "",     " x ",      "a # b",     "#",   "\"q\"", "a,b", "line\nno", "tab\tand \\n",
      "a\"b", "\x01\x7f", "\u00fcber", "[x]", "k = v", ";",   "\\"};
  for (int trial = 0; trial < 200; ++trial) {
    TinyConfig written, read;
    written.steps = random.integer(1, 1'000'000);
    written.rate = std::bit_cast<double>(random.next());
    if (std::isnan(written.rate)) written.rate = -std::numeric_limits<double>::infinity();
    written.momentum = random.uniform();
    written.resume = random.chance(0.5);
    written.prompt = random.pick(texts);
    written.mixtures.clear();
    for (int64_t i = random.integer(0, 4); i > 0; --i) {
      written.mixtures.push_back(random.pick(texts));
    }
    written.routing = random.pick<Routing>({Routing::kDecoder, Routing::kCross, Routing::kHybrid});
    if (trial == 0) written.rate = 5e-324;
    const std::string text = written.schema().text();
    CAPTURE(text);
    read.schema().parse_text(text, "text");
    CHECK(read.steps == written.steps);
    CHECK(std::bit_cast<uint64_t>(read.rate) == std::bit_cast<uint64_t>(written.rate));
    CHECK(std::bit_cast<uint64_t>(read.momentum) == std::bit_cast<uint64_t>(written.momentum));
    CHECK(read.resume == written.resume);
    CHECK(read.prompt == written.prompt);
    CHECK(read.mixtures == written.mixtures);
    CHECK(read.routing == written.routing);
  }
  TinyConfig config, again;
  config.steps = 12;
  config.schema().write(folder / "config.ini");
  again.schema().parse_file(folder / "config.ini");
  CHECK(again.steps == 12);
  CHECK(read_text_file(folder / "config.ini").find("[train]\n# optimizer steps\nsteps = 12\n") ==
        0);
}

TEST_CASE("config: help shows names, values and help") {
  TinyConfig config;
  const std::string help = config.schema().help();
  CAPTURE(help);
  for (const char* part : {"--train.steps", "(=100)", "optimizer steps", "d|x|h"}) {
    CHECK(help.find(part) != std::string::npos);
  }
}

TEST_CASE("config: registering nonsense is a mistake of the caller") {
  TinyConfig config;
  ConfigSchema schema = config.schema();
  CHECK_THROWS_AS(schema.add("train.steps", &config.steps, ""), std::invalid_argument);
  for (const char* name : {"", "a b", "a,b", ".a", "a.", "-a"}) {
    CHECK_THROWS_AS(schema.add(name, &config.steps, ""), std::invalid_argument);
  }
}

TEST_CASE("config: malformed quotes") {
  for (const char* text : {"\"", "\"a", "\"a\\\"", "\"\\q\"", "\"\\x1\"", "\"\\xg0\"", "\"a\" b"}) {
    CAPTURE(text);
    CHECK_FALSE(unquote_config_string(text).has_value());
  }
  CHECK(unquote_config_string("\"\\x41\\n\"") == "A\n");
}

TEST_CASE("nearest name") {
  const std::vector<std::string> names = {"extract", "generate", "eval", "train", "d"};
  CHECK(nearest_name("extrct", names) == "extract");
  CHECK(nearest_name("trian", names) == "train");
  CHECK(nearest_name("gen", names) == "generate");
  CHECK(nearest_name("EVAL", names) == "eval");
  CHECK(nearest_name("x", names).empty());
  CHECK(nearest_name("", names).empty());
  CHECK(nearest_name("something", names).empty());
  CHECK(nearest_name(std::string(5000, 'a'), names).empty());
  CHECK(did_you_mean("plot", {"plots"}) == "; did you mean 'plots'?");
}

}  // namespace nvlm
