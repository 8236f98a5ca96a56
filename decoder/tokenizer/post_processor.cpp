#include "decoder/tokenizer/post_processor.h"

#include <stdexcept>

#include "decoder/tokenizer/components.h"

namespace nvlm::decoder {
namespace {

/// The ids of template.special_tokens[name].
std::vector<int64_t> template_token_ids(const Component& part, const std::string& name) {
  const auto tokens = json_get<Json>(*part.json, "special_tokens", part.where);
  const auto token = json_get<Json>(tokens, name, part.where + ".special_tokens");
  return json_get<std::vector<int64_t>>(token, "ids", part.where + ".special_tokens." + name);
}

PostProcessor parse_template(const Component& part) {
  PostProcessor result;
  bool text_seen = false;
  const auto single = json_get<Json>(*part.json, "single", part.where);
  const std::string where = part.where + ".single";
  if (!single.is_array()) throw std::runtime_error(where + " is no list");
  for (const Json& entry : single) {
    if (entry.is_object() && entry.contains("Sequence")) {
      if (text_seen) throw std::runtime_error(where + ": the text stands in it twice");
      text_seen = true;
      continue;
    }
    const auto token = json_get<Json>(entry, "SpecialToken", where);
    const auto ids = template_token_ids(part, json_get<std::string>(token, "id", where));
    std::vector<int64_t>& side = text_seen ? result.after : result.before;
    side.insert(side.end(), ids.begin(), ids.end());
  }
  if (!text_seen) throw std::runtime_error(where + ": the text does not stand in it");
  return result;
}

}  // namespace

PostProcessor PostProcessor::from_json(const Json& tokenizer, const std::string& file) {
  PostProcessor result;
  for (const Component& part : components(tokenizer, "post_processor", "processors", file)) {
    if (part.type == "TemplateProcessing") {
      const PostProcessor outer = parse_template(part);  // goes around what came before
      result.before.insert(result.before.begin(), outer.before.begin(), outer.before.end());
      result.after.insert(result.after.end(), outer.after.begin(), outer.after.end());
    } else if (part.type != "ByteLevel") {
      throw_unsupported(part, "TemplateProcessing, ByteLevel or Sequence");
    }
  }
  return result;
}

}  // namespace nvlm::decoder
