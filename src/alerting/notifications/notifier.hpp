#pragma once
// The notifier role: makes jobs of what the stream ALERTS tells, and sends them.
#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "alerting/deps.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::alerting::notifications {

/// Lives on one loop; any number of processes may run one.
class Notifier {
 public:
  Notifier(boost::asio::any_io_executor executor, pg::Pool& pool, AlertingDeps deps);
  ~Notifier();
  /// Routes transitions of alerts, until `stop`.
  Task<> route();
  /// Routes what the stream lost, ends incidents of summaries, and measures the queue, now and
  /// then, until `stop`.
  Task<> keep_up();
  /// Sends jobs, until `stop`; returns when those under way have ended.
  Task<> deliver();
  void stop();
  /// Callable from any thread.
  bool running() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace pulse::alerting::notifications
