#include "experiments/tasks/mixture.h"

#include <string>

#include "common/config_schema.h"
#include "common/error.h"
#include "experiments/data/table_generator.h"

namespace nvlm::experiments {

void MixtureConfig::validate() const {
  for (const auto& [name, value] : {std::pair{"data.tiny", tiny},
                                    {"data.easy", easy},
                                    {"data.medium", medium},
                                    {"data.hard", hard}}) {
    if (value < 0) {
      throw UsageError(std::string(name) + " is " + std::to_string(value) + ", expected 0 or more");
    }
  }
  if (tiny + easy + medium + hard <= 0) {
    throw UsageError("data.tiny, data.easy, data.medium and data.hard are all 0");
  }
}

void register_options(ConfigSchema& schema, MixtureConfig& config) {
  const auto weight = number_from(0, 1e6);
  schema.add("data.tiny", &config.tiny, "relative weight of tiny tables", weight);
  schema.add("data.easy", &config.easy, "relative weight of easy tables", weight);
  schema.add("data.medium", &config.medium, "relative weight of medium tables", weight);
  schema.add("data.hard", &config.hard, "relative weight of hard tables", weight);
  schema.add("data.corrupted_cells", &config.corrupted_cells,
             "share of cells whose ground truth is wrong (fusion recipes)", number_from(0, 1));
  schema.add("data.misread", &config.misread,
             "share of a table's tokens that the decoder is shown wrongly, as if it had misread "
             "them, while it is asked for the right next ones (fusion recipes)",
             number_from(0, 0.5));
  schema.add("data.text_only", &config.text_only, "share of text-only batches (fusion-sft)",
             number_from(0, 1));
  schema.add("data.text_blocks", &config.text_blocks,
             "share of dense text pictures (reader-pretrain)", number_from(0, 1));
  schema.add("data.thumbnails", &config.thumbnails,
             "share of cut pictures whose thumbnail is read, too (reader-pretrain)",
             number_from(0, 1));
}

Random training_random(uint64_t seed, int64_t index) {
  constexpr uint64_t kUpperHalf = uint64_t{1} << 63;
  return Random(seed, kUpperHalf + static_cast<uint64_t>(index));
}

const TableDifficulty& pick_difficulty(const MixtureConfig& config, Random& random) {
  static const TableDifficulty kTiny = tiny(), kEasy = easy(), kMedium = medium(), kHard = hard();
  const double at = random.uniform(0, config.easy + config.medium + config.hard + config.tiny);
  if (at < config.easy) return kEasy;
  if (at < config.easy + config.medium) return kMedium;
  return at < config.easy + config.medium + config.hard ? kHard : kTiny;
}

RenderedTable render_training_table(const MixtureConfig& config, Random& random) {
  const TableDifficulty& difficulty = pick_difficulty(config, random);
  return render_table(generate_table(random, difficulty), difficulty, random);
}

}  // namespace nvlm::experiments
