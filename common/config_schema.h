// One schema for a configuration: command line, configuration file, --help and the resolved file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nvlm {

/// Says what is expected ("a number above 0") if the value is not acceptable, else "".
template <class T>
using Validator = std::function<std::string(const T&)>;

/// Accepts low..high, both included.
Validator<int64_t> whole_number_from(int64_t low, int64_t high);
/// Accepts numbers from low to high, both included; infinity is allowed only as a bound.
Validator<double> number_from(double low, double high);
/// Accepts the listed words.
Validator<std::string> one_of(std::vector<std::string> words);

/// Binds fields of a plain struct to dotted names, "train.steps". Current field values are the
/// defaults. The bound struct must outlive the schema and must not move.
///
///   ConfigSchema schema;
///   schema.add("train.steps", &config.train.steps, "optimizer steps", whole_number_from(1, 1e9));
///   schema.add_enum("fusion.variant", &config.variant, "routing", {{"d", Variant::kDecoder},
///   ...}); schema.parse_file("run.ini");                       // [train] newline steps = 100
///   schema.parse_arguments({"--train.steps", "200"});   // or "--train.steps=200"
///   schema.write(run_dir / "config.ini");               // resolved; gives the same bits when read
///
/// Each parse_* sets either all fields it names or, on an error, none.
class ConfigSchema {
 public:
  ConfigSchema();
  ~ConfigSchema();
  ConfigSchema(ConfigSchema&&) noexcept;
  ConfigSchema& operator=(ConfigSchema&&) noexcept;

  /// Registers a field. Lists are written `a, b`; an entry with a comma, '#', quote or blank at
  /// its end is written in double quotes. bool takes true/false, yes/no, on/off, 1/0.
  /// throws  std::invalid_argument if the name is taken or not made of letters, digits, _ - and .
  void add(const std::string& name, int64_t* field, const std::string& help,
           Validator<int64_t> validator = {});
  void add(const std::string& name, double* field, const std::string& help,
           Validator<double> validator = {});
  void add(const std::string& name, bool* field, const std::string& help,
           Validator<bool> validator = {});
  void add(const std::string& name, std::string* field, const std::string& help,
           Validator<std::string> validator = {});
  void add(const std::string& name, std::vector<std::string>* field, const std::string& help,
           Validator<std::vector<std::string>> validator = {});

  /// Registers an enumeration by the names of its values.
  template <class Enum>
  void add_enum(const std::string& name, Enum* field, const std::string& help,
                const std::vector<std::pair<std::string, Enum>>& values) {
    std::vector<std::string> words;
    for (const auto& [word, value] : values) words.push_back(word);
    add_words(
        name, help, words,
        [field, values] {
          for (size_t i = 0; i < values.size(); ++i) {
            if (values[i].second == *field) return i;
          }
          return values.size();
        },
        [field, values](size_t index) { *field = values[index].second; });
  }

  /// Reads a file of `[section]` and `key = value` lines; comments begin with # or ;.
  /// throws  UsageError "<path>:<line>: ..." for an unknown key (with the nearest known one), a
  ///         value of the wrong type, a key given twice, a line that is neither;
  ///         std::runtime_error if the file cannot be read
  void parse_file(const std::filesystem::path& path);
  /// The same for text; `where` stands in place of the path.
  void parse_text(std::string_view text, const std::string& where);

  /// Reads `--section.key value` and `--section.key=value`.
  /// throws  UsageError as above, and for anything that is no such option
  void parse_arguments(const std::vector<std::string>& arguments);
  /// Takes the options whose name has a dot or is registered, and returns all other arguments in
  /// order, for a command that has options of its own.
  std::vector<std::string> take_arguments(const std::vector<std::string>& arguments);

  /// The current values as a file that parse_file reads back to the same bits.
  std::string text() const;
  /// Writes text() atomically. throws std::runtime_error with the path
  void write(const std::filesystem::path& path) const;

  /// All options with their current values and help, for --help.
  std::string help() const;
  /// Registered names in order of registration.
  std::vector<std::string> names() const;
  /// The current value as text() writes it. throws UsageError for an unknown name
  std::string value(const std::string& name) const;

 private:
  void add_words(const std::string& name, const std::string& help,
                 const std::vector<std::string>& words, std::function<size_t()> get,
                 std::function<void(size_t)> set);

  struct Registry;
  std::unique_ptr<Registry> registry_;
};

}  // namespace nvlm
