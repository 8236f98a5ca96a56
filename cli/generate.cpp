// nvlm generate: any prompt on any multimodal checkpoint, streamed.
#include <iostream>

#include "cli/generate_mllama.h"
#include "cli/model_folder.h"
#include "cli/reader_options.h"
#include "decoder/tokenizer/stream_decoder.h"
#include "vision/image.h"

namespace nvlm::cli {

int run_generate(const Arguments& arguments) {
  std::string image;
  ReaderOptions reader_options;
  VerbOptions options("generate --image FILE [options]",
                      "Answers a prompt about a picture and prints the answer as it comes.",
                      "nvlm generate --image docs/samples/staff.png --model h");
  options.add()("image", po::value(&image)->required(), "the picture")(
      "prompt", po::value(&reader_options.reader.question)->default_value(eval::kTableQuestion),
      "the question; <image> marks where the picture stands");
  add_reader_options(options, reader_options);
  if (!options.parse(arguments)) return 0;

  const std::filesystem::path folder = model_folder(reader_options.model);
  if (is_mllama_folder(folder)) {
    generate_mllama(folder, reader_options, vision::read_image(image));
    return 0;
  }
  eval::ModelReader reader = load_reader(reader_options);
  decoder::StreamDecoder stream(reader.tokenizer());
  const std::vector<Tensor> picture{vision::read_image(image)};
  reader.answer(picture,
                [&](int64_t, int64_t token) { std::cout << stream.push(token) << std::flush; });
  std::cout << stream.flush() << "\n";
  return 0;
}

}  // namespace nvlm::cli
