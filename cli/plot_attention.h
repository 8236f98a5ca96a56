// Options of `nvlm plot --attention`, and what they draw.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/options.h"
#include "experiments/plots/figure.h"

namespace nvlm::cli {

struct AttentionOptions {
  std::string model;           // empty: no attention figures
  std::string image, truth;    // files
  std::string cell;            // "ROW,COLUMN"
  std::string layers, blocks;  // lists; empty: all
  int64_t tag = -1;            // -1: none
};

/// Declares --attention, --image, --truth, --cell, --tag, --layers and --blocks.
void add_attention_options(VerbOptions& options, AttentionOptions& values);

/// Writes the heat map into `out` and prints its file's name.
/// returns  the figure of shares, to be written with others
/// throws   UsageError for options that do not go together, or name what is not there
experiments::Figure draw_attention(const AttentionOptions& values,
                                   const std::filesystem::path& out);

}  // namespace nvlm::cli
