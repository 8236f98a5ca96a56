#include <algorithm>
#include <map>
#include <set>

#include "common/atomic_file.h"
#include "common/config_registry.h"
#include "common/config_text.h"
#include "common/error.h"
#include "common/nearest_name.h"

namespace nvlm {
namespace po = boost::program_options;
namespace {

// "--name" or "--name=value" -> "name"; "" for anything else.
std::string option_name(const std::string& argument) {
  if (argument.size() < 3 || argument.compare(0, 2, "--") != 0) return "";
  return argument.substr(2, argument.find('=') - 2);
}

std::string needs_value(const ConfigOption& option) {
  return "--" + option.name + " needs a value (" + option.kind + ")";
}

}  // namespace

void ConfigSchema::parse_file(const std::filesystem::path& path) {
  parse_text(read_text_file(path), path.string());
}

void ConfigSchema::parse_text(std::string_view text, const std::string& where) {
  const ConfigText content = read_config_text(text, where);
  const auto at_line = [&](int line) { return where + ":" + std::to_string(line) + ": "; };
  std::vector<std::string> sections;
  for (const ConfigOption& option : registry_->options) {
    sections.push_back(config_section(option.name));
  }
  for (const ConfigLine& section : content.sections) {
    const bool known = std::any_of(sections.begin(), sections.end(), [&](const std::string& name) {
      return name == section.key || name.rfind(section.key + ".", 0) == 0;
    });
    if (!known) {
      throw UsageError(at_line(section.line) + "unknown section '" + section.key + "'" +
                       did_you_mean(section.key, sections));
    }
  }
  const po::options_description description = registry_->describe(/*defaults=*/false);
  po::parsed_options parsed(&description);
  std::map<std::string, int> line_of;
  for (const ConfigLine& line : content.lines) {
    const ConfigOption* option = registry_->find(line.key);
    if (option == nullptr) {
      throw UsageError(at_line(line.line) + "unknown key '" + line.key + "'" +
                       registry_->suggestion(line.key));
    }
    if (const auto [first, is_new] = line_of.emplace(line.key, line.line); !is_new) {
      throw UsageError(at_line(line.line) + line.key + " is given twice, first in line " +
                       std::to_string(first->second));
    }
    std::optional<std::string> value = line.value;
    if (option->plain_text) value = unquote_config_string(line.value);
    if (!value) {
      throw UsageError(at_line(line.line) + line.key + " is " + line.value +
                       ", expected text, or text in double quotes with escapes");
    }
    parsed.options.emplace_back(line.key, std::vector<std::string>{*value});
  }
  registry_->assign(parsed, [&](const std::string& name) { return at_line(line_of[name]) + name; });
}

void ConfigSchema::parse_arguments(const std::vector<std::string>& arguments) {
  registry_->take(arguments, /*strict=*/true);
}

std::vector<std::string> ConfigSchema::take_arguments(const std::vector<std::string>& arguments) {
  return registry_->take(arguments, /*strict=*/false);
}

std::vector<std::string> ConfigSchema::Registry::take(const std::vector<std::string>& arguments,
                                                      bool strict) {
  const auto terminator = std::find(arguments.begin(), arguments.end(), "--");
  std::vector<std::string> ours;
  for (auto argument = arguments.begin(); argument != terminator; ++argument) {
    // Boost takes "--key=" for a mistake; it is the empty text.
    const bool empty_value = !option_name(*argument).empty() && argument->back() == '=';
    ours.push_back(empty_value ? argument->substr(0, argument->size() - 1) : *argument);
    if (empty_value) ours.emplace_back();
    // Boost would take the next option for the value of this one.
    const ConfigOption* option = find(option_name(*argument));
    const bool waits = option != nullptr && argument->find('=') == std::string::npos;
    if (waits && argument + 1 != terminator && find(option_name(argument[1])) != nullptr) {
      throw UsageError(needs_value(*option));
    }
  }
  const po::options_description description = describe(/*defaults=*/false);
  using Style = po::command_line_style::style_t;
  try {
    po::parsed_options parsed =
        po::command_line_parser(ours)
            .options(description)
            .style(Style::allow_long | Style::long_allow_adjacent | Style::long_allow_next)
            .allow_unregistered()
            .run();
    std::vector<std::string> rest;
    std::set<std::string> seen;
    po::parsed_options known(&description);
    for (const po::option& option : parsed.options) {
      if (!option.unregistered && option.position_key < 0) {
        if (!seen.insert(option.string_key).second) {
          throw UsageError("--" + option.string_key + " is given twice");
        }
        known.options.push_back(option);
        continue;
      }
      if (option.unregistered && (strict || option.string_key.find('.') != std::string::npos)) {
        throw UsageError("unknown option '--" + option.string_key + "'" +
                         suggestion(option.string_key));
      }
      rest.insert(rest.end(), option.original_tokens.begin(), option.original_tokens.end());
    }
    rest.insert(rest.end(), terminator, arguments.end());
    if (strict && !rest.empty()) throw UsageError("unexpected argument '" + rest[0] + "'");
    assign(known, [](const std::string& name) { return "--" + name; });
    return rest;
  } catch (const po::error_with_option_name& error) {
    const std::string name = error.get_option_name();
    const ConfigOption* option = find(name.compare(0, 2, "--") == 0 ? name.substr(2) : name);
    if (option == nullptr) throw UsageError(error.what());
    throw UsageError(needs_value(*option));
  } catch (const po::error& error) {
    throw UsageError(error.what());
  }
}

}  // namespace nvlm
