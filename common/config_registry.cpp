#include "common/config_registry.h"

#include <stdexcept>
#include <utility>

#include "common/error.h"
#include "common/nearest_name.h"

namespace nvlm {
namespace po = boost::program_options;

std::string config_section(const std::string& name) {
  const size_t dot = name.rfind('.');
  return dot == std::string::npos ? "" : name.substr(0, dot);
}

std::string config_key(const std::string& name) {
  const size_t dot = name.rfind('.');
  return dot == std::string::npos ? name : name.substr(dot + 1);
}

ConfigOption* ConfigSchema::Registry::find(const std::string& name) {
  for (ConfigOption& option : options) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

void ConfigSchema::Registry::add(ConfigOption option) {
  constexpr const char* kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
  const std::string& name = option.name;
  if (name.empty() || name.front() == '.' || name.front() == '-' || name.back() == '.' ||
      name.find_first_not_of(kAllowed) != std::string::npos) {
    throw std::invalid_argument("configuration: '" + name + "' cannot name an option");
  }
  if (find(name) != nullptr) {
    throw std::invalid_argument("configuration: '" + name + "' is registered twice");
  }
  options.push_back(std::move(option));
}

po::options_description ConfigSchema::Registry::describe(bool defaults) const {
  po::options_description description("Configuration (--section.key value)", 100, 50);
  for (const ConfigOption& option : options) {
    auto* value = po::value<std::string>()->value_name(option.kind);
    if (defaults) {
      const std::string text = option.text();
      value->default_value(text, text);
    }
    description.add_options()(option.name.c_str(), value, option.help.c_str());
  }
  return description;
}

std::vector<std::string> ConfigSchema::Registry::names() const {
  std::vector<std::string> result;
  for (const ConfigOption& option : options) result.push_back(option.name);
  return result;
}

std::string ConfigSchema::Registry::suggestion(const std::string& name) const {
  const std::string near = did_you_mean(name, names());
  if (!near.empty()) return near;
  for (const ConfigOption& option : options) {  // the section was left out or is another
    if (config_key(option.name) == config_key(name)) return "; did you mean '" + option.name + "'?";
  }
  return "";
}

void ConfigSchema::Registry::assign(const po::parsed_options& parsed,
                                    const std::function<std::string(const std::string&)>& subject) {
  po::variables_map values;
  po::store(parsed, values);
  std::vector<ConfigAssignment> assignments;
  for (const ConfigOption& option : options) {
    if (values.count(option.name) == 0) continue;
    const std::string& text = values[option.name].as<std::string>();
    try {
      assignments.push_back(option.parse(text));
    } catch (const UnexpectedValue& error) {
      throw UsageError(subject(option.name) + " is '" + text + "', expected " + error.expected);
    }
  }
  for (const ConfigAssignment& assignment : assignments) assignment();
}

}  // namespace nvlm
