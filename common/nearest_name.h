// "Did you mean ...?" for keys, verbs and recipe names.
#pragma once

#include <string>
#include <vector>

namespace nvlm {

/// The candidate with the smallest edit distance to `name` (insert, delete, replace or swap
/// neighbours; case and the difference of "-" and "_" count nothing), else one that `name` begins,
/// or "" if none is near enough
/// to be a slip of the pen. Of equals the first.
std::string nearest_name(const std::string& name, const std::vector<std::string>& candidates);

/// "; did you mean 'x'?" to append to an error, or "" without a near name.
std::string did_you_mean(const std::string& name, const std::vector<std::string>& candidates);

}  // namespace nvlm
