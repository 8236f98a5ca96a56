#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/check.h"
#include "common/device.h"
#include "common/error.h"
#include "common/logging.h"
#include "common/progress.h"
#include "common/random.h"
#include "common/tolerance.h"

namespace nvlm {
namespace {

template <class Action>
std::string torch_error(const Action& action) {
  try {
    action();
  } catch (const c10::Error& error) {
    return error.what_without_backtrace();
  }
  return "no error";
}

}  // namespace

TEST_CASE("checks say what is and what was expected") {
  const Tensor tensor = at::zeros({2, 5, 8});
  expect_shape(tensor, {2, -1, 8}, "memory");
  expect_dtype(tensor, at::kFloat, "memory");
  CHECK(torch_error([&] {
          expect_shape(tensor, {2, -1, 9}, "memory");
        }) == "memory is [2, 5, 8], expected [2, *, 9]");
  CHECK(torch_error([&] {
          expect_shape(tensor, {2, -1}, "memory");
        }) == "memory is [2, 5, 8], expected [2, *]");
  CHECK(torch_error([&] { expect_dtype(tensor, at::kLong, "ids"); }) ==
        "ids is Float, expected Long");
  CHECK(torch_error([&] { expect_shape(Tensor(), {1}, "mask"); }) ==
        "mask is an undefined tensor, expected [1]");
}

TEST_CASE("tensor comparison finds the worst place") {
  const Tensor expected = at::arange(12, at::kDouble).view({3, 4});
  Tensor actual = expected.clone();
  CHECK(compare_tensors(actual, expected, {0, 0}).close);
  actual[1][2] += 0.25;
  actual[2][0] -= 0.5;
  const TensorDifference difference = compare_tensors(actual, expected, {0.1, 0});
  CHECK_FALSE(difference.close);
  CHECK(difference.largest == 0.5);
  CHECK(difference.where == std::vector<int64_t>{2, 0});
  CHECK(difference.violations == 2);
  CHECK(difference.describe() ==
        "largest difference 0.5; at [2, 0]: 7.5, expected 8 (2 of 12 beyond the tolerance)");
  CHECK(compare_tensors(actual, expected, {0.5, 0}).close);
  CHECK(compare_tensors(actual, expected, {0, 0.0625}).close);
  // The relative part: 0.25 at the value 6 violates, 0.5 at 8 would not.
  CHECK(compare_tensors(actual, expected, {0, 0.05}).violations == 1);

  const double inf = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor special = at::tensor({inf, nan, 1.0});
  CHECK_FALSE(compare_tensors(special, special, {1, 1}).close);
  CHECK(compare_tensors(special, special, {1, 1}).where == std::vector<int64_t>{1});
  CHECK(compare_tensors(at::tensor({inf}), at::tensor({inf}), {0, 0}).close);
  CHECK_FALSE(compare_tensors(at::tensor({1.0}), at::tensor({inf}), {1, 1}).close);
  CHECK(compare_tensors(at::ones({2}), at::ones({3}), {1, 1}).describe() ==
        "shape [2], expected [3]");
  CHECK(compare_tensors(at::empty({0}), at::empty({0}), {0, 0}).close);
  CHECK(compare_tensors(at::scalar_tensor(1.0), at::scalar_tensor(2.0), {0, 0}).where.empty());
  CHECK_FALSE(compare_tensors(Tensor(), at::ones({1}), {1, 1}).close);
  CHECK(tolerance(at::kDouble).absolute < tolerance(at::kFloat).absolute);
  CHECK(tolerance(at::kLong).absolute == 0);
}

TEST_CASE("random: the published sequence of xoshiro256**") {
  Random random(Random::State{1, 2, 3, 4});
  for (const uint64_t expected : {11520U, 0U, 1509978240U}) {
    CHECK(random.next() == expected);
  }
  CHECK(random.next() == 1215971899390074240U);
  CHECK(random.next() == 1216172134540287360U);
  CHECK(random.next() == 607988272756665600U);
  CHECK_THROWS_AS(Random(Random::State{}), std::invalid_argument);
}

TEST_CASE("random: seeds, streams and states") {
  Random a(7), b(7), other_stream(7, 1), other_seed(8);
  const uint64_t first = a.next();
  CHECK(first == b.next());
  CHECK(first != other_stream.next());
  CHECK(first != other_seed.next());
  CHECK(Random(0, 1).next() != Random(1, 0).next());
  Random copy(a.state());
  for (int i = 0; i < 10; ++i) CHECK(copy.normal() == a.normal());
}

TEST_CASE("random: ranges and moments") {
  Random random(1);
  std::vector<int64_t> counts(7);
  double sum = 0, squares = 0, lowest = 1, highest = 0;
  constexpr int kDraws = 70'000;
  for (int i = 0; i < kDraws; ++i) {
    ++counts[static_cast<size_t>(random.integer(-3, 3) + 3)];
    const double normal = random.normal();
    sum += normal;
    squares += normal * normal;
    const double uniform = random.uniform();
    lowest = std::min(lowest, uniform);
    highest = std::max(highest, uniform);
  }
  for (const int64_t count : counts) CHECK(std::abs(count - kDraws / 7) < 500);
  CHECK(std::abs(sum / kDraws) < 0.02);
  CHECK(std::abs(squares / kDraws - 1) < 0.03);
  CHECK(lowest >= 0);
  CHECK(lowest < 0.001);
  CHECK(highest < 1);
  CHECK(highest > 0.999);
  const int64_t low = std::numeric_limits<int64_t>::min();
  const int64_t high = std::numeric_limits<int64_t>::max();
  random.integer(low, high);
  CHECK(random.integer(high, high) == high);
  CHECK(random.integer(low, low + 1) <= low + 1);
  CHECK_THROWS_AS(random.integer(1, 0), std::invalid_argument);
  CHECK_THROWS_AS(random.pick(std::vector<int>{}), std::invalid_argument);
  CHECK(random.uniform(2, 2) == 2);
  CHECK_FALSE(random.chance(0));
  CHECK(random.chance(1));
  std::vector<int> values = {1, 2, 3, 4, 5};
  random.shuffle(values);
  CHECK(std::is_permutation(values.begin(), values.end(), std::vector<int>{1, 2, 3, 4, 5}.begin()));
}

TEST_CASE("progress lines") {
  CHECK(progress_line("train", 450, 1000, 12.34, 37, "loss 2.3", false, false) ==
        "train 450/1000 45%  12.3/s  left 0:45  loss 2.3");
  CHECK(progress_line("train", 500, 1000, 0, 0, "", true, false) ==
        "train [############............] 500/1000 50%");
  CHECK(progress_line("read", 7, 0, 3500, 3725, "", false, true) == "read 7  3500/s  took 1:02:05");
  CHECK(progress_line("read", 9, 3, 1, 0, "", true, false) ==
        "read [########################] 9/3 100%  1/s  left 0:00");
  CHECK(format_duration(std::numeric_limits<double>::quiet_NaN()) == "-");
  CHECK(format_duration(-1) == "-");
  CHECK(format_duration(59.6) == "1:00");
}

TEST_CASE("device and dtype names") {
  CHECK(parse_device("cpu").is_cpu());
  for (const char* name : {"", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:1000", "cpu:0"}) {
    CAPTURE(name);
    CHECK_THROWS_AS(parse_device(name), UsageError);
  }
  CHECK((compute_dtype(at::kCPU, "float32") == at::kFloat));
  CHECK((compute_dtype(at::kCPU, "bfloat16") == at::kBFloat16));
  const at::ScalarType fastest = processor_has_fast_bfloat16() ? at::kBFloat16 : at::kFloat;
  CHECK((compute_dtype(at::kCPU, "auto") == fastest));
  CHECK((compute_dtype(at::kCUDA, "auto") == at::kBFloat16));
  CHECK_THROWS_WITH_AS(compute_dtype(at::kCPU, "bfloat"),
                       doctest::Contains("did you mean 'bfloat16'?"), UsageError);
  CHECK(available_threads() >= 1);
  CHECK_THROWS_AS(set_threads(-1), UsageError);
  const int before = num_threads();
  set_threads(1);
  CHECK(num_threads() == 1);
  set_threads(before);
  CHECK_FALSE(processor_features().empty());
}

TEST_CASE("device memories: the CPU comes last, and has some") {
  const std::vector<DeviceMemory> devices = device_memories();
  REQUIRE_FALSE(devices.empty());
  CHECK(devices.back().device.is_cpu());
  for (const DeviceMemory& memory : devices) CHECK(memory.free > 0);
  for (size_t i = 0; i + 1 < devices.size(); ++i) {
    CHECK(devices[i].device == at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(i)));
  }
}

TEST_CASE("log levels") {
  set_log_level("warning");
  CHECK(log_level() == "warning");
  log_info("this line must not appear");
  CHECK_THROWS_WITH_AS(set_log_level("warn"), doctest::Contains("did you mean 'warning'?"),
                       UsageError);
  set_log_level("info");
}

}  // namespace nvlm
