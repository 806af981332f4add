#pragma once
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <tuple>
#include <utility>

#include "platform/task.hpp"

namespace pulse::mqtt {

/// The suspended end of one coroutine, to be resumed later with values. A Completion that is
/// dropped instead destroys the waiting coroutine.
template <class... Args>
class Completion {
 public:
  Completion() = default;
  template <class Handler>
  explicit Completion(std::in_place_t, Handler handler)
      : waiter_(std::make_unique<Holder<Handler>>(std::move(handler))) {}

  explicit operator bool() const { return waiter_ != nullptr; }

  /// Resumes the coroutine from the event loop, never inside this call.
  void operator()(Args... args) {
    auto waiter = std::move(waiter_);
    if (waiter) waiter->resume(std::move(args)...);
  }

 private:
  struct Waiter {
    virtual ~Waiter() = default;
    virtual void resume(Args... args) = 0;
  };
  template <class Handler>
  struct Holder final : Waiter {
    explicit Holder(Handler h) : handler(std::move(h)) {}
    void resume(Args... args) override {
      auto executor = boost::asio::get_associated_executor(handler);
      boost::asio::post(executor, [h = std::move(handler),
                                   values = std::make_tuple(std::move(args)...)]() mutable {
        std::apply(std::move(h), std::move(values));
      });
    }
    Handler handler;
  };
  std::unique_ptr<Waiter> waiter_;
};

/// Suspends the calling coroutine until somebody calls `slot`; answers its argument.
template <class... Args>
auto wait_for(Completion<Args...>& slot) {
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(Args...)>(
      [&slot](auto handler) { slot = Completion<Args...>(std::in_place, std::move(handler)); },
      boost::asio::use_awaitable);
}

}  // namespace pulse::mqtt
