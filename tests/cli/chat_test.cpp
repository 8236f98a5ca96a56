// nvlm generate with text models, nvlm chat.
#include <fstream>

#include "common/json.h"
#include "tests/cli/program.h"
#include "tests/support/golden.h"

namespace nvlm::test {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// nvlm chat with these lines of input.
ProgramResult chat(const std::string& options, const std::string& lines) {
  const TempDir dir;
  std::ofstream(dir / "lines") << lines;
  return nvlm("chat " + options + " <" + (dir / "lines").string());
}

TEST_CASE("generate: the trained Llama tells its story") {
  const auto stories = shared_golden("14_stories260k");
  if (!stories) return;
  const std::string model = "generate --model " + stories->string();
  const Json expected = read_json(*stories / "case.json").at("greedy");
  REQUIRE(expected.size() > 1);
  for (const Json& story : expected) {
    const auto prompt = story.at("prompt").get<std::string>();
    if (prompt.empty()) continue;  // a question of nothing is refused
    CAPTURE(prompt);
    const ProgramResult told = nvlm(model + " --prompt '" + prompt + "' --max-new-tokens " +
                                    std::to_string(story.at("max_new_tokens").get<int64_t>()));
    CHECK(told.exit_code == 0);
    const auto text = story.at("text").get<std::string>();
    CHECK(told.out == text.substr(prompt.size()) + "\n");
  }
  const ProgramResult blind = nvlm(model + " --prompt Once --image any.png");
  CHECK(blind.exit_code == 1);
  CHECK(contains(blind.err, "--image any.png: '"));
  CHECK(contains(blind.err, "is a text model and cannot see pictures"));
  const ProgramResult silent = nvlm("chat --model " + stories->string());
  CHECK(silent.exit_code == 1);
  CHECK(contains(silent.err, "has no chat template"));
}

TEST_CASE("generate: what is missing or broken is said in a line") {
  const std::string model = "generate --model " + golden("07b_nvlm_d").string();
  const std::string image = " --image " + (golden("07b_nvlm_d") / "image.png").string();
  CHECK(nvlm(model).exit_code == 2);
  CHECK(contains(nvlm(model).err, "expected --prompt, --image or both"));
  const ProgramResult broken = nvlm(model + image + " --prompt \"$(printf 'ab\\377c')\"");
  CHECK(broken.exit_code == 1);
  CHECK(broken.err == "nvlm: --prompt is not UTF-8: byte 3 belongs to no character\n");
  const ProgramResult placeholder =
      nvlm(model + image + image + " --prompt 'Compare <image> with it.'");
  CHECK(placeholder.exit_code == 1);
  CHECK(contains(placeholder.err, "1 <image> markers but 2 pictures"));
  CHECK(nvlm(model + image + " --temperature -1").exit_code == 2);
}

TEST_CASE("generate: several pictures, a system's words and seeded draws") {
  const std::string model = "generate --max-new-tokens 12 --model " + golden("07b_nvlm_d").string();
  const std::string image = " --image " + (golden("07b_nvlm_d") / "image.png").string();
  const std::string plain = nvlm(model + image).out;
  CHECK(nvlm(model + image + image).out != plain);
  CHECK(nvlm(model + image + " --system 'Be brief.'").out != plain);
  const std::string drawn = " --temperature 1 --top-k 40 --seed ";
  CHECK(nvlm(model + image + drawn + "3").out == nvlm(model + image + drawn + "3").out);
  CHECK(nvlm(model + image + drawn + "3").out != nvlm(model + image + drawn + "4").out);
}

TEST_CASE("chat: turns, pictures, reset; a bad line does not end the talk") {
  const std::string options = "--max-new-tokens 6 --model " + golden("07b_nvlm_d").string();
  const std::string image = "/image " + (golden("07b_nvlm_d") / "image.png").string() + "\n";
  const std::string hi = chat(options, "Hi\n").out;
  CHECK(hi.size() > 2);
  const ProgramResult two = chat(options, "Hi\nHi\n");
  CHECK(two.exit_code == 0);
  CHECK(two.out.rfind(hi, 0) == 0);
  CHECK(two.out != hi + hi);  // the second answer knows the first turn
  CHECK(chat(options, "Hi\n/reset\nHi\n/exit\nHi\n").out == hi + hi);
  CHECK(chat(options, image + "Hi\n").out != hi);

  const ProgramResult bad = chat(options, "/image nowhere.png\n/help\nHi\n");
  CHECK(bad.exit_code == 1);
  CHECK(bad.out == hi);
  CHECK(contains(bad.err, "nowhere.png"));
  CHECK(contains(bad.err, "/reset"));
}

// To this question the model has no end of an answer.
TEST_CASE("chat: Ctrl-C stops the answer, not the talk") {
  const TempDir dir;
  const std::string model = golden("07b_nvlm_d").string();
  std::ofstream(dir / "talk.sh")
      << "mkfifo lines\n"
      << NVLM_PROGRAM << " chat --max-new-tokens 100000 --model " << model
      << " <lines >out 2>err &\npid=$!\nexec 3>lines\necho What is it? >&3\n"
      << "for i in $(seq 600); do [ -s out ] && break; sleep 0.05; done\n"
      << "kill -INT $pid\n"
      << "for i in $(seq 600); do grep -q stopped err && break; sleep 0.05; done\n"
      << "kill -0 $pid || exit 3\n"
      << "echo /exit >&3\nwait $pid\n";
  const int status = std::system(("cd " + dir.path().string() + " && bash talk.sh").c_str());
  CHECK(WEXITSTATUS(status) == 0);
  std::stringstream err;
  err << std::ifstream(dir / "err").rdbuf();
  CHECK(contains(err.str(), "(stopped)"));
}

}  // namespace
}  // namespace nvlm::test
