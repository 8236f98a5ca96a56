#include "cli/options.h"

#include <iostream>
#include <sstream>

#include "common/error.h"
#include "common/nearest_name.h"

namespace nvlm::cli {

VerbOptions::VerbOptions(std::string usage, std::string summary, std::string example)
    : usage_(std::move(usage)), summary_(std::move(summary)), example_(std::move(example)) {
  add()("help,h", "show this text");
}

void VerbOptions::positional(const char* name) {
  hidden_.add_options()(name, po::value<std::vector<std::string>>()->default_value({}, ""));
  positional_.add(name, -1);
}

void require_range(const std::string& option, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return;
  throw UsageError(option + " is " + std::to_string(value) + ", expected " + std::to_string(low) +
                   " to " + std::to_string(high));
}

std::string VerbOptions::help() const {
  std::ostringstream text;
  text << "nvlm " << usage_ << "\n\n"
       << summary_ << "\n\n"
       << description_ << "\nExample\n  " << example_ << "\n";
  return text.str();
}

std::optional<po::variables_map> VerbOptions::parse(const Arguments& arguments) const {
  po::options_description all;
  all.add(description_).add(hidden_);
  po::variables_map values;
  try {
    namespace style = po::command_line_style;
    po::store(po::command_line_parser(arguments)
                  .options(all)
                  .positional(positional_)
                  .style(style::default_style & ~style::allow_guessing)
                  .run(),
              values);
    if (values.count("help") > 0) {
      std::cout << help();
      return std::nullopt;
    }
    po::notify(values);
  } catch (const po::unknown_option& error) {
    std::vector<std::string> names;
    for (const auto& option : description_.options()) names.push_back("--" + option->long_name());
    throw UsageError(error.what() + did_you_mean(error.get_option_name(), names));
  } catch (const po::error& error) {
    throw UsageError(error.what());
  }
  return values;
}

}  // namespace nvlm::cli
