// The one logger. It writes to stderr, so that results on stdout stay clean.
#pragma once

#include <string>

namespace nvlm {

// spdlog stays behind these functions: LibTorch's folder brings another version of the fmt headers
// that spdlog's need, so nothing that includes both compiles.

/// One line each, with time and level. Thread-safe. Levels below the one set are dropped.
void log_debug(const std::string& message);
void log_info(const std::string& message);
void log_warning(const std::string& message);
void log_error(const std::string& message);

/// level   trace, debug, info, warning, error, critical or off; info at the start
/// throws  UsageError naming the nearest level
void set_log_level(const std::string& level);

/// The level set, by name.
std::string log_level();

}  // namespace nvlm
