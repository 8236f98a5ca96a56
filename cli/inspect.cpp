// nvlm inspect: what a checkpoint holds, from the headers of its files; no weight is read.
#include <algorithm>
#include <iomanip>
#include <iostream>
#include <sstream>

#include "cli/options.h"
#include "common/error.h"
#include "common/json.h"
#include "eval/parity/checkpoint_summary.h"

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
  } else {
    text << value / 1e9 << " GB";
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

void print_by_dtype(const char* label, const Json& sizes) {
  std::cout << label << size_text(sizes["float32"].get<int64_t>()) << " in float32, "
            << size_text(sizes["bfloat16"].get<int64_t>()) << " in bfloat16\n";
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

void print_report(const Json& report) {
  const auto total = report["parameters"].get<int64_t>();
  std::cout << report["path"].get<std::string>() << "\n"
            << "family      " << report["family"].get<std::string>();
  const auto architecture = report["architecture"].get<std::string>();
  if (!architecture.empty()) std::cout << " (" << architecture << ")";
  std::cout << "\nparameters  " << grouped(total) << " in " << report["tensors"].get<int64_t>()
            << " tensors\nstored      " << size_text(report["bytes"].get<int64_t>()) << ":";
  for (const auto& [dtype, elements] : report["elements_by_dtype"].items()) {
    std::cout << " " << dtype << " " << grouped(elements.get<int64_t>());
  }
  std::cout << "\n";
  print_by_dtype("weights     ", report["weights_bytes"]);
  if (report.contains("kv_cache_bytes_per_token")) {
    print_by_dtype("KV cache    per token ", report["kv_cache_bytes_per_token"]);
  }
  const Json& tokenizer = report["tokenizer"];
  if (tokenizer.contains("tokens")) {
    std::cout << "tokenizer   " << grouped(tokenizer["tokens"].get<int64_t>()) << " tokens\n";
  } else if (tokenizer.contains("error")) {
    std::cout << "tokenizer   cannot be read: " << tokenizer["error"].get<std::string>() << "\n";
  }
  if (report.contains("vocab_size")) {
    std::cout << "vocabulary  " << grouped(report["vocab_size"].get<int64_t>()) << "\n";
  }
  for (const Json& shard : report["shards"]) {
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

}  // namespace

int run_inspect(const Arguments& arguments) {
  bool list_tensors = false, as_json = false;
  VerbOptions options("inspect [options] DIR|FILE...",
                      "Shows a checkpoint's family, parameters by module, dtypes, files, tokenizer "
                      "and memory. Reads headers only, so it is quick for any size.",
                      "nvlm inspect models/nvlm-h --tensors");
  options.add()("tensors", po::bool_switch(&list_tensors), "list every tensor")(
      "json", po::bool_switch(&as_json), "print JSON");
  options.positional("path");
  const auto values = options.parse(arguments);
  if (!values) return 0;
  const auto paths = (*values)["path"].as<std::vector<std::string>>();
  if (paths.empty()) throw UsageError("inspect: expected at least one checkpoint folder");
  Json all = Json::array();
  for (const std::string& path : paths) {
    const Json report = eval::checkpoint_summary(path, list_tensors);
    if (as_json) {
      all.push_back(report);
    } else {
      print_report(report);
    }
  }
  if (as_json)
    std::cout
        << (all.size() == 1 ? all[0] : all).dump(2, ' ', false, Json::error_handler_t::replace)
        << "\n";
  return 0;
}

}  // namespace nvlm::cli
