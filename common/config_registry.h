// Inside of ConfigSchema: the registered options and their form in Boost.Program_options.
#pragma once

#include <boost/program_options.hpp>
#include <functional>
#include <string>
#include <vector>

#include "common/config_schema.h"

namespace nvlm {

using ConfigAssignment = std::function<void()>;

/// Thrown by an option's parser; the caller adds where, what and the offending text.
struct UnexpectedValue {
  std::string expected;
};

/// One registered field.
struct ConfigOption {
  std::string name;
  std::string help;
  std::string kind;                                           // "number", for --help
  bool plain_text = false;                                    // a string: quoted in files only
  std::function<std::string()> text;                          // the current value, as in a file
  std::function<ConfigAssignment(const std::string&)> parse;  // throws UnexpectedValue
};

struct ConfigSchema::Registry {
  std::vector<ConfigOption> options;

  ConfigOption* find(const std::string& name);
  /// throws  std::invalid_argument for a malformed name or one that is taken
  void add(ConfigOption option);
  std::vector<std::string> names() const;
  /// "; did you mean 'x'?" or "".
  std::string suggestion(const std::string& name) const;
  /// The schema as Boost.Program_options has it; `defaults` adds the current values to the help.
  boost::program_options::options_description describe(bool defaults) const;
  /// Turns what Boost parsed into field values, all or nothing.
  /// subject  what the error calls an option: "run.ini:3: train.steps", "--train.steps"
  void assign(const boost::program_options::parsed_options& parsed,
              const std::function<std::string(const std::string&)>& subject);
  /// Reads the options of this schema from a command line and returns all other arguments in order;
  /// strict: there may be none.
  std::vector<std::string> take(const std::vector<std::string>& arguments, bool strict);
};

/// "train.optimizer.lr" -> "train.optimizer" and "lr".
std::string config_section(const std::string& name);
std::string config_key(const std::string& name);

}  // namespace nvlm
