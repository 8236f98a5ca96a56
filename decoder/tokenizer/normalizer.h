// Rewrites text before it is cut into words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/json.h"

namespace nvlm::decoder {

/// The `normalizer` part: NFC, NFD, NFKC, NFKD, Prepend, Replace of a string, or a Sequence of
/// them. Immutable.
class Normalizer {
 public:
  /// throws  std::runtime_error naming file and field for other types and malformed ones
  static Normalizer from_json(const Json& tokenizer, const std::string& file);

  /// The rewritten text: `text` itself where nothing changes, else a view of `storage`. Bytes that
  /// are not UTF-8 stay as they are.
  std::string_view apply(std::string_view text, std::string& storage) const;

 private:
  struct Step {
    enum class Kind { kNfc, kNfd, kNfkc, kNfkd, kPrepend, kReplace } kind;
    std::string pattern;  // kReplace: what is replaced
    std::string content;  // kPrepend, kReplace: what is put there
  };

  std::vector<Step> steps_;
};

}  // namespace nvlm::decoder
