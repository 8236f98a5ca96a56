#include "experiments/ablations/continuation.h"

#include <cmath>

namespace nvlm::experiments {
namespace {

std::string differs(const std::string& what, const std::string& stored,
                    const std::string& planned) {
  return what + " is " + stored + ", expected " + planned;
}

std::string seed_list(const std::vector<int64_t>& seeds) {
  std::string list;
  for (const int64_t seed : seeds) list += (list.empty() ? "" : ", ") + std::to_string(seed);
  return list;
}

std::string option_list(const std::map<std::string, std::string>& options) {
  std::string list;
  for (const auto& [field, value] : options) {
    list += (list.empty() ? "" : " ") + field + "=" + value;
  }
  return list;
}

std::string arm_obstacle(const SuiteArm& stored, const SuiteArm& planned) {
  const std::string where = "arm " + stored.matching + "/" + stored.arm;
  if (where != "arm " + planned.matching + "/" + planned.arm) {
    return where + " stands where arm " + planned.matching + "/" + planned.arm + " is planned";
  }
  if (stored.options != planned.options) {
    return differs("options of " + where, option_list(stored.options),
                   option_list(planned.options));
  }
  for (const auto& [what, have, want] :
       {std::tuple{"steps", stored.planned.steps, planned.planned.steps},
        {"samples", stored.planned.samples, planned.planned.samples},
        {"trainable_parameters", stored.planned.trainable_parameters,
         planned.planned.trainable_parameters}}) {
    if (have != want) {
      return differs(std::string(what) + " of " + where, std::to_string(have),
                     std::to_string(want));
    }
  }
  return "";
}

}  // namespace

std::string continuation_obstacle(const Suite& stored, const Suite& planned) {
  for (const auto& [what, have, want] :
       {std::tuple{"suite", stored.suite, planned.suite},
        {"preset", stored.preset, planned.preset},
        {"revision", stored.revision, planned.revision},
        {"seeds", seed_list(stored.seeds), seed_list(planned.seeds)},
        {"number of items", std::to_string(stored.num_items), std::to_string(planned.num_items)},
        {"item list", stored.items_hash, planned.items_hash},
        {"metric", stored.metric, planned.metric},
        {"number of arms", std::to_string(stored.arms.size()),
         std::to_string(planned.arms.size())}}) {
    if (have != want) return differs(what, have, want);
  }
  for (size_t i = 0; i < stored.arms.size(); ++i) {
    const std::string obstacle = arm_obstacle(stored.arms[i], planned.arms[i]);
    if (!obstacle.empty()) return obstacle;
  }
  return "";
}

}  // namespace nvlm::experiments
