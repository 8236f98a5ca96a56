// Errors that carry a meaning for the exit code of the program.
#pragma once

#include <stdexcept>

namespace nvlm {

/// A mistake of the person who typed the command (unknown option, bad value): exit code 2.
/// Everything else that is thrown ends with exit code 1.
struct UsageError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

}  // namespace nvlm
