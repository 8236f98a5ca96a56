// What may follow nvlm convert; one file each.
#pragma once

#include "cli/verb.h"

namespace nvlm::cli {

/// nvlm convert assemble: encoder + decoder -> multimodal model with fresh fusion.
int run_convert_assemble(const Arguments& arguments);

/// nvlm convert llama: Meta's layout <-> Hugging Face's.
int run_convert_llama(const Arguments& arguments);

/// All of them, in the order of the help text.
inline const std::vector<Verb>& convert_verbs() {
  static const std::vector<Verb> all = {
      {"assemble", "an encoder and a decoder become a model to train", run_convert_assemble},
      {"llama", "Meta's layout of a Llama to Hugging Face's and back", run_convert_llama},
  };
  return all;
}

}  // namespace nvlm::cli
