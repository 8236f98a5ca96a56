// Devices and dtype of a chat model.
#include "chat/placement.h"

#include "common/error.h"
#include "tests/support/golden.h"
#include "tests/support/tensors.h"
#include "vision/image.h"

namespace nvlm::chat {
namespace {

using namespace nvlm::test;

const at::Device kGpu(at::kCUDA, 0);
const decoder::PartSizes kElements{100, {100, 100}, 50, 10};

/// The tokens of an answer about a picture.
std::vector<int64_t> picture_answer(const std::filesystem::path& folder, const char* picture,
                                    const ChatModelOptions& options) {
  const auto model = load_chat_model(folder, options);
  const Conversation talk = {{{decoder::Role::kUser, "What?", 1}},
                             {vision::read_image(folder / picture)}};
  decoder::GenerationConfig config;
  config.max_new_tokens = 8;
  return model->answer(std::span(&talk, 1), config).tokens[0];
}

}  // namespace

TEST_CASE("placement: one device, or what the plan says") {
  const ParameterStyle alone = placement({.dtype = "bfloat16"})(kElements);
  CHECK(alone.device.is_cpu());
  CHECK((alone.dtype == at::kBFloat16));
  CHECK(alone.layer_devices.empty());
  CHECK_FALSE(alone.initialise);
  CHECK_THROWS_AS(placement({.device = "gpu"}), UsageError);

  // In float32 a layer takes 400 bytes: the front, 40 for activations and one layer fit.
  const ParameterStyle spread =
      placement_over({{kGpu, 1000}, {at::kCPU, 1 << 20}}, "float32")(kElements);
  CHECK(spread.device == kGpu);
  CHECK((spread.layer_devices == std::vector<at::Device>{kGpu, at::kCPU, at::kCPU}));
  CHECK_FALSE(spread.initialise);
  CHECK_THROWS_AS(placement_over({{kGpu, 1000}, {at::kCPU, 400}}, "float32")(kElements),
                  std::runtime_error);
}

TEST_CASE("placement: a plan that needs the CPU computes in a dtype that suits it") {
  const ParameterStyle on_gpu =
      placement_over({{kGpu, 1000}, {at::kCPU, 1 << 20}}, "auto")(kElements);
  CHECK((on_gpu.dtype == at::kBFloat16));  // 700 bytes and 20
  CHECK((on_gpu.layer_devices == std::vector<at::Device>(3, kGpu)));
  const ParameterStyle spread =
      placement_over({{kGpu, 600}, {at::kCPU, 1 << 20}}, "auto")(kElements);
  CHECK((spread.dtype == compute_dtype(at::kCPU, "auto")));
  CHECK(spread.layer_devices.back().is_cpu());
}

TEST_CASE("device map: a machine without a GPU answers as on the CPU") {
  if (device_memories().size() > 1) {
    MESSAGE("skipped: this machine has a GPU");
    return;
  }
  const ChatModelOptions spread{.device_map = decoder::DeviceMapMode::kAuto};
  for (const auto& [name, picture] :
       {std::pair("07b_nvlm_d", "image.png"), std::pair("08_mllama", "image0.png")}) {
    CAPTURE(name);
    CHECK(picture_answer(golden(name), picture, spread) ==
          picture_answer(golden(name), picture, {}));
  }
}

}  // namespace nvlm::chat
