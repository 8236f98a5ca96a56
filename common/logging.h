// The one logger. It writes to stderr, so that results on stdout stay clean.
#pragma once

#include <spdlog/logger.h>

#include <string>

namespace nvlm {

/// Use: logger().info("loaded {} tensors", count). Thread-safe.
spdlog::logger& logger();

/// level   trace, debug, info, warning, error, critical or off
/// throws  UsageError naming the nearest level
void set_log_level(const std::string& level);

}  // namespace nvlm
