#include "common/config_schema.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "common/atomic_file.h"
#include "common/config_registry.h"
#include "common/config_text.h"
#include "common/error.h"
#include "common/nearest_name.h"

namespace nvlm {
namespace {

// Wraps text -> T into an assignment to `field`, with the optional validator.
template <class T, class Parse>
std::function<ConfigAssignment(const std::string&)> field_parser(T* field, Parse parse,
                                                                 std::string expected,
                                                                 Validator<T> validator) {
  return [=](const std::string& text) -> ConfigAssignment {
    const std::optional<T> value = parse(text);
    if (!value) throw UnexpectedValue{expected};
    if (validator) {
      const std::string complaint = validator(*value);
      if (!complaint.empty()) throw UnexpectedValue{complaint};
    }
    return [field, value = *value] { *field = value; };
  };
}

std::string joined_words(const std::vector<std::string>& words) {
  std::string result;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) result += i + 1 == words.size() ? " or " : ", ";
    result += words[i];
  }
  return result;
}

std::optional<bool> parse_config_bool(const std::string& text) {
  for (const char* word : {"true", "yes", "on", "1"}) {
    if (text == word) return true;
  }
  for (const char* word : {"false", "no", "off", "0"}) {
    if (text == word) return false;
  }
  return std::nullopt;
}

}  // namespace

ConfigSchema::ConfigSchema() : registry_(std::make_unique<Registry>()) {}
ConfigSchema::~ConfigSchema() = default;
ConfigSchema::ConfigSchema(ConfigSchema&&) noexcept = default;
ConfigSchema& ConfigSchema::operator=(ConfigSchema&&) noexcept = default;

void ConfigSchema::add(const std::string& name, int64_t* field, const std::string& help,
                       Validator<int64_t> validator) {
  registry_->add({name, help, "integer", false, [field] { return std::to_string(*field); },
                  field_parser(field, parse_config_integer, "a whole number", validator)});
}

void ConfigSchema::add(const std::string& name, double* field, const std::string& help,
                       Validator<double> validator) {
  registry_->add({name, help, "number", false, [field] { return format_config_number(*field); },
                  field_parser(field, parse_config_double, "a number", validator)});
}

void ConfigSchema::add(const std::string& name, bool* field, const std::string& help,
                       Validator<bool> validator) {
  registry_->add({name, help, "true|false", false, [field] { return *field ? "true" : "false"; },
                  field_parser(field, parse_config_bool, "true or false", validator)});
}

void ConfigSchema::add(const std::string& name, std::string* field, const std::string& help,
                       Validator<std::string> validator) {
  const auto as_is = [](const std::string& text) { return std::optional<std::string>(text); };
  registry_->add({name, help, "text", true, [field] { return quote_config_string(*field); },
                  field_parser(field, as_is, "text", validator)});
}

void ConfigSchema::add(const std::string& name, std::vector<std::string>* field,
                       const std::string& help, Validator<std::vector<std::string>> validator) {
  registry_->add({name, help, "list", false, [field] { return join_config_list(*field); },
                  field_parser(field, split_config_list, "a list 'a, b'", validator)});
}

void ConfigSchema::add_words(const std::string& name, const std::string& help,
                             const std::vector<std::string>& words, std::function<size_t()> get,
                             std::function<void(size_t)> set) {
  std::string kind;
  for (const std::string& word : words) kind += (kind.empty() ? "" : "|") + word;
  const auto text = [name, words, get] {
    const size_t index = get();
    if (index >= words.size()) {
      throw std::logic_error("configuration: " + name + " holds a value without a name");
    }
    return words[index];
  };
  const auto parse = [words, set](const std::string& given) -> ConfigAssignment {
    const auto found = std::find(words.begin(), words.end(), given);
    if (found == words.end()) {
      throw UnexpectedValue{joined_words(words) + did_you_mean(given, words)};
    }
    return [set, index = static_cast<size_t>(found - words.begin())] { set(index); };
  };
  registry_->add({name, help, kind, false, text, parse});
}

std::string ConfigSchema::text() const {
  std::vector<std::string> sections = {""};  // in order of first appearance
  for (const ConfigOption& option : registry_->options) {
    const std::string section = config_section(option.name);
    if (std::find(sections.begin(), sections.end(), section) == sections.end()) {
      sections.push_back(section);
    }
  }
  std::string result;
  for (const std::string& section : sections) {
    if (!section.empty()) {
      if (!result.empty()) result += "\n";
      result += "[" + section + "]\n";
    }
    for (const ConfigOption& option : registry_->options) {
      if (config_section(option.name) != section) continue;
      std::istringstream help(option.help);
      for (std::string line; std::getline(help, line);) result += "# " + line + "\n";
      const std::string value = option.text();
      result += config_key(option.name) + (value.empty() ? " =" : " = " + value) + "\n";
    }
  }
  return result;
}

void ConfigSchema::write(const std::filesystem::path& path) const {
  write_file_atomically(path, text());
}

std::string ConfigSchema::help() const {
  std::ostringstream text;
  text << registry_->describe(/*defaults=*/true);
  return text.str();
}

std::vector<std::string> ConfigSchema::names() const { return registry_->names(); }

std::string ConfigSchema::value(const std::string& name) const {
  const ConfigOption* option = registry_->find(name);
  if (option == nullptr) {
    throw UsageError("unknown key '" + name + "'" + registry_->suggestion(name));
  }
  return option->text();
}

Validator<int64_t> whole_number_from(int64_t low, int64_t high) {
  return [low, high](const int64_t& value) -> std::string {
    if (value >= low && value <= high) return "";
    return "a whole number from " + std::to_string(low) + " to " + std::to_string(high);
  };
}

Validator<double> number_from(double low, double high) {
  return [low, high](const double& value) -> std::string {
    if (value >= low && value <= high) return "";
    return "a number from " + format_config_number(low) + " to " + format_config_number(high);
  };
}

Validator<std::string> one_of(std::vector<std::string> words) {
  return [words = std::move(words)](const std::string& value) -> std::string {
    if (std::find(words.begin(), words.end(), value) != words.end()) return "";
    return joined_words(words) + did_you_mean(value, words);
  };
}

}  // namespace nvlm
