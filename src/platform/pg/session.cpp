// Connections that live long: LISTEN and session advisory locks.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include "platform/clock.hpp"
#include "platform/log.hpp"
#include "platform/loop.hpp"
#include "platform/pg/connection.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::pg {

namespace {

/// A server that does not answer such small questions in time is as good as gone.
constexpr long answer_limit_ms = 5'000;
constexpr long ping_every_ms = 2'000;

Task<> one_listen_session(const PoolOptions& options, const std::vector<std::string>& channels,
                          std::function<void(std::string_view, std::string_view)> on_notify,
                          std::function<void()> on_ready) {
  Connection connection(co_await boost::asio::this_coro::executor, options);
  co_await connection.connect();
  std::vector<Statement> listen;
  for (const auto& channel : channels) listen.emplace_back("LISTEN \"" + channel + "\"", Params{});
  co_await connection.run_within(answer_limit_ms, listen);
  on_ready();
  while (true) {
    const auto [channel, payload] = co_await connection.notification();
    on_notify(channel, payload);
  }
}

struct Leadership {
  bool held = true;
  bool done = false;
  std::exception_ptr error;
};

Task<> lead_and_note(std::function<Task<>(std::function<bool()>)> lead,
                     std::shared_ptr<Leadership> state) {
  // Named: GCC 12 destroys a temporary closure twice inside a co_await expression.
  const std::function<bool()> still_leader = [state] { return state->held; };
  try {
    co_await lead(still_leader);
  } catch (...) {
    state->error = std::current_exception();
  }
  state->done = true;
}

Task<bool> one_leader_session(const PoolOptions& options, std::int64_t key,
                              const std::function<Task<>(std::function<bool()>)>& lead) {
  const auto executor = co_await boost::asio::this_coro::executor;
  Connection connection(executor, options);
  co_await connection.connect();
  std::vector<Statement> ask;
  ask.emplace_back("SELECT pg_try_advisory_lock($1)", Params::of(key));
  auto answer = co_await connection.run_within(answer_limit_ms, ask);
  if (!answer[0].boolean(0, 0)) co_return false;
  auto state = std::make_shared<Leadership>();
  boost::asio::co_spawn(executor, lead_and_note(lead, state), boost::asio::detached);
  // The lock lives as long as this session: look often whether it was closed, and ask now and then
  // whether it answers.
  std::exception_ptr lost;
  std::vector<Statement> ping;
  ping.emplace_back("SELECT 1", Params{});
  auto next = steady_ms() + ping_every_ms;
  while (!state->done && !lost) {
    co_await sleep_ms(100);
    if (!connection.gone_while_idle() && steady_ms() < next) continue;
    next = steady_ms() + ping_every_ms;
    try {
      co_await connection.run_within(answer_limit_ms, ping);
    } catch (...) {
      lost = std::current_exception();
    }
  }
  state->held = false;
  while (!state->done) co_await sleep_ms(20);
  if (lost) std::rethrow_exception(lost);
  if (state->error) std::rethrow_exception(state->error);
  co_return true;
}

}  // namespace

Task<> with_leadership(PoolOptions options, std::int64_t key, long retry_ms,
                       std::function<Task<>(std::function<bool()> still_leader)> lead) {
  while (true) {
    std::string problem;
    bool finished = false;
    try {
      finished = co_await one_leader_session(options, key, lead);
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (finished) co_return;
    if (!problem.empty())
      log::error_throttled("leadership lost or not to be had", {{"key", key}, {"error", problem}});
    co_await sleep_ms(retry_ms);
  }
}

Task<> listen_forever(PoolOptions options, std::vector<std::string> channels,
                      std::function<void(std::string_view, std::string_view)> on_notify,
                      std::function<void()> on_reconnect) {
  long wait_ms = 1'000;
  bool first = true;
  while (true) {
    std::string problem;
    try {
      co_await one_listen_session(options, channels, on_notify, [&] {
        wait_ms = 1'000;
        if (!first) on_reconnect();
        first = false;
      });
    } catch (const std::exception& e) {
      problem = e.what();
    }
    log::error_throttled("LISTEN interrupted", {{"error", problem}});
    co_await sleep_ms(wait_ms);
    wait_ms = std::min(wait_ms * 2, 30'000L);
  }
}

}  // namespace pulse::pg
