// nvlm inspect: what a checkpoint holds, from the headers of its files, or what a published model
// would hold, from its configuration; no weight is read or made.
#include <algorithm>
#include <iomanip>
#include <iostream>
#include <sstream>

#include "cli/options.h"
#include "common/error.h"
#include "common/json.h"
#include "eval/inspection/checkpoint_summary.h"
#include "eval/inspection/preset_summary.h"

namespace nvlm::cli {
namespace {

std::string size_text(int64_t bytes) {
  std::ostringstream text;
  const auto value = static_cast<double>(bytes);
  text << std::fixed << std::setprecision(bytes < 1000 ? 0 : 2);
  if (bytes < 1000) {
    text << value << " B";
  } else if (bytes < 1'000'000) {
    text << value / 1e3 << " kB";
  } else if (bytes < 1'000'000'000) {
    text << value / 1e6 << " MB";
  } else if (bytes < 10'000'000'000'000) {
    text << value / 1e9 << " GB";
  } else {
    text << value / 1e12 << " TB";
  }
  return text.str();
}

/// 1234567 -> "1,234,567".
std::string grouped(int64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

/// "2.00 MB in float32, 1.00 MB in bfloat16", and quantised where `sizes` has it.
std::string by_dtype(const Json& sizes) {
  std::string text;
  for (const char* dtype : {"float32", "bfloat16", "int8", "int4"}) {
    if (!sizes.contains(dtype)) continue;
    text += (text.empty() ? "" : ", ") + size_text(sizes[dtype].get<int64_t>()) + " in " + dtype;
  }
  return text;
}

void print_modules(const Json& modules, int64_t total) {
  size_t width = 6;
  for (const Json& module : modules) {
    width = std::max(width, module["module"].get_ref<const std::string&>().size());
  }
  for (const Json& module : modules) {
    const auto parameters = module["parameters"].get<int64_t>();
    const double share =
        total > 0 ? static_cast<double>(parameters) / static_cast<double>(total) : 0;
    std::cout << "  " << std::left << std::setw(static_cast<int>(width) + 2)
              << module["module"].get<std::string>() << std::right << std::setw(16)
              << grouped(parameters) << std::setw(7) << std::fixed << std::setprecision(1)
              << 100 * share << "%";
    for (const Json& dtype : module["dtypes"]) std::cout << "  " << dtype.get<std::string>();
    if (module["count"].get<int64_t>() > 1) std::cout << "  x" << module["count"].get<int64_t>();
    std::cout << "\n";
  }
}

void print_family(const Json& report) {
  std::cout << "family      " << report["family"].get<std::string>();
  const auto architecture = report["architecture"].get<std::string>();
  if (!architecture.empty()) std::cout << " (" << architecture << ")";
  if (report.value("by_the_paper", false)) std::cout << ", by the paper, unpublished";
  std::cout << "\n";
  if (!report.contains("supported")) return;
  std::cout << "            supported are";
  const char* separator = " ";
  for (const Json& family : report["supported"]) {
    std::cout << separator << family.get<std::string>();
    separator = ", ";
  }
  std::cout << "\n";
}

/// Context, cache and pictures, as far as they are known.
void print_run_time_costs(const Json& report) {
  if (report.contains("context_length")) {
    std::cout << "context     " << grouped(report["context_length"].get<int64_t>()) << " tokens\n";
  }
  if (report.contains("kv_cache_bytes_per_token")) {
    std::cout << "KV cache    per token " << by_dtype(report["kv_cache_bytes_per_token"]) << "\n";
  }
  if (report.contains("kv_cache_bytes_at_full_context")) {
    std::cout << "            at full context "
              << by_dtype(report["kv_cache_bytes_at_full_context"]) << "\n";
  }
  if (report.contains("image")) {
    const Json& image = report["image"];
    const auto memory_tokens = image["memory_tokens"].get<int64_t>();
    std::cout << "picture     " << grouped(image["tokens_per_tile"].get<int64_t>())
              << " tokens a tile, at most " << image["max_tiles"].get<int64_t>()
              << " tiles: " << grouped(image["inline_tokens"].get<int64_t>())
              << " tokens in the context, " << grouped(memory_tokens) << " in the memory\n";
    if (memory_tokens > 0) {
      std::cout << "            keys and values of the memory " << by_dtype(image["memory_bytes"])
                << "\n";
    }
  }
  if (report.contains("memory_bytes")) {
    std::cout << "memory      weights and caches " << by_dtype(report["memory_bytes"]) << "\n";
  }
}

void print_report(const Json& report) {
  const auto total = report["parameters"].get<int64_t>();
  std::cout << report["path"].get<std::string>() << "\n";
  print_family(report);
  std::cout << "parameters  " << grouped(total) << " in "
            << grouped(report["tensors"].get<int64_t>()) << " tensors\n";
  if (report.contains("shards")) {
    std::cout << "stored      " << size_text(report["bytes"].get<int64_t>()) << ":";
    for (const auto& [dtype, elements] : report["elements_by_dtype"].items()) {
      std::cout << " " << dtype << " " << grouped(elements.get<int64_t>());
    }
    std::cout << "\n";
  }
  std::cout << "weights     " << by_dtype(report["weights_bytes"]) << "\n";
  print_run_time_costs(report);
  const Json tokenizer = report.value("tokenizer", Json());
  if (tokenizer.contains("tokens")) {
    std::cout << "tokenizer   " << grouped(tokenizer["tokens"].get<int64_t>()) << " tokens\n";
  } else if (tokenizer.contains("error")) {
    std::cout << "tokenizer   cannot be read: " << tokenizer["error"].get<std::string>() << "\n";
  }
  if (report.contains("vocab_size")) {
    std::cout << "vocabulary  " << grouped(report["vocab_size"].get<int64_t>()) << "\n";
  }
  for (const Json& shard : report.value("shards", Json::array())) {
    std::cout << "file        " << shard["file"].get<std::string>() << "  "
              << size_text(shard["bytes"].get<int64_t>()) << ", " << shard["tensors"].get<int64_t>()
              << " tensors\n";
  }
  print_modules(report["modules"], total);
  if (!report.contains("tensor_list")) return;
  for (const Json& tensor : report["tensor_list"]) {
    std::cout << tensor["name"].get<std::string>() << "  " << tensor["dtype"].get<std::string>()
              << " " << tensor["shape"].dump() << "  " << tensor["file"].get<std::string>() << "\n";
  }
}

/// All presets as a markdown table; bytes are those of bfloat16.
void print_preset_table(const std::vector<Json>& reports) {
  std::cout << "| model | parameters | weights | context | KV cache per token | at full context |\n"
            << "|---|---:|---:|---:|---:|---:|\n";
  for (const Json& report : reports) {
    const bool has_cache = report.contains("kv_cache_bytes_at_full_context");
    const auto bytes = [&](const char* key) { return report[key]["bfloat16"].get<int64_t>(); };
    std::cout << "| " << report["path"].get<std::string>()
              << (report["by_the_paper"].get<bool>() ? " (by the paper)" : "") << " | "
              << grouped(report["parameters"].get<int64_t>()) << " | "
              << size_text(bytes("weights_bytes")) << " | ";
    if (has_cache) {
      std::cout << grouped(report["context_length"].get<int64_t>()) << " | "
                << grouped(bytes("kv_cache_bytes_per_token")) << " | "
                << size_text(bytes("kv_cache_bytes_at_full_context")) << " |\n";
    } else {
      std::cout << "| | |\n";
    }
  }
}

}  // namespace

int run_inspect(const Arguments& arguments) {
  bool list_tensors = false, as_json = false, all_presets = false;
  std::vector<std::string> presets;
  VerbOptions options(
      "inspect [options] DIR|FILE...",
      "Shows a checkpoint's family, parameters by module, dtypes, files, tokenizer and memory. "
      "Reads "
      "headers only, so it is quick for any size. Presets are published models at their real "
      "sizes, counted without their weights.",
      "nvlm inspect --preset llama-3.1-405b");
  options.add()("preset", po::value(&presets)->value_name("NAME"),
                "a published model instead of a folder, such as llama-3.2-1b; may be repeated")(
      "presets", po::bool_switch(&all_presets), "a table of all presets")(
      "tensors", po::bool_switch(&list_tensors), "list every tensor")(
      "json", po::bool_switch(&as_json), "print JSON");
  options.positional("path");
  const auto values = options.parse(arguments);
  if (!values) return 0;
  const auto paths = (*values)["path"].as<std::vector<std::string>>();
  if (all_presets) {
    if (!paths.empty()) throw UsageError("inspect: --presets stands alone, without folders");
    presets = eval::all_preset_names();
  }
  if (paths.empty() && presets.empty()) {
    throw UsageError("inspect: expected at least one checkpoint folder, --preset or --presets");
  }
  std::vector<Json> reports;
  for (const std::string& preset : presets) {
    reports.push_back(eval::preset_summary(preset, list_tensors));
  }
  for (const std::string& path : paths) {
    reports.push_back(eval::checkpoint_summary(path, list_tensors));
  }
  if (as_json) {
    const Json all = reports.size() == 1 ? reports[0] : Json(reports);
    std::cout << all.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
  } else if (all_presets) {
    print_preset_table(reports);
  } else {
    for (const Json& report : reports) print_report(report);
  }
  return 0;
}

}  // namespace nvlm::cli
