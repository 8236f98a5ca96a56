#include "experiments/tasks/fusion_pass.h"

#include "common/json.h"
#include "common/safetensors.h"

namespace nvlm::experiments {

FusionPass collate_pass(std::span<FusionSample> samples) {
  FusionPass pass;
  std::vector<Tensor> tiles, coded;
  std::vector<fusion::Prompt> prompts;
  for (FusionSample& sample : samples) {
    pass.names.push_back(sample.name);
    tiles.insert(tiles.end(), sample.tiles.begin(), sample.tiles.end());
    coded.insert(coded.end(), sample.coded.begin(), sample.coded.end());
    for (GuideTarget target : sample.targets) {
      target.sample = static_cast<int64_t>(prompts.size());
      pass.targets.push_back(target);
    }
    prompts.push_back(std::move(sample.prompt));
  }
  if (!tiles.empty()) pass.tiles = at::cat(tiles);
  if (!coded.empty()) pass.coded = at::cat(coded);
  pass.prompts = fusion::collate(std::move(prompts), /*pad_id=*/0);
  return pass;
}

std::string describe(const FusionPass& pass) {
  const int64_t tiles = pass.tiles.defined()   ? pass.tiles.size(0)
                        : pass.coded.defined() ? pass.coded.size(0)
                                               : 0;
  return std::to_string(pass.prompts.ids.size(0)) + " rows of " +
         std::to_string(pass.prompts.ids.size(1)) + " tokens, " + std::to_string(tiles) + " tiles";
}

std::filesystem::path dump(const FusionPass& pass, const std::filesystem::path& stem) {
  const fusion::PromptBatch& prompts = pass.prompts;
  std::map<std::string, Tensor> tensors{{"ids", prompts.ids},
                                        {"labels", prompts.labels},
                                        {"attention_mask", prompts.attention_mask},
                                        {"tile", prompts.tile},
                                        {"is_slot", prompts.is_slot}};
  if (pass.tiles.defined()) tensors["tiles"] = pass.tiles;
  if (pass.coded.defined()) tensors["coded"] = pass.coded;
  std::filesystem::path tensor_file = stem, json_file = stem;
  tensor_file += ".safetensors";
  json_file += ".json";
  write_safetensors(tensor_file, tensors);
  Json tile_refs = Json::array();
  for (const vision::TileRef& ref : prompts.tile_refs()) {
    tile_refs.push_back({{"sample", ref.sample},
                         {"image", ref.image},
                         {"tile", ref.tile},
                         {"thumbnail", ref.role == vision::TileRole::kThumbnail}});
  }
  write_json(json_file, {{"samples", pass.names},
                         {"tensors", tensor_file.filename().string()},
                         {"tile_refs", tile_refs}});
  return json_file;
}

}  // namespace nvlm::experiments
