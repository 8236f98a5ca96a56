// TEDS and TEDS-structure: similarity of two tables by the edit distance of their trees.
#pragma once

#include <cstdint>
#include <string_view>

#include "eval/metrics/teds_tree.h"
#include "eval/table/table.h"

namespace nvlm::eval {

enum class TedsContent {
  kCompare,  // TEDS
  kIgnore    // TEDS-structure: all cells count as empty
};

struct TedsScore {
  /// 1 - distance / max(elements). At most 1; as in the reference it may fall below 0, to -1 at
  /// worst, where almost nothing of two tables of different shape corresponds.
  double score = 0.0;
  double distance = 0.0;
  int64_t prediction_elements = 0, truth_elements = 0;  // below the table
  /// False if the trees were too large and `score` is a lower bound: see tree_edit_distance. Two
  /// tables of 60 x 60 cells are exact, two of 500 x 500 are bounded in well under a second.
  bool exact = true;
};

/// Insert and delete cost 1; rename costs 1 if tag, rowspan or colspan differ, else for two td the
/// Levenshtein distance of their contents over the longer length. Texts are compared as they are:
/// see canonical.h.
/// source: Zhong et al. 2020 (arXiv 1911.10683)
TedsScore teds(const TedsTree& prediction, const TedsTree& truth,
               TedsContent content = TedsContent::kCompare);

/// The same for tables, see teds_tree(const Table&). 0 if one has cells and the other none.
TedsScore teds(const Table& prediction, const Table& truth,
               TedsContent content = TedsContent::kCompare);

/// The same for complete HTML documents with the strictness of PubTabNet's metric: 0 if either side
/// has no html/body/table, see teds_tree(std::string_view).
TedsScore teds_html(std::string_view prediction, std::string_view truth,
                    TedsContent content = TedsContent::kCompare);

}  // namespace nvlm::eval
