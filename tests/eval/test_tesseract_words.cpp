// The independent reader on a sample, and on pictures that it cannot like.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "common/atomic_file.h"
#include "eval/extraction/tesseract_words.h"
#include "eval/table/gfm_parser.h"
#include "vision/image.h"

namespace nvlm::eval {

TEST_CASE("Tesseract agrees with the truth of samples and not with another table's") {
  const std::filesystem::path samples = std::filesystem::path(NVLM_SOURCE_DIR) / "docs/samples";
  const WordReader words = tesseract_words();
  const auto truth = [&](const std::string& name) {
    return parse_gfm_table(read_text_file(samples / "gt" / (name + ".md"))).value().table;
  };
  for (const std::string name : {"staff", "alloys", "rainfall"}) {
    CAPTURE(name);
    const auto seen = words(vision::read_image(samples / (name + ".png")));
    CHECK(measure_agreement(truth(name), seen).found() >= kOkAgreement);
    CHECK(measure_agreement(truth("invoice"), seen).found() < kFailAgreement);
  }
}

TEST_CASE("pictures without words, of one pixel and of great length have few") {
  const WordReader words = tesseract_words();
  CHECK(words(at::full({40, 60, 3}, 255, at::kByte)).empty());
  CHECK(words(at::zeros({1, 1, 3}, at::kByte)).empty());
  CHECK(words(at::full({10, 40'000, 3}, 255, at::kByte)).empty());
}

}  // namespace nvlm::eval
