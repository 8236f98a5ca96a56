#include "experiments/plots/attention_trace.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <iomanip>
#include <limits>
#include <sstream>
#include <stdexcept>

#include "common/atomic_file.h"
#include "eval/readers/model_reader.h"
#include "experiments/plots/attention_map.h"
#include "experiments/plots/attention_picture.h"
#include "experiments/tasks/gate_values.h"
#include "fusion/multimodal_checkpoint.h"
#include "vision/image.h"
#include "vision/preprocessor.h"

namespace nvlm::experiments {
namespace {

constexpr int64_t kLongestAnswer = 1024;  // tokens

/// The wanted places as a set, all `count` of them where none are named.
std::set<int64_t> wanted_places(const std::vector<int64_t>& wanted, int64_t count,
                                const std::string& kind) {
  std::set<int64_t> places(wanted.begin(), wanted.end());
  if (places.empty()) {
    for (int64_t place = 0; place < count; ++place) places.insert(place);
  }
  for (const int64_t place : places) {
    if (place >= 0 && place < count) continue;
    throw std::invalid_argument("attention: " + kind + " " + std::to_string(place) +
                                ", the model has " + std::to_string(count) + ", counted from 0");
  }
  return places;
}

/// The greedy answer without the token that ended it.
std::string greedy_answer(fusion::MultimodalModel& model, const decoder::Tokenizer& tokenizer,
                          const fusion::PromptBuilder& builder, const vision::ImageLayout& layout,
                          const Tensor& features) {
  const fusion::PromptBatch prompt =
      fusion::collate({builder.build(eval::kTableQuestion, {layout})}, /*pad_id=*/0);
  decoder::GenerationConfig config;
  config.eos_token_ids = model->config().decoder.eos_token_ids;
  config.eos_token_ids.push_back(tokenizer.id(builder.config().format.chat.stop));
  const int64_t room = model->config().decoder.max_position_embeddings - prompt.ids.size(1);
  config.max_new_tokens = std::min(kLongestAnswer, room);
  if (config.max_new_tokens < 1) {
    throw std::invalid_argument("attention: the prompt fills the model's context");
  }
  const auto generation = model->generate(prompt, {features, prompt.tile_refs()}, config);
  std::vector<int64_t> tokens = generation.tokens.front();
  if (generation.finish_reasons.front() == decoder::FinishReason::kStopToken) tokens.pop_back();
  return tokenizer.decode(tokens);
}

std::map<int64_t, double> attention_gates(const fusion::MultimodalModel& model, int64_t blocks) {
  const auto gates = gate_values(*model);
  std::map<int64_t, double> values;
  for (int64_t block = 0; block < blocks; ++block) {
    const auto gate = gates.find(std::to_string(block) + ".attention");
    if (gate != gates.end()) values[block] = gate->second.item<double>();
  }
  return values;
}

/// The name with nothing but lower-case letters, digits and hyphens.
std::string file_name(const std::string& figure, const std::string& model) {
  std::string name = figure + "-" + model;
  for (char& c : name) {
    const auto byte = static_cast<unsigned char>(c);
    c = std::isalnum(byte) != 0 && byte < 128 ? static_cast<char>(std::tolower(byte)) : '-';
  }
  return name;
}

/// "64 thumbnail, 128 regular tiles, 14 text"
std::string counts_text(const std::vector<KeyKind>& keys) {
  std::string text;
  for (const KeyKind kind : kKeyKinds) {
    const auto count = std::count(keys.begin(), keys.end(), kind);
    if (count == 0) continue;
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + title(kind);
  }
  return text;
}

std::string gates_text(const std::map<int64_t, double>& gates) {
  std::ostringstream text;
  text << std::setprecision(2);
  for (const auto& [block, gate] : gates) {
    text << (text.str().empty() ? "" : ", ") << "block " << block << ": " << gate;
  }
  return text.str();
}

std::string mass_caption(const AttentionTrace& trace, size_t num_queries) {
  std::string text =
      "Mean over heads and over the " + std::to_string(num_queries) +
      " rows that predict the answer's tokens, one forward pass. The bars of a place "
      "sum to 1: a layer's are shares of the sequence (" +
      counts_text(sequence_keys(trace.prompt)) + " tokens)";
  if (trace.probe.cross_probabilities.empty()) return text + ".";
  text += ", a block's are shares of the memory (" + counts_text(memory_keys(trace.prompt)) +
          " tokens), so bars of layers and of blocks are not shares of one whole.";
  if (!trace.gates.empty()) {
    text += " What a block reads enters the decoder times tanh of its gate (" +
            gates_text(trace.gates) + ").";
  }
  return text;
}

std::string places_text(const std::map<int64_t, Tensor>& places, const std::string& kind) {
  std::string text;
  for (const auto& [place, probabilities] : places) {
    text += (text.empty() ? "" : ", ") + std::to_string(place);
  }
  return (places.size() == 1 ? kind : kind + "s") + " " + text;
}

/// One panel of a heat map: the tiles of one role.
struct HeatPanel {
  vision::TileRole role;
  const char* title;
};

constexpr HeatPanel kHeatPanels[] = {{vision::TileRole::kThumbnail, "thumbnail"},
                                     {vision::TileRole::kRegular, "regular tiles"}};

const char* route_title(fusion::Route route) {
  return route == fusion::Route::kInline ? "self-attention" : "cross-attention";
}

/// A number as it reads back to the same bits.
std::string exact(double value) {
  std::ostringstream text;
  text << std::setprecision(std::numeric_limits<double>::max_digits10) << value;
  return text.str();
}

int64_t tokens_per_side(const fusion::Prompt& prompt) {
  return std::llround(std::sqrt(static_cast<double>(prompt.tile_tokens)));
}

/// Cells of all tiles of a role, the strongest of strength 1; and what 1 stands for.
std::pair<std::vector<HeatCell>, double> heat_cells(const AttentionTrace& trace,
                                                    const Tensor& weights, vision::TileRole role) {
  const auto values = weights.accessor<double, 2>();
  std::vector<HeatCell> cells;
  double most = 0;
  for (size_t tile = 0; tile < trace.prompt.tiles.size(); ++tile) {
    const fusion::TilePlacement& placement = trace.prompt.tiles[tile];
    if (placement.role != role) continue;
    for (int64_t token = 0; token < trace.prompt.tile_tokens; ++token) {
      const double weight = values[static_cast<int64_t>(tile)][token];
      cells.push_back(
          {token_rectangle(trace.layout, placement.tile, token, tokens_per_side(trace.prompt),
                           trace.image.size(1), trace.image.size(0)),
           weight});
      most = std::max(most, weight);
    }
  }
  for (HeatCell& cell : cells) cell.strength = most > 0 ? cell.strength / most : 0;
  return {std::move(cells), most};
}

std::string heat_csv(const AttentionTrace& trace, const Tensor& weights) {
  const auto values = weights.accessor<double, 2>();
  std::string text = "tile,role,route,token,left,top,right,bottom,weight\r\n";
  for (size_t tile = 0; tile < trace.prompt.tiles.size(); ++tile) {
    const fusion::TilePlacement& placement = trace.prompt.tiles[tile];
    const bool is_thumbnail = placement.role == vision::TileRole::kThumbnail;
    for (int64_t token = 0; token < trace.prompt.tile_tokens; ++token) {
      const PixelRectangle place =
          token_rectangle(trace.layout, placement.tile, token, tokens_per_side(trace.prompt),
                          trace.image.size(1), trace.image.size(0));
      text += std::to_string(placement.tile) + (is_thumbnail ? ",thumbnail," : ",regular,") +
              route_title(placement.route) + "," + std::to_string(token);
      for (const double number : {place.left, place.top, place.right, place.bottom,
                                  values[static_cast<int64_t>(tile)][token]}) {
        text += "," + exact(number);
      }
      text += "\r\n";
    }
  }
  return text;
}

/// Share of attention that all tiles of a role get, and of one token at most.
std::string panel_caption(const char* panel, fusion::Route route, double share, double most) {
  std::ostringstream text;
  text << panel << ", " << route_title(route) << ": " << std::fixed << std::setprecision(1)
       << 100 * share << "% of the attention; darkest = " << 100 * most << "%";
  return text.str();
}

}  // namespace

AttentionTrace trace_attention(const std::filesystem::path& folder, const Tensor& image,
                               const std::optional<std::string>& answer,
                               const AttentionPlaces& places) {
  const c10::InferenceMode inference;
  fusion::MultimodalModel model = fusion::load_multimodal(folder);
  const fusion::MultimodalConfig& config = model->config();
  if (config.fusion.resampler.latents > 0) {
    throw std::invalid_argument("attention: " + folder.string() +
                                " resamples its tiles, so that no token stands for a place");
  }
  const decoder::Tokenizer tokenizer = decoder::Tokenizer::from_file(folder / "tokenizer.json");
  const fusion::PromptBuilder builder(tokenizer, config.prompt());
  AttentionTrace trace;
  trace.model = std::filesystem::weakly_canonical(folder).filename().string();
  trace.image = image;
  trace.probe.self_layers = wanted_places(places.layers, config.decoder.layers, "layer");
  const auto blocks = builder.config().routing.uses_memory()
                          ? static_cast<int64_t>(config.fusion.depths.size())
                          : 0;
  trace.probe.cross_blocks = wanted_places(places.blocks, blocks, "block");
  trace.gates = attention_gates(model, blocks);

  const vision::PreprocessedImage pixels = vision::preprocess(image, config.preprocessor);
  trace.layout = pixels.layout;
  const Tensor features = model->encode_tiles(pixels.pixel_values);
  trace.answer =
      answer ? *answer : greedy_answer(model, tokenizer, builder, trace.layout, features);
  if (trace.answer.empty()) throw std::invalid_argument("attention: the answer is empty");
  trace.prompt = builder.build(eval::kTableQuestion, {trace.layout}, trace.answer);
  if (trace.prompt.size() > config.decoder.max_position_embeddings) {
    throw std::invalid_argument("attention: question and answer have " +
                                std::to_string(trace.prompt.size()) + " tokens, expected at most " +
                                std::to_string(config.decoder.max_position_embeddings));
  }
  const fusion::PromptBatch batch = fusion::collate({trace.prompt}, /*pad_id=*/0);
  model->hidden_states(batch, {features, batch.tile_refs()}, &trace.probe);
  return trace;
}

Figure attention_mass_figure(const AttentionTrace& trace) {
  const std::vector<int64_t> queries = answer_queries(trace.prompt);
  Panel panel{"", {""}, {"share of the attention"}, {}, {}};
  for (const KeyKind kind : kKeyKinds) {
    panel.series.push_back({title(kind), static_cast<int>(kind), Marks::kBars, {}});
  }
  const auto add_places = [&](const std::map<int64_t, Tensor>& places, const std::string& name,
                              const std::vector<KeyKind>& keys) {
    for (const auto& [place, probabilities] : places) {
      const AttentionMasses masses = attention_masses(probabilities, keys, queries);
      for (size_t kind = 0; kind < masses.size(); ++kind) {
        if (std::count(keys.begin(), keys.end(), kKeyKinds.at(kind)) == 0) continue;
        panel.series[kind].points.push_back(
            {static_cast<double>(panel.categories.size()), masses.at(kind)});
      }
      panel.categories.push_back(name + " " + std::to_string(place));
    }
  };
  add_places(trace.probe.self_probabilities, "self\nlayer", sequence_keys(trace.prompt));
  add_places(trace.probe.cross_probabilities, "cross\nblock", memory_keys(trace.prompt));
  std::erase_if(panel.series, [](const Series& series) { return series.points.empty(); });
  return {file_name("attention-mass", trace.model),
          trace.model + ": where the answer's tokens look",
          mass_caption(trace, queries.size()),
          {panel}};
}

AttentionHeatMap attention_heat_map(const AttentionTrace& trace,
                                    const std::vector<int64_t>& queries, const std::string& what) {
  const Tensor weights = tile_weights(trace.probe, trace.prompt, queries);
  AttentionHeatMap map;
  map.name = file_name("attention-map", trace.model);
  map.title = trace.model + ": where " + what + " looks";
  map.caption = "Attention to each tile token, mean over heads, " + std::to_string(queries.size()) +
                " rows and ";
  map.caption += places_text(trace.probe.self_probabilities, "layer");
  if (!trace.probe.cross_probabilities.empty()) {
    map.caption += " (tiles in the sequence) or " +
                   places_text(trace.probe.cross_probabilities, "block") + " (tiles in the memory)";
  }
  map.caption +=
      ". Each row of attention sums to 1 over the sequence, or over the memory. Every panel has "
      "its "
      "own scale: darkest is the largest weight of one token.";
  map.csv = heat_csv(trace, weights);
  std::vector<CaptionedPicture> panels;
  for (const HeatPanel& panel : kHeatPanels) {
    double share = 0;
    std::optional<fusion::Route> route;
    for (size_t tile = 0; tile < trace.prompt.tiles.size(); ++tile) {
      if (trace.prompt.tiles[tile].role != panel.role) continue;
      route = trace.prompt.tiles[tile].route;
      share += weights[static_cast<int64_t>(tile)].sum().item<double>();
    }
    if (!route) continue;
    const auto [cells, most] = heat_cells(trace, weights, panel.role);
    panels.push_back(
        {panel_caption(panel.title, *route, share, most), draw_heat(trace.image, cells)});
  }
  map.picture = stack_pictures(panels);
  return map;
}

void write_heat_map(const AttentionHeatMap& map, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  write_file_atomically(folder / (map.name + ".csv"), map.csv);
  write_file_atomically(folder / (map.name + ".txt"), map.title + "\n\n" + map.caption + "\n");
  vision::write_png(folder / (map.name + ".png"), map.picture);
}

}  // namespace nvlm::experiments
