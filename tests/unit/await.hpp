#pragma once
// Runs coroutines of tests to their end on an io_context of the test's own thread.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <type_traits>

#include "platform/loop.hpp"
#include "platform/task.hpp"

namespace pulse::test {

/// Runs `task` on `io` until it ended; returns its value, throws what it threw, and throws
/// std::runtime_error when it takes longer than `limit`.
template <class T>
T await(boost::asio::io_context& io, Task<T> task,
        std::chrono::seconds limit = std::chrono::seconds(60)) {
  std::exception_ptr error;
  bool done = false;
  const auto run = [&] {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!done) {
      if (std::chrono::steady_clock::now() > end)
        throw std::runtime_error("the test's task does not end");
      io.restart();
      io.run_one_for(std::chrono::milliseconds(100));
    }
    if (error) std::rethrow_exception(error);
  };
  if constexpr (std::is_void_v<T>) {
    boost::asio::co_spawn(io, std::move(task), [&](std::exception_ptr e) {
      error = e;
      done = true;
    });
    run();
  } else {
    std::optional<T> value;
    boost::asio::co_spawn(
        io,
        // The value need not have a default.
        [](Task<T> inner, std::optional<T>& out) -> Task<> {
          out.emplace(co_await std::move(inner));
        }(std::move(task), value),
        [&](std::exception_ptr e) {
          error = e;
          done = true;
        });
    run();
    return std::move(*value);
  }
}

/// Polls until `ready` says so, or `limit_ms` passed; answers ready().
inline Task<bool> eventually(std::function<bool()> ready, long limit_ms = 10'000) {
  for (long waited = 0; waited < limit_ms && !ready(); waited += 5) co_await sleep_ms(5);
  co_return ready();
}

}  // namespace pulse::test
