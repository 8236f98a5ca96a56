#include "eval/inspection/model_summary.h"

#include <map>

#include "eval/inspection/run_time_costs.h"
#include "fusion/model_family.h"

namespace nvlm::eval {
namespace {

Json weights_bytes(int64_t parameters) {
  return {{"float32", 4 * parameters},
          {"bfloat16", 2 * parameters},
          {"int8", parameters},
          {"int4", (parameters + 1) / 2}};
}

/// Of numbers that are not quantised.
Json by_dtype(int64_t elements) { return {{"float32", 4 * elements}, {"bfloat16", 2 * elements}}; }

/// A picture of the most tiles.
Json image_facts(const ImageCosts& image) {
  return {{"tokens_per_tile", image.tokens_per_tile},
          {"max_tiles", image.inline_tiles + image.memory_tiles},
          {"inline_tokens", image.inline_tiles * image.tokens_per_tile},
          {"memory_tokens", image.memory_tiles * image.tokens_per_tile},
          {"memory_bytes", by_dtype(image.memory_elements())}};
}

}  // namespace

Json model_summary(const Json& config, const std::vector<StoredTensor>& tensors) {
  int64_t parameters = 0, bytes = 0;
  std::map<std::string, int64_t> dtypes;
  for (const StoredTensor& tensor : tensors) {
    parameters += tensor.is_weight ? tensor.elements : 0;
    bytes += tensor.bytes;
    dtypes[tensor.dtype] += tensor.elements;
  }
  const fusion::ModelFamily family = fusion::model_family(config);
  Json summary = {{"family", fusion::name(family)},
                  {"architecture", fusion::architecture_of(config)},
                  {"parameters", parameters},
                  {"tensors", tensors.size()},
                  {"bytes", bytes},
                  {"elements_by_dtype", dtypes},
                  {"modules", module_table(tensors)},
                  {"weights_bytes", weights_bytes(parameters)}};
  if (family == fusion::ModelFamily::kOther) summary["supported"] = fusion::supported_families();
  const RunTimeCosts costs = run_time_costs(config);
  if (costs.vocab > 0) summary["vocab_size"] = costs.vocab;
  if (costs.context > 0) summary["context_length"] = costs.context;
  if (costs.cache_elements_per_token > 0) {
    summary["kv_cache_bytes_per_token"] = by_dtype(costs.cache_elements_per_token);
  }
  if (costs.cache_elements_at_full_context() > 0) {
    const int64_t cache = costs.cache_elements_at_full_context();
    const int64_t memory = costs.image ? costs.image->memory_elements() : 0;
    summary["kv_cache_bytes_at_full_context"] = by_dtype(cache);
    summary["memory_bytes"] = by_dtype(parameters + cache + memory);
  }
  if (costs.image) summary["image"] = image_facts(*costs.image);
  return summary;
}

Json tensor_list(const std::vector<StoredTensor>& tensors) {
  Json list = Json::array();
  for (const StoredTensor& tensor : tensors) {
    list.push_back({{"name", tensor.name},
                    {"dtype", tensor.dtype},
                    {"shape", tensor.shape},
                    {"file", tensor.file}});
  }
  return list;
}

}  // namespace nvlm::eval
