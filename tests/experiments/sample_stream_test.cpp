// The order of training samples, what stands in for bad ones, and the ledger of those.
#include <doctest/doctest.h>

#include <map>
#include <set>
#include <thread>

#include "common/hash.h"
#include "common/json.h"
#include "experiments/tasks/bad_sample_ledger.h"
#include "experiments/tasks/generated_sources.h"
#include "tests/experiments/source_files.h"

namespace nvlm::experiments {
namespace {

/// Numbers as samples; those in `bad` cannot be read.
class NumberSource : public SampleSource {
 public:
  NumberSource(std::string name, int64_t size, std::set<int64_t> bad = {})
      : name_(std::move(name)), size_(size), bad_(std::move(bad)) {}
  std::optional<int64_t> size() const override { return size_; }
  Sample read(int64_t index, Random&) const override {
    if (bad_.contains(index)) throw BadSample(name_ + std::to_string(index), "", "torn");
    Sample sample;
    sample.name = name_ + std::to_string(index);
    return sample;
  }
  SourceTraits traits() const override { return {}; }
  std::string name() const override { return name_; }
  std::string wanted() const override { return "numbers"; }

 private:
  std::string name_;
  int64_t size_;
  std::set<int64_t> bad_;
};

std::string taken(const SampleStream& stream, int64_t number, std::vector<BadSampleRecord>& bad) {
  std::string name;
  stream.take(/*seed=*/3, number, bad, [&](Sample sample, Random&) { name = sample.name; });
  return name;
}

std::string ledger_error(BadSampleLedger& ledger, const std::vector<BadSampleRecord>& bad,
                         int64_t drawn = 0) {
  try {
    ledger.add(bad, drawn);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("an order has every index once, and another key another order") {
  for (const int64_t size : {1, 2, 3, 7, 64, 65, 1000}) {
    CAPTURE(size);
    std::set<int64_t> seen;
    for (int64_t i = 0; i < size; ++i) seen.insert(permuted_index(5, size, i));
    CHECK(static_cast<int64_t>(seen.size()) == size);
    CHECK(*seen.begin() == 0);
    CHECK(*seen.rbegin() == size - 1);
  }
  int64_t same = 0, in_place = 0;
  for (int64_t i = 0; i < 1000; ++i) {
    same += permuted_index(5, 1000, i) == permuted_index(6, 1000, i) ? 1 : 0;
    in_place += permuted_index(5, 1000, i) == i ? 1 : 0;
  }
  CHECK(same < 10);  // 1 is expected
  CHECK(in_place < 10);
  CHECK_THROWS_AS(permuted_index(5, 3, 3), std::invalid_argument);
}

TEST_CASE("a source gets its share of every block, and its positions are counted without gaps") {
  const SourceDealer dealer({3, 0, 1, 1e-9});
  CHECK(dealer.counts() == std::vector<int64_t>{767, 0, 256, 1});
  std::map<size_t, int64_t> next;
  for (int64_t number = 0; number < 3 * SourceDealer::kBlock; ++number) {
    const SourceDealer::Turn turn = dealer.turn(11, number);
    CHECK(turn.position == next[turn.source]++);
  }
  CHECK(next == std::map<size_t, int64_t>{{0, 3 * 767}, {2, 3 * 256}, {3, 3}});
  CHECK(dealer.turn(11, 12345).source == SourceDealer({3, 0, 1, 1e-9}).turn(11, 12345).source);
  CHECK_THROWS_AS(SourceDealer({0, 0}), std::invalid_argument);
  CHECK_THROWS_AS(SourceDealer({1, -1}), std::invalid_argument);
  // Many small weights cannot all have one sample in 1024 beside a large one's rounding.
  const SourceDealer many(std::vector<double>(1000, 1.0));
  int64_t sum = 0;
  for (const int64_t count : many.counts()) sum += count;
  CHECK(sum == SourceDealer::kBlock);
}

TEST_CASE("each pass through a source reads every sample once, in an order of its own") {
  const SampleStream stream({{std::make_shared<NumberSource>("n", 10), 1}});
  std::vector<std::vector<int64_t>> passes(3);
  for (int64_t number = 0; number < 30; ++number) {
    passes[static_cast<size_t>(number / 10)].push_back(stream.place(3, number).index);
  }
  for (const auto& pass : passes) CHECK(std::set<int64_t>(pass.begin(), pass.end()).size() == 10);
  CHECK(passes[0] != passes[1]);
  CHECK(passes[1] != passes[2]);
  CHECK(stream.place(3, 4).index == passes[0][4]);
}

TEST_CASE("samples and their stand-ins do not depend on the order or number of workers") {
  const SampleStream stream({{std::make_shared<NumberSource>("a", 17, std::set<int64_t>{3, 4}), 2},
                             {std::make_shared<NumberSource>("b", 5), 1}});
  std::vector<std::string> expected;
  for (int64_t number = 0; number < 200; ++number) {
    std::vector<BadSampleRecord> bad;
    expected.push_back(taken(stream, number, bad));
    for (const BadSampleRecord& record : bad) {
      CHECK(record.sample == number);
      CHECK(record.source == "a");
      CHECK(expected.back() == "a5");
    }
  }
  std::vector<std::string> got(200);
  std::vector<std::thread> workers;
  for (int64_t worker = 0; worker < 8; ++worker) {
    workers.emplace_back([&, worker] {
      for (int64_t number = 199 - worker; number >= 0; number -= 8) {
        std::vector<BadSampleRecord> bad;
        got[static_cast<size_t>(number)] = taken(stream, number, bad);
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  CHECK(got == expected);
}

TEST_CASE("a source of bad samples alone says so instead of reading for ever") {
  std::vector<BadSampleRecord> bad;
  const SampleStream stream({{std::make_shared<NumberSource>("x", 2, std::set<int64_t>{0, 1}), 1}});
  CHECK_THROWS_WITH_AS(taken(stream, 0, bad), doctest::Contains("no sample of 'x' can be used"),
                       std::runtime_error);
  CHECK(bad.size() == 2);
  // One without end draws again, from the same numbers.
  const SampleStream endless({{std::make_shared<CorpusDocuments>(), 1}});
  int tries = 0;
  endless.take(3, 8, bad, [&](Sample sample, Random&) {
    if (++tries < 3) throw BadSample(sample.name, "", "not this one");
  });
  CHECK(tries == 3);
}

TEST_CASE("the ledger counts each bad sample once, hashes its file, and goes on after a resume") {
  const DataFolder folder;
  folder.text("a.png", "torn");
  const auto record = [&](int64_t sample, int64_t index) {
    return BadSampleRecord{sample, "set", index, "a.png", "not an image", folder / "a.png"};
  };
  {
    BadSampleLedger ledger(0.5, 10);
    ledger.open(folder / "bad.jsonl", 0);
    ledger.add({record(2, 7), record(2, 8)}, 4);
    ledger.add({record(5, 7), record(6, 1)}, 8);  // 7 again, in the next pass
    CHECK(ledger.count() == 3);
  }
  const auto lines = [&] {
    std::istringstream text(read_text_file(folder / "bad.jsonl"));
    std::vector<Json> all;
    for (std::string line; std::getline(text, line);) all.push_back(Json::parse(line));
    return all;
  };
  REQUIRE(lines().size() == 3);
  CHECK(lines()[0] == Json{{"sample", 2},
                           {"source", "set"},
                           {"index", 7},
                           {"name", "a.png"},
                           {"reason", "not an image"},
                           {"path", (folder / "a.png").string()},
                           {"sha256", sha256("torn")}});
  // A line that a kill cut off, and samples after the checkpoint, are met again.
  folder.text("bad.jsonl", read_text_file(folder / "bad.jsonl") + "{\"sample\":7,\"sou");
  BadSampleLedger resumed(0.5, 10);
  resumed.open(folder / "bad.jsonl", /*first_sample=*/6);
  CHECK(resumed.count() == 2);
  CHECK(lines().size() == 2);
  resumed.add({record(6, 1)}, 8);
  CHECK(resumed.count() == 3);
  CHECK(lines()[2].at("index") == 1);
  folder.text("damaged.jsonl", "no json\n{}\n");
  CHECK_THROWS_AS(resumed.open(folder / "damaged.jsonl", 0), std::runtime_error);
}

TEST_CASE("above the allowed share of bad samples a run ends with the first ones named") {
  const auto record = [](int64_t index) {
    return BadSampleRecord{index, "set", index, "s" + std::to_string(index), "torn", ""};
  };
  BadSampleLedger ledger(0.02, 100);
  CHECK(ledger_error(ledger, {record(4), record(5)}) == "");
  CHECK(ledger_error(ledger, {record(5)}) == "");
  CHECK(ledger_error(ledger, {record(6)}) ==
        "bad samples: 3 of 100, more than data.max_bad = 0.02 allows. The first:\n  s4: torn\n"
        "  s5: torn\n  s6: torn");
  BadSampleLedger none(0, 5);
  CHECK(ledger_error(none, {record(1)}) != "");
  BadSampleLedger endless(0.01, 0);  // by what was drawn, 1000 at least
  for (int64_t i = 0; i < 10; ++i) CHECK(ledger_error(endless, {record(i)}, 20) == "");
  CHECK(ledger_error(endless, {record(10)}, 2000) == "");
  CHECK(ledger_error(endless, {record(11)}, 1000) != "");
}

}  // namespace nvlm::experiments
