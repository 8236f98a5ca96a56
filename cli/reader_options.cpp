#include "cli/reader_options.h"

#include "cli/model_folder.h"
#include "common/device.h"
#include "common/error.h"
#include "eval/extraction/auto_reader.h"
#include "eval/extraction/tesseract_words.h"
#include "eval/readers/rules_reader.h"

namespace nvlm::cli {
namespace {

eval::AnswerStructure parse_structure(const std::string& name) {
  if (name == "free") return eval::AnswerStructure::kFree;
  if (name == "rectangular") return eval::AnswerStructure::kRectangular;
  throw UsageError("--structure is '" + name + "', expected free or rectangular");
}

/// The options of the model, its devices included.
chat::ChatModelOptions model_options(const ReaderOptions& values) {
  chat::ChatModelOptions model = values.reader.model;
  model.device_map = parse_option("--device-map", values.device_map, decoder::parse_device_map);
  if (!values.device.empty()) model.device = values.device;
  if (model.device_map == decoder::DeviceMapMode::kNone) {
    model.quantization = parse_quantize_option(values.quantize, model.device);
    return model;
  }
  const std::string map = "--device-map is " + values.device_map;
  if (!values.device.empty()) {
    throw UsageError(map + " and --device is " + values.device +
                     ", expected one of them: drop --device to use every device, or --device-map " +
                     "to use " + values.device + " alone");
  }
  if (parse_option("--quantize", values.quantize, parse_quantization) != Quantization::kNone) {
    throw UsageError(map + " and --quantize is " + values.quantize +
                     ", expected one of them: quantised weights are multiplied on the processor "
                     "alone");
  }
  return model;
}

}  // namespace

void add_reader_options(VerbOptions& options, ReaderOptions& values) {
  eval::ModelReaderOptions& reader = values.reader;
  options.add()("model,m", po::value(&values.model)->default_value("d"),
                "d, x, h (the models that come with the repository) or the folder of a checkpoint")(
      "max-tiles", po::value(&reader.model.max_tiles)->default_value(reader.model.max_tiles),
      "regular tiles per picture, at most; 0 = as the model was trained")(
      "max-new-tokens", po::value(&reader.max_new_tokens)->default_value(reader.max_new_tokens),
      "longest answer")("device", po::value(&values.device)->default_value("", "cpu"),
                        "cpu, cuda or cuda:N")(
      "device-map", po::value(&values.device_map)->default_value(values.device_map),
      "none; auto: layer by layer over all CUDA devices and, for what they cannot hold, the CPU")(
      "dtype", po::value(&reader.model.dtype)->default_value(reader.model.dtype),
      "auto, float32 or bfloat16")(
      "quantize", po::value(&values.quantize)->default_value(values.quantize), kQuantizeHelp)(
      "structure", po::value(&values.structure)->default_value(values.structure),
      "free; rectangular: a model writes nothing but a Markdown table with rows of equal length")(
      "threads", po::value(&values.threads)->default_value(values.threads),
      "of tensor operations; 0 = all processors");
}

Quantization parse_quantize_option(const std::string& name, const std::string& device) {
  const Quantization kind = parse_option("--quantize", name, parse_quantization);
  if (kind != Quantization::kNone && device != "cpu") {
    throw UsageError("--quantize is " + name + ", expected none with --device " + device +
                     ": quantised weights are multiplied on the processor alone");
  }
  return kind;
}

void check_reader_options(const ReaderOptions& values) {
  require_range("--max-tiles", values.reader.model.max_tiles, 0, 64);
  require_range("--max-new-tokens", values.reader.max_new_tokens, 1, 1 << 20);
  parse_structure(values.structure);
  model_options(values);
}

eval::ModelReader load_reader(const ReaderOptions& values) {
  check_reader_options(values);
  eval::ModelReaderOptions options = values.reader;
  options.structure = parse_structure(values.structure);
  options.model = model_options(values);
  const std::filesystem::path folder = model_folder(values.model);
  set_threads(values.threads);
  return eval::ModelReader(folder, options);
}

std::unique_ptr<eval::TableReader> load_table_reader(const ReaderOptions& values) {
  if (values.model == "tesseract-rules") {
    set_threads(values.threads);
    return std::make_unique<eval::RulesReader>();
  }
  ReaderOptions of_model = values;
  if (values.model == "auto") of_model.model = "d";
  std::unique_ptr<eval::TableReader> model(new eval::ModelReader(load_reader(of_model)));
  if (values.model != "auto") return model;
  return std::make_unique<eval::AutoReader>(std::move(model), std::make_unique<eval::RulesReader>(),
                                            eval::tesseract_words());
}

}  // namespace nvlm::cli
