// nvlm generate: any prompt on any multimodal checkpoint, streamed.
#include <iostream>

#include "cli/model_folder.h"
#include "cli/options.h"
#include "common/device.h"
#include "common/error.h"
#include "decoder/tokenizer/stream_decoder.h"
#include "eval/readers/model_reader.h"
#include "vision/image.h"

namespace nvlm::cli {

int run_generate(const Arguments& arguments) {
  std::string model, image;
  eval::ModelReaderOptions reader_options;
  int threads = 0;
  VerbOptions options("generate --image FILE [options]",
                      "Answers a prompt about a picture and prints the answer as it comes.",
                      "nvlm generate --image docs/samples/staff.png --model h");
  options.add()("image", po::value(&image)->required(), "the picture")(
      "prompt", po::value(&reader_options.question)->default_value(eval::kTableQuestion),
      "the question; <image> marks where the picture stands")(
      "model,m", po::value(&model)->default_value("d"), "d, x, h or the folder of a checkpoint")(
      "max-tiles", po::value(&reader_options.max_tiles)->default_value(0),
      "regular tiles, at most; 0 = as the model was trained")(
      "max-new-tokens",
      po::value(&reader_options.max_new_tokens)->default_value(reader_options.max_new_tokens),
      "longest answer")("device", po::value(&reader_options.device)->default_value("cpu"),
                        "cpu, cuda or cuda:N")("threads", po::value(&threads)->default_value(0),
                                               "of tensor operations; 0 = all processors");
  if (!options.parse(arguments)) return 0;

  set_threads(threads);
  eval::ModelReader reader(model_folder(model), reader_options);
  decoder::StreamDecoder stream(reader.tokenizer());
  reader.answer({vision::read_image(image)},
                [&](int64_t, int64_t token) { std::cout << stream.push(token) << std::flush; });
  std::cout << stream.flush() << "\n";
  return 0;
}

}  // namespace nvlm::cli
