// nvlm doctor: what this machine has, and with --bench what it can do and how near we come.
#include <filesystem>
#include <iomanip>
#include <iostream>

#include "cli/model_folder.h"
#include "cli/options.h"
#include "common/device.h"
#include "common/error.h"
#include "common/json.h"
#include "common/manifest.h"
#include "decoder/tokenizer/tokenizer.h"
#include "eval/readers/model_reader.h"
#include "experiments/efficiency/decoder_speed.h"
#include "experiments/efficiency/floors.h"
#include "experiments/efficiency/multimodal_speed.h"
#include "experiments/efficiency/scoring_speed.h"
#include "experiments/efficiency/structure_cost.h"
#include "fusion/multimodal_checkpoint.h"

namespace nvlm::cli {
namespace {

struct Floors {
  double flops;      // per second, in the dtype of the model
  double bandwidth;  // bytes per second
};

Json speed_report(const std::string& name, const experiments::DecoderSpeed& speed,
                  const Floors& floors) {
  return {{"model", name},
          {"parameters", speed.parameters},
          {"prompt_tokens", speed.prompt},
          {"prefill_tokens_per_second", static_cast<double>(speed.prompt) / speed.prefill_seconds},
          {"prefill_fraction_of_peak", speed.prefill_flops / floors.flops / speed.prefill_seconds},
          {"decode_tokens_per_second", 1 / speed.decode_seconds},
          {"decode_fraction_of_bandwidth",
           speed.decode_bytes / floors.bandwidth / speed.decode_seconds}};
}

Json speed_report(const std::string& name, const experiments::MultimodalSpeed& speed,
                  const Floors& floors) {
  const double prefill = speed.fuse_seconds.p50 + speed.prefill_seconds.p50;
  return {
      {"model", name},
      {"parameters", speed.parameters},
      {"tiles", speed.tiles()},
      {"prompt_tokens", speed.shape.sequence},
      {"memory_tokens", speed.shape.memory},
      {"encode_tiles_per_second", static_cast<double>(speed.tiles()) / speed.encode_seconds.p50},
      {"encode_fraction_of_peak", speed.encode_flops / floors.flops / speed.encode_seconds.p50},
      {"prefill_milliseconds", 1e3 * prefill},
      {"prefill_fraction_of_peak",
       (speed.fuse_flops + speed.prefill_flops) / floors.flops / prefill},
      {"decode_tokens_per_second", 1 / speed.decode_seconds.p50},
      {"decode_fraction_of_bandwidth",
       speed.decode_bytes / floors.bandwidth / speed.decode_seconds.p50}};
}

/// A picture of three tiles and a thumbnail under the question of the tables task.
Json benchmark_lab_model(const std::string& name, at::Device device, at::ScalarType dtype,
                         const Floors& floors) {
  const std::filesystem::path folder = model_folder(name);
  fusion::MultimodalModel model = fusion::load_multimodal(folder, dtype);
  model->to(device);
  const auto tokenizer = decoder::Tokenizer::from_file(folder / "tokenizer.json");
  const fusion::PromptBuilder prompts(tokenizer, model->config().prompt());
  vision::ImageLayout layout;
  layout.columns = 3;
  const fusion::PromptBatch batch =
      fusion::collate({prompts.build(eval::kTableQuestion, {layout})}, /*pad_id=*/0).to(device);
  Json report = speed_report(
      "nvlm-" + name, experiments::measure_multimodal(model, model->config(), batch), floors);
  report["rectangular_overhead"] =
      experiments::measure_structure_cost(model, tokenizer, batch).overhead();
  return report;
}

Json benchmark(at::Device device, at::ScalarType dtype) {
  const Floors floors{experiments::matmul_peak(dtype, device),
                      experiments::memory_bandwidth(device)};
  Json report = {{"dtype", c10::toString(dtype)},
                 {"matmul_gflops", floors.flops / 1e9},
                 {"memory_gbytes_per_second", floors.bandwidth / 1e9},
                 {"speeds", Json::array()}};
  for (const std::string name : {"d", "x", "h"}) {
    try {
      report["speeds"].push_back(benchmark_lab_model(name, device, dtype, floors));
    } catch (const UsageError&) {
      report["speeds"].push_back({{"model", "nvlm-" + name}, {"skipped", "not there"}});
    }
  }
  decoder::LlamaForCausalLM large(experiments::half_billion_llama());
  large->to(device, dtype);
  report["speeds"].push_back(
      speed_report("random 0.5B Llama", experiments::measure_decoder(large, 512), floors));
  const experiments::ScoringSpeed scoring = experiments::measure_scoring(30, 10);
  report["scoring"] = {{"rows", scoring.rows},
                       {"columns", scoring.columns},
                       {"teds_milliseconds", 1e3 * scoring.teds_seconds},
                       {"all_scores_milliseconds", 1e3 * scoring.table_seconds}};
  return report;
}

void print_benchmark(const Json& report) {
  std::cout << std::fixed << std::setprecision(1) << "floors in "
            << report["dtype"].get<std::string>() << ": " << report["matmul_gflops"].get<double>()
            << " GFLOP/s matmul, " << report["memory_gbytes_per_second"].get<double>()
            << " GB/s memory\n";
  for (const Json& speed : report["speeds"]) {
    std::cout << "  " << std::left << std::setw(20) << speed["model"].get<std::string>();
    if (speed.contains("skipped")) {
      std::cout << speed["skipped"].get<std::string>() << "\n";
      continue;
    }
    const auto number = [&](const char* field) { return speed.at(field).get<double>(); };
    if (speed.contains("tiles")) {
      std::cout << "encode " << number("encode_tiles_per_second") << " tiles/s ("
                << 100 * number("encode_fraction_of_peak") << "% of the floor), prefill "
                << number("prefill_milliseconds") << " ms (";
    } else {
      std::cout << "prefill " << number("prefill_tokens_per_second") << " tokens/s (";
    }
    std::cout << 100 * number("prefill_fraction_of_peak") << "% of the floor), decode "
              << number("decode_tokens_per_second") << " tokens/s ("
              << 100 * number("decode_fraction_of_bandwidth") << "%)";
    if (speed.contains("rectangular_overhead")) {
      std::cout << ", --structure rectangular " << std::showpos
                << 100 * number("rectangular_overhead") << std::noshowpos << "% per token";
    }
    std::cout << "\n";
  }
  const Json& scoring = report["scoring"];
  std::cout << "  scoring a table of " << scoring["rows"].get<int64_t>() << " x "
            << scoring["columns"].get<int64_t>() << ": TEDS "
            << scoring["teds_milliseconds"].get<double>() << " ms, all scores "
            << scoring["all_scores_milliseconds"].get<double>() << " ms\n";
}

}  // namespace

int run_doctor(const Arguments& arguments) {
  std::string device_name, dtype_name;
  int threads = 0;
  bool bench = false, as_json = false;
  VerbOptions options("doctor [options]",
                      "Shows processor, libraries and the chosen dtype; --bench measures matrix "
                      "products, memory, and models against these floors (about a minute).",
                      "nvlm doctor --bench");
  options.add()("bench", po::bool_switch(&bench), "measure")("json", po::bool_switch(&as_json),
                                                             "print JSON")(
      "device", po::value(&device_name)->default_value("cpu"), "cpu, cuda or cuda:N")(
      "dtype", po::value(&dtype_name)->default_value("float32"),
      "of the measured models: auto, float32 or bfloat16")(
      "threads", po::value(&threads)->default_value(0), "of tensor operations; 0 = all processors");
  if (!options.parse(arguments)) return 0;

  const at::Device device = parse_device(device_name);
  set_threads(threads);
  Json report = {{"processor", processor_name()},
                 {"features", processor_features()},
                 {"threads", num_threads()},
                 {"device", device.str()},
                 {"training_dtype", c10::toString(compute_dtype(device, "auto"))},
                 {"revision", source_revision()},
                 {"libraries", library_versions()}};
  if (bench) report["bench"] = benchmark(device, compute_dtype(device, dtype_name));
  if (as_json) {
    std::cout << report.dump(2) << "\n";
    return 0;
  }
  std::cout << "processor  " << processor_name() << " (" << processor_features() << ")\n"
            << "threads    " << num_threads() << "\n"
            << "device     " << device.str() << ", training computes in "
            << c10::toString(compute_dtype(device, "auto")) << "\n"
            << "revision   " << source_revision() << "\n";
  for (const auto& [name, version] : library_versions()) {
    std::cout << "library    " << name << " " << version << "\n";
  }
  if (bench) print_benchmark(report["bench"]);
  return 0;
}

}  // namespace nvlm::cli
