#include "common/json.h"

#include <unordered_set>

#include "common/atomic_file.h"

namespace nvlm {
namespace {

// Parsing takes any depth, but copying or printing a value recurses and would exhaust the stack.
constexpr int kDeepest = 500;

// "[json.exception.parse_error.101] parse error at ..." without the bracket.
std::string plain_json_message(const std::exception& error) {
  const std::string message = error.what();
  const size_t bracket = message.find("] ");
  return bracket == std::string::npos ? message : message.substr(bracket + 2);
}

std::string shortened(const Json& value) {
  constexpr size_t kLongest = 60;
  if (value.is_object()) return "an object";
  if (value.is_array() && value.size() > 16) {
    return "a list of " + std::to_string(value.size()) + " entries";
  }
  const std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  return text.size() <= kLongest ? text : text.substr(0, kLongest) + "...";
}

}  // namespace

Json parse_json(std::string_view text, std::string_view where) {
  std::vector<std::unordered_set<std::string>> open_objects;
  bool too_deep = false;
  // What lies too deep is skipped, so that a mistake in the syntax behind it is still found.
  const auto check = [&](int depth, Json::parse_event_t event, Json& parsed) {
    const bool opens =
        event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
    if (depth > kDeepest || (opens && depth == kDeepest)) {
      too_deep = true;
      return false;
    }
    if (event == Json::parse_event_t::object_start) {
      open_objects.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      open_objects.pop_back();
    } else if (event == Json::parse_event_t::key) {
      const std::string& key = parsed.get_ref<const std::string&>();
      if (!open_objects.back().insert(key).second) {
        throw std::runtime_error(std::string(where) + ": '" + key + "' is given twice");
      }
    }
    return true;
  };
  try {
    Json value = Json::parse(text.begin(), text.end(), check);
    if (!too_deep) return value;
  } catch (const Json::exception& error) {
    throw std::runtime_error(std::string(where) + ": not valid JSON: " + plain_json_message(error));
  }
  throw std::runtime_error(std::string(where) + ": nested deeper than " + std::to_string(kDeepest) +
                           " levels");
}

Json read_json(const std::filesystem::path& path) {
  return parse_json(read_text_file(path), path.string());
}

void write_json(const std::filesystem::path& path, const Json& value) {
  std::string text;
  try {
    text = value.dump(2);
  } catch (const Json::exception& error) {
    throw std::runtime_error("cannot write '" + path.string() + "': " + plain_json_message(error));
  }
  write_file_atomically(path, text + "\n");
}

namespace json_detail {

void throw_wrong_type(const Json& value, std::string_view key, std::string_view where,
                      const std::string& expected) {
  throw std::runtime_error(std::string(where) + ": '" + std::string(key) + "' is " +
                           shortened(value) + ", expected " + expected);
}

void throw_missing(std::string_view key, std::string_view where) {
  throw std::runtime_error(std::string(where) + ": '" + std::string(key) + "' is missing");
}

const Json* find_member(const Json& object, std::string_view key, std::string_view where) {
  if (!object.is_object()) {
    throw std::runtime_error(std::string(where) + ": " + shortened(object) +
                             " where an object with '" + std::string(key) + "' was expected");
  }
  const auto found = object.find(std::string(key));
  return found == object.end() ? nullptr : &*found;
}

}  // namespace json_detail
}  // namespace nvlm
