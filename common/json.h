// Reading, writing and strict access of JSON, with errors that say where and what was expected.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace nvlm {

using Json = nlohmann::json;

/// Reads one JSON document. Comments, duplicate keys of one object and more than 500 levels are
/// errors.
/// throws  std::runtime_error "<path>: not valid JSON: ..." or "cannot read '<path>': ..."
Json read_json(const std::filesystem::path& path);

/// Parses text; `where` stands in the error in place of a path. See read_json.
Json parse_json(std::string_view text, std::string_view where);

/// Writes `value` atomically, indented by 2, with a final newline. Doubles round-trip;
/// NaN and infinities, which JSON lacks, become null.
/// throws  std::runtime_error with the path (also for a string that is not UTF-8)
void write_json(const std::filesystem::path& path, const Json& value);

namespace json_detail {

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};

/// What a value of type T is called in an error message.
template <class T>
std::string expected_name() {
  if constexpr (std::is_same_v<T, bool>) {
    return "true or false";
  } else if constexpr (std::is_integral_v<T>) {
    return "a whole number from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
           std::to_string(std::numeric_limits<T>::max());
  } else if constexpr (std::is_floating_point_v<T>) {
    return "a number";
  } else if constexpr (std::is_same_v<T, std::string>) {
    return "a string";
  } else if constexpr (IsVector<T>::value) {
    return "a list, each entry " + expected_name<typename T::value_type>();
  } else {
    return "a value of another type";
  }
}

/// Whether `value` is a T without any silent conversion (1.5 is no integer, true is no number).
template <class T>
bool holds(const Json& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value.is_boolean();
  } else if constexpr (std::is_integral_v<T>) {
    if (value.is_number_unsigned()) {
      return value.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<T>::max());
    }
    if (!value.is_number_integer()) return false;
    const int64_t number = value.get<int64_t>();
    if (number < 0) {
      return std::is_signed_v<T> &&
             number >= static_cast<int64_t>(std::numeric_limits<std::make_signed_t<T>>::min());
    }
    return static_cast<uint64_t>(number) <= static_cast<uint64_t>(std::numeric_limits<T>::max());
  } else if constexpr (std::is_floating_point_v<T>) {
    return value.is_number();
  } else if constexpr (std::is_same_v<T, std::string>) {
    return value.is_string();
  } else if constexpr (IsVector<T>::value) {
    if (!value.is_array()) return false;
    for (const Json& entry : value) {
      if (!holds<typename T::value_type>(entry)) return false;
    }
    return true;
  } else {
    return true;  // left to nlohmann's own conversion
  }
}

/// "<where>: '<key>' is <value, shortened>, expected <expected>".
[[noreturn]] void throw_wrong_type(const Json& value, std::string_view key, std::string_view where,
                                   const std::string& expected);
/// "<where>: '<key>' is missing".
[[noreturn]] void throw_missing(std::string_view key, std::string_view where);
/// The member, or null when absent; throws when `object` is no object.
const Json* find_member(const Json& object, std::string_view key, std::string_view where);

template <class T>
T convert(const Json& value, std::string_view key, std::string_view where) {
  if (!holds<T>(value)) throw_wrong_type(value, key, where, expected_name<T>());
  try {
    return value.get<T>();
  } catch (const Json::exception&) {
    throw_wrong_type(value, key, where, expected_name<T>());
  }
}

}  // namespace json_detail

/// object[key] as a T: bool, an integer, a floating-point number, std::string, a std::vector of
/// these, or what nlohmann converts. Nothing is converted silently.
/// where   the file or part of it, for the error
/// throws  std::runtime_error "<where>: 'hidden_size' is missing" or
///         "<where>: 'hidden_size' is \"a\", expected a whole number ..."
template <class T>
T json_get(const Json& object, std::string_view key, std::string_view where) {
  const Json* value = json_detail::find_member(object, key, where);
  if (value == nullptr) json_detail::throw_missing(key, where);
  return json_detail::convert<T>(*value, key, where);
}

/// Like json_get, but `fallback` where the key is absent or null. A wrong type is still an error.
template <class T>
T json_get_or(const Json& object, std::string_view key, T fallback, std::string_view where) {
  const Json* value = json_detail::find_member(object, key, where);
  if (value == nullptr || value->is_null()) return fallback;
  return json_detail::convert<T>(*value, key, where);
}

/// The same for string literals, as std::string.
inline std::string json_get_or(const Json& object, std::string_view key, const char* fallback,
                               std::string_view where) {
  return json_get_or<std::string>(object, key, fallback, where);
}

}  // namespace nvlm
