#pragma once
#include <boost/asio/io_context.hpp>
#include <exception>
#include <functional>
#include <memory>
#include <string>

#include "platform/task.hpp"

namespace pulse {

/// One io_context and the one thread that runs it. What is made on a loop is used on that loop
/// only, so that nothing on it needs a lock; other threads come in through `post`.
class Loop {
 public:
  /// `name` (at most 15 bytes) names the thread. The thread starts with `start`.
  explicit Loop(std::string name);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  boost::asio::io_context& io() { return io_; }
  const std::string& name() const { return name_; }

  void start();
  /// Stops the io_context and joins the thread. Pending coroutines are destroyed with the loop.
  void stop();
  /// Runs the loop on the calling thread until it is stopped or out of work.
  void run_here();

  /// Runs `work` on the loop's thread; callable from any thread.
  void post(std::function<void()> work);
  /// Starts a coroutine on the loop; callable from any thread. An exception that leaves it is
  /// logged with `what` as an error: a background task must handle its own faults.
  void spawn(std::string what, Task<> task);
  /// Like spawn, and `done` is called on the loop with the exception (null when none).
  void spawn(Task<> task, std::function<void(std::exception_ptr)> done);

 private:
  struct Impl;
  std::string name_;
  boost::asio::io_context io_;
  std::unique_ptr<Impl> impl_;
};

/// Suspends the calling coroutine for `ms` milliseconds (0 yields once).
Task<> sleep_ms(long ms);

}  // namespace pulse
