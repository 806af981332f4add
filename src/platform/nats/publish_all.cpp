#include "platform/nats/publish_all.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace pulse::nats {

namespace {

/// Answers that are awaited; the last one wakes who waits. An answer may come after that one left.
struct Answers {
  Answers(const boost::asio::any_io_executor& executor, std::size_t count)
      : results(count), open(count), done(executor) {
    done.expires_at(std::chrono::steady_clock::time_point::max());
  }
  std::vector<PublishResult> results;
  std::size_t open;
  boost::asio::steady_timer done;
};

}  // namespace

Task<std::vector<PublishResult>> publish_all(Client& nats, std::vector<Outgoing> messages,
                                             long timeout_ms) {
  const auto executor = co_await boost::asio::this_coro::executor;
  const auto answers = std::make_shared<Answers>(executor, messages.size());
  for (std::size_t i = 0; i < messages.size(); ++i)
    nats.publish_acked(messages[i].subject, messages[i].data, messages[i].msg_id, timeout_ms,
                       executor, [answers, i](PublishResult result) {
                         answers->results[i] = std::move(result);
                         if (--answers->open == 0) answers->done.cancel();
                       });
  boost::system::error_code woken;
  if (answers->open > 0)
    co_await answers->done.async_wait(
        boost::asio::redirect_error(boost::asio::use_awaitable, woken));
  co_return std::move(answers->results);
}

}  // namespace pulse::nats
