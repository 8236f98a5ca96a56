#include "bench/op_times.h"

#include <ATen/record_function.h>

#include <chrono>
#include <vector>

namespace nvlm::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

struct OpenCall {
  std::string name;
  Clock::time_point start;
  double inner = 0;  // seconds of the calls within
};

/// Of the thread that is measured; callbacks of RecordFunction are plain functions.
thread_local std::vector<OpenCall> open_calls;
thread_local std::map<std::string, OpTime> closed_calls;

void close_call() {
  const OpenCall call = open_calls.back();
  open_calls.pop_back();
  const double all = seconds_between(call.start, Clock::now());
  OpTime& time = closed_calls[call.name];
  time.seconds += all - call.inner;
  ++time.calls;
  if (!open_calls.empty()) open_calls.back().inner += all;
}

std::unique_ptr<at::ObserverContext> on_start(const at::RecordFunction& call) {
  open_calls.push_back({call.name(), Clock::now()});
  return nullptr;
}

void on_end(const at::RecordFunction&, at::ObserverContext*) { close_call(); }

}  // namespace

std::map<std::string, OpTime> op_times(const std::function<void()>& work) {
  closed_calls.clear();
  const auto handle = at::addThreadLocalCallback(
      at::RecordFunctionCallback(on_start, on_end)
          .scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION,
                   at::RecordScope::USER_SCOPE}));
  open_calls.push_back({"outside", Clock::now()});
  work();
  close_call();
  at::removeCallback(handle);
  return closed_calls;
}

}  // namespace nvlm::bench
