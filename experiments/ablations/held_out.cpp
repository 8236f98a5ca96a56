#include "experiments/ablations/held_out.h"

#include <sstream>

#include "experiments/data/text_corpus.h"

namespace nvlm::experiments {
namespace {

constexpr uint64_t kTableSeed = 20250101, kTextSeed = 20250102, kNoiseSeed = 20250103;

}  // namespace

std::vector<ItemRow> held_out_rows(HeldOut kind, const MixtureConfig& mixture, int64_t count) {
  std::ostringstream prefix;
  if (kind == HeldOut::kText) {
    prefix << "text-" << kTextSeed;
  } else {
    prefix << "table";
    for (const auto& [name, weight] : {std::pair{"tiny", mixture.tiny},
                                       {"easy", mixture.easy},
                                       {"medium", mixture.medium},
                                       {"hard", mixture.hard}}) {
      if (weight > 0) prefix << "-" << name << weight;
    }
    prefix << "-" << kTableSeed;
  }
  std::vector<ItemRow> rows(static_cast<size_t>(count));
  for (size_t i = 0; i < rows.size(); ++i) {
    std::string number = std::to_string(i);
    if (number.size() < 5) number.insert(size_t{0}, 5 - number.size(), '0');
    rows[i].item = rows[i].group = prefix.str() + "-" + number;
  }
  return rows;
}

RenderedTable held_out_table(const MixtureConfig& mixture, int64_t index) {
  Random random(kTableSeed, static_cast<uint64_t>(index));
  return render_training_table(mixture, random);
}

std::string held_out_text(int64_t index) {
  Random random(kTextSeed, static_cast<uint64_t>(index));
  return corpus_document(random);
}

Random held_out_random(int64_t index) { return Random(kNoiseSeed, static_cast<uint64_t>(index)); }

}  // namespace nvlm::experiments
