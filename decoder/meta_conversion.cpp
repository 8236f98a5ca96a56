#include "decoder/meta_conversion.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/atomic_file.h"
#include "common/json.h"
#include "common/weight_store.h"
#include "common/widest_dtype.h"
#include "decoder/checkpoint.h"
#include "decoder/meta_llama.h"
#include "decoder/tokenizer/tokenizer.h"

namespace nvlm::decoder {
namespace {

namespace fs = std::filesystem;

void copy_tokenizer(const fs::path& from, const fs::path& to) {
  if (!fs::exists(from / "tokenizer.json")) return;
  write_file_atomically(to / "tokenizer.json", read_text_file(from / "tokenizer.json"));
}

/// Llama 2 and 3 by their names; base and chat models end a text with one or another of these.
void put_text_ends(const fs::path& folder) {
  const auto tokenizer = Tokenizer::from_file(folder / "tokenizer.json");
  Json begin, ends = Json::array();
  for (const char* name : {"<|begin_of_text|>", "<s>"}) {
    const auto id = tokenizer.find(name);
    if (id && begin.is_null()) begin = *id;
  }
  for (const char* name : {"<|end_of_text|>", "<|eom_id|>", "<|eot_id|>", "</s>"}) {
    if (const auto id = tokenizer.find(name)) ends.push_back(*id);
  }
  for (const char* file : {"config.json", "generation_config.json"}) {
    Json json = read_json(folder / file);
    json["bos_token_id"] = begin;
    json["eos_token_id"] = ends.empty() ? Json() : ends.size() == 1 ? ends[0] : ends;
    write_json(folder / file, json);
  }
}

}  // namespace

void meta_to_hugging_face(const fs::path& from, const fs::path& to,
                          std::optional<at::ScalarType> dtype) {
  if (!is_meta_llama(from)) {
    throw std::runtime_error("'" + from.string() +
                             "' is not in Meta's layout: expected params.json and no config.json");
  }
  if (!dtype) dtype = widest_dtype(*open_meta_weights(from));
  save_llama(to, load_llama(from, *dtype));
  copy_tokenizer(from, to);
  if (fs::exists(to / "tokenizer.json")) put_text_ends(to);
}

void hugging_face_to_meta(const fs::path& from, const fs::path& to,
                          std::optional<at::ScalarType> dtype, int64_t shards) {
  if (!fs::exists(from / "config.json")) {
    throw std::runtime_error("'" + from.string() +
                             "' is not in Hugging Face's layout: expected a config.json");
  }
  if (!dtype) dtype = widest_dtype(WeightStore::open(from));
  save_meta_llama(to, load_llama(from, *dtype), shards);
  copy_tokenizer(from, to);
}

}  // namespace nvlm::decoder
