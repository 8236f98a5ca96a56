#include "common/logging.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "common/error.h"
#include "common/nearest_name.h"

namespace nvlm {
namespace {

// In the order of spdlog's levels.
const std::vector<std::string>& level_names() {
  static const std::vector<std::string> names = {"trace", "debug",    "info", "warning",
                                                 "error", "critical", "off"};
  return names;
}

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made = std::make_shared<spdlog::logger>(
        "nvlm", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made->set_pattern("%H:%M:%S %^%l%$ %v");
    made->flush_on(spdlog::level::warn);
    return made;
  }();
  return *instance;
}

}  // namespace

void log_debug(const std::string& message) { logger().debug(message); }
void log_info(const std::string& message) { logger().info(message); }
void log_warning(const std::string& message) { logger().warn(message); }
void log_error(const std::string& message) { logger().error(message); }

void set_log_level(const std::string& level) {
  const auto found = std::find(level_names().begin(), level_names().end(), level);
  if (found == level_names().end()) {
    throw UsageError("'" + level + "' is no log level, expected trace, debug, info, warning, " +
                     "error, critical or off" + did_you_mean(level, level_names()));
  }
  logger().set_level(static_cast<spdlog::level::level_enum>(found - level_names().begin()));
}

std::string log_level() { return level_names()[static_cast<size_t>(logger().level())]; }

}  // namespace nvlm
