#include "platform/turns.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>

namespace pulse {

namespace asio = boost::asio;

struct Turns::State {
  struct Waiter {
    explicit Waiter(asio::any_io_executor e) : timer(std::move(e)) {}
    asio::steady_timer timer;
    bool called = false;
  };
  bool taken = false;
  std::deque<std::shared_ptr<Waiter>> waiting;
};

Turns::Turns() : state_(std::make_shared<State>()) {}

void Turns::Turn::release() {
  if (!of_) return;
  const auto of = std::move(of_);
  if (of->waiting.empty()) {
    of->taken = false;
    return;
  }
  // Handed over at once: nobody who asks meanwhile comes in between.
  const auto next = of->waiting.front();
  of->waiting.pop_front();
  next->called = true;
  next->timer.cancel();
}

Task<Turns::Turn> Turns::take() {
  const auto state = state_;
  if (state->taken) {
    const auto executor = co_await asio::this_coro::executor;
    const auto me = std::make_shared<State::Waiter>(executor);
    me->timer.expires_at(asio::steady_timer::time_point::max());
    state->waiting.push_back(me);
    boost::system::error_code ignored;  // a waiter is called by cancelling its timer
    while (!me->called)
      co_await me->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  state->taken = true;
  co_return Turn(state);
}

}  // namespace pulse
