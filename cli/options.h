// Options of one verb: parsing with clear errors, and --help with defaults and an example.
#pragma once

#include <boost/program_options.hpp>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "cli/verb.h"
#include "common/error.h"

namespace nvlm::cli {

namespace po = boost::program_options;

/// Declares the options of a verb and parses its arguments.
class VerbOptions {
 public:
  /// usage    "extract [options] IMAGE|FOLDER..."
  /// summary  one or two sentences
  /// example  a command that works
  VerbOptions(std::string usage, std::string summary, std::string example);

  /// Declares options, as in boost::program_options.
  po::options_description_easy_init add() { return description_.add_options(); }

  /// All arguments that are no options become the vector<string> `name`.
  void positional(const char* name);

  /// The values; nothing if --help was asked for (it has then been printed to stdout).
  /// throws  UsageError naming the option, what was expected and the nearest known option
  std::optional<po::variables_map> parse(const Arguments& arguments) const;

  /// The text of --help.
  std::string help() const;

 private:
  std::string usage_, summary_, example_;
  po::options_description description_{"Options"};
  po::options_description hidden_;
  po::positional_options_description positional_;
};

/// throws  UsageError "<option> is 7, expected 1 to 5" unless low <= value <= high
void require_range(const std::string& option, int64_t value, int64_t low, int64_t high);

/// What `parse` makes of an option's text; its complaint becomes a UsageError "<option>: ...".
template <class Parse>
auto parse_option(const std::string& option, const std::string& text, const Parse& parse) {
  try {
    return parse(text);
  } catch (const std::invalid_argument& error) {
    throw UsageError(option + ": " + error.what());
  }
}

}  // namespace nvlm::cli
