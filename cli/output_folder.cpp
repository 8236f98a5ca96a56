#include "cli/output_folder.h"

#include <algorithm>
#include <string>

#include "common/error.h"

namespace nvlm::cli {
namespace {

namespace fs = std::filesystem;

bool is_checkpoint_folder(const fs::path& folder) {
  return fs::exists(folder / "config.json") || fs::exists(folder / "params.json");
}

/// Whether `inner` is `outer` or lies below it.
bool is_within(const fs::path& inner, const fs::path& outer) {
  const fs::path a = plain_folder_path(outer), b = plain_folder_path(inner);
  return std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first == a.end();
}

}  // namespace

AtomicFolder start_output_folder(const fs::path& out, bool overwrite,
                                 const std::vector<fs::path>& inputs) {
  const std::string where = "--out: '" + out.string() + "' ";
  if (fs::exists(out) && !fs::is_directory(out)) throw UsageError(where + "is no folder");
  if (fs::exists(out) && !fs::is_empty(out)) {
    if (!overwrite) throw UsageError(where + "is not empty; --overwrite replaces it");
    // All that is there is deleted, so it had better be what the user thinks it is.
    if (!is_checkpoint_folder(out)) {
      throw UsageError(where +
                       "holds no checkpoint (config.json or params.json), which alone "
                       "--overwrite replaces");
    }
  }
  for (const fs::path& input : inputs) {
    if (is_within(input, out)) {
      throw UsageError(where + "is or holds the folder that is read, '" + input.string() + "'");
    }
  }
  return AtomicFolder(out);
}

}  // namespace nvlm::cli
