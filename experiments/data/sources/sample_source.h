// Where samples come from: a folder, a file, the renderer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/random.h"
#include "experiments/data/sources/sample.h"

namespace nvlm::experiments {

/// What a source's samples hold.
struct SourceTraits {
  bool has_pictures = true;  // at least some of them
  bool has_glyphs = false;   // all of them
};

/// Safe to share between threads.
class SampleSource {
 public:
  virtual ~SampleSource() = default;

  /// Samples of one pass; nothing for a source that makes them without end.
  virtual std::optional<int64_t> size() const = 0;

  /// Sample `index` (0 .. size() - 1). A source without end draws it from `random` alone.
  /// throws  BadSample
  virtual Sample read(int64_t index, Random& random) const = 0;

  virtual SourceTraits traits() const = 0;

  /// As the configuration names it.
  virtual std::string name() const = 0;

  /// What was looked for, to say where nothing was found: "pictures with NAME.md or NAME.html ...".
  virtual std::string wanted() const = 0;
};

}  // namespace nvlm::experiments
