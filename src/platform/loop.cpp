#include "platform/loop.hpp"

#include <pthread.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <thread>

#include "platform/log.hpp"

namespace pulse {

namespace asio = boost::asio;

struct Loop::Impl {
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work;
  std::thread thread;
};

Loop::Loop(std::string name) : name_(std::move(name)), io_(1), impl_(std::make_unique<Impl>()) {
  impl_->work.emplace(io_.get_executor());
}

Loop::~Loop() { stop(); }

void Loop::start() {
  impl_->thread = std::thread([this] {
    pthread_setname_np(pthread_self(), name_.substr(0, 15).c_str());
    io_.run();
  });
}

void Loop::stop() {
  impl_->work.reset();
  io_.stop();
  if (impl_->thread.joinable()) impl_->thread.join();
}

void Loop::run_here() { io_.run(); }

void Loop::post(std::function<void()> work) { asio::post(io_, std::move(work)); }

void Loop::spawn(std::string what, Task<> task) {
  spawn(std::move(task), [what = std::move(what)](std::exception_ptr error) {
    if (!error) return;
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& e) {
      log::error("background task ended by an error", {{"task", what}, {"error", e.what()}});
    }
  });
}

void Loop::spawn(Task<> task, std::function<void(std::exception_ptr)> done) {
  asio::co_spawn(io_, std::move(task), std::move(done));
}

Task<> sleep_ms(long ms) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  timer.expires_after(std::chrono::milliseconds(ms));
  co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace pulse
