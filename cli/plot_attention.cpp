#include "cli/plot_attention.h"

#include <iostream>
#include <optional>
#include <stdexcept>
#include <utility>

#include "cli/list_option.h"
#include "cli/model_folder.h"
#include "common/atomic_file.h"
#include "decoder/tokenizer/tokenizer.h"
#include "experiments/plots/attention_map.h"
#include "experiments/plots/attention_trace.h"
#include "vision/image.h"

namespace nvlm::cli {
namespace {

/// Rows of the attention matrix, and what they are.
using NamedQueries = std::pair<std::vector<int64_t>, std::string>;

NamedQueries wanted_queries(const AttentionOptions& values,
                            const experiments::AttentionTrace& trace,
                            const std::filesystem::path& model) {
  if (values.tag >= 0) {
    return {
        experiments::tag_queries(trace.prompt, values.tag),
        values.tag == 0 ? "the thumbnail's tag" : "the tag of tile " + std::to_string(values.tag)};
  }
  if (values.cell.empty()) return {experiments::answer_queries(trace.prompt), "the answer"};
  const std::vector<int64_t> cell = comma_numbers("--cell", values.cell, 0);
  const auto tokenizer = decoder::Tokenizer::from_file(model / "tokenizer.json");
  return {experiments::cell_queries(tokenizer, trace.prompt, trace.answer, cell[0], cell[1]),
          "cell " + values.cell};
}

void check_together(const AttentionOptions& values) {
  if (values.image.empty()) throw UsageError("plot: --attention needs --image with a picture");
  if (!values.cell.empty() && values.tag >= 0) {
    throw UsageError("plot: expected --cell or --tag, and not both");
  }
  if (!values.cell.empty() && comma_numbers("--cell", values.cell, 0).size() != 2) {
    throw UsageError("--cell: '" + values.cell + "', expected ROW,COLUMN");
  }
}

std::vector<int64_t> places(const std::string& option, const std::string& text) {
  return text.empty() ? std::vector<int64_t>{} : comma_numbers(option, text, 0);
}

}  // namespace

void add_attention_options(VerbOptions& options, AttentionOptions& values) {
  options.add()("attention", po::value(&values.model)->value_name("MODEL"),
                "d, x, h or a folder: draws where the tokens of its answer look, by kind of token "
                "and as a heat map on the picture")(
      "image", po::value(&values.image)->value_name("FILE"), "picture for --attention")(
      "truth", po::value(&values.truth)->value_name("FILE"),
      "Markdown answer for --attention; default: what the model answers greedily")(
      "cell", po::value(&values.cell)->value_name("ROW,COLUMN"),
      "heat map of this cell's tokens, counted from 0,0 in the header; default: of the answer")(
      "tag", po::value(&values.tag)->value_name("N"),
      "heat map of a tile's tag: tiles count from 1, 0 is the thumbnail")(
      "layers", po::value(&values.layers)->value_name("LIST"),
      "decoder layers for --attention, from 0; default: all")(
      "blocks", po::value(&values.blocks)->value_name("LIST"),
      "cross-attention blocks for --attention, from 0; default: all");
}

experiments::Figure draw_attention(const AttentionOptions& values,
                                   const std::filesystem::path& out) {
  check_together(values);
  const std::filesystem::path model = model_folder(values.model);
  const std::optional<std::string> truth =
      values.truth.empty() ? std::nullopt : std::optional(read_text_file(values.truth));
  const Tensor image = vision::read_image(values.image);
  const experiments::AttentionPlaces wanted{places("--layers", values.layers),
                                            places("--blocks", values.blocks)};
  const auto trace = parse_option("--attention", values.model, [&](const std::string&) {
    return experiments::trace_attention(model, image, truth, wanted);
  });
  const auto [queries, what] =
      parse_option(values.tag >= 0 ? "--tag" : "--cell", values.cell,
                   [&](const std::string&) { return wanted_queries(values, trace, model); });
  const experiments::AttentionHeatMap map = experiments::attention_heat_map(trace, queries, what);
  experiments::write_heat_map(map, out);
  std::cout << (out / map.name).string() << ".png\n";
  return experiments::attention_mass_figure(trace);
}

}  // namespace nvlm::cli
