// nvlm: one program, several verbs. Results go to stdout, everything else to stderr.
// Exit codes: 0 fine, 1 failure, 2 usage.
#include <c10/util/Exception.h>

#include <iostream>
#include <new>

#include "cli/verb.h"
#include "common/error.h"
#include "common/kernel_cache.h"
#include "common/nearest_name.h"

namespace {

using nvlm::cli::Verb;
using nvlm::cli::verbs;

void print_help(std::ostream& out) {
  out << "usage: nvlm <verb> [options]      nvlm <verb> --help\n\n";
  for (const Verb& verb : verbs()) {
    out << "  " << verb.name << std::string(12 - std::string(verb.name).size(), ' ') << verb.summary
        << "\n";
  }
  out << "\n  test        build and run the tests (a verb of the ./nvlm launcher)\n";
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments[0] == "help" || arguments[0] == "--help") {
    print_help(arguments.empty() ? std::cerr : std::cout);
    return arguments.empty() ? 2 : 0;
  }
  std::vector<std::string> names;
  for (const Verb& verb : verbs()) {
    if (arguments[0] == verb.name) return verb.run({arguments.begin() + 1, arguments.end()});
    names.push_back(verb.name);
  }
  throw nvlm::UsageError("'" + arguments[0] + "' is no verb" +
                         nvlm::did_you_mean(arguments[0], names));
}

}  // namespace

int main(int argc, char** argv) {
  nvlm::limit_kernel_cache();
  try {
    return run({argv + 1, argv + argc});
  } catch (const nvlm::UsageError& error) {
    std::cerr << "nvlm: " << error.what() << "\n";
    return 2;
  } catch (const c10::Error& error) {
    std::cerr << "nvlm: " << error.what_without_backtrace() << "\n";
    return 1;
  } catch (const std::bad_alloc&) {
    std::cerr << "nvlm: out of memory\n";
    return 1;
  } catch (const std::exception& error) {
    std::cerr << "nvlm: " << error.what() << "\n";
    return 1;
  }
}
