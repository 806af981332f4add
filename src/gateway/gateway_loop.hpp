#pragma once
// One loop that serves callers: HTTP, WebSockets, MQTT, with its own router, pool and caches.
#include <memory>

#include "gateway/edge.hpp"
#include "gateway/process.hpp"
#include "platform/http/server.hpp"
#include "telemetry/mqtt_role.hpp"

namespace pulse::gateway {

class GatewayLoop {
 public:
  GatewayLoop(Process& process, int number);
  ~GatewayLoop();
  /// Binds and serves. Throws boost::system::system_error naming what can't be had.
  void start();
  /// Stops accepting, finishes requests, closes sessions. Blocks; not on a loop's thread.
  void stop();
  /// Ends at once whatever it does, started or not; callers get no answer.
  void halt();
  http::Router& router();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Every endpoint on one router, without serving it: for `pulse openapi` and checks.
boost::json::value describe_api(Process& process);

/// Runs a task on a loop and waits for it. Rethrows.
void run_and_wait(Loop& loop, Task<> task);

}  // namespace pulse::gateway
