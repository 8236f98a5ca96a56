// nvlm convert: chooses the conversion.
#include <iostream>

#include "cli/convert_verbs.h"
#include "common/error.h"
#include "common/nearest_name.h"

namespace nvlm::cli {
namespace {

void print_convert_help() {
  std::cout << "nvlm convert WHAT [options]      nvlm convert WHAT --help\n\n"
               "Makes checkpoint folders from others. A folder appears complete or not at all, "
               "and one that\nis not empty is only replaced with --overwrite.\n\n";
  for (const Verb& verb : convert_verbs()) {
    std::cout << "  " << verb.name << std::string(12 - std::string(verb.name).size(), ' ')
              << verb.summary << "\n";
  }
  std::cout << "\nExample\n"
               "  nvlm convert assemble --vision InternViT-300M-448px --decoder Llama-3.2-1B "
               "--fusion h --out runs/h0\n";
}

}  // namespace

int run_convert(const Arguments& arguments) {
  const std::string what = arguments.empty() ? "" : arguments[0];
  if (what == "--help" || what == "-h") {
    print_convert_help();
    return 0;
  }
  std::vector<std::string> names;
  std::string known;
  for (const Verb& verb : convert_verbs()) {
    if (what == verb.name) return verb.run({arguments.begin() + 1, arguments.end()});
    names.emplace_back(verb.name);
    known += (known.empty() ? "" : ", ") + names.back();
  }
  throw UsageError("convert: expected " + known +
                   (what.empty() ? "" : ", found '" + what + "'" + did_you_mean(what, names)));
}

}  // namespace nvlm::cli
