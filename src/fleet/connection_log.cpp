#include "fleet/connection_log.hpp"

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <deque>
#include <mutex>

#include "platform/clock.hpp"
#include "platform/json/write.hpp"
#include "platform/log.hpp"
#include "platform/loop.hpp"

namespace pulse::fleet {

namespace asio = boost::asio;

struct ConnectionLog::Impl {
  pg::Pool* pool = nullptr;
  std::size_t capacity = 0;
  std::mutex mutex;
  std::deque<std::pair<ConnectionChange, std::int64_t>> waiting;  // with epoch ms
  std::atomic<bool> stopped{false};

  Task<bool> write_some();
  static Task<> run(std::shared_ptr<Impl> self, long flush_ms);
};

/// Writes up to 1,000; true when there was something. What fails goes back to the front.
Task<bool> ConnectionLog::Impl::write_some() {
  std::deque<std::pair<ConnectionChange, std::int64_t>> batch;
  {
    const std::lock_guard lock(mutex);
    while (!waiting.empty() && batch.size() < 1'000) {
      batch.push_back(std::move(waiting.front()));
      waiting.pop_front();
    }
  }
  if (batch.empty()) co_return false;
  std::vector<std::string> tenants, devices, types, details;
  std::vector<std::int64_t> at;
  for (const auto& [change, ms] : batch) {
    tenants.push_back(change.tenant_id);
    devices.push_back(change.device_id);
    types.push_back(change.event_type);
    details.push_back(json::to_text(change.details));
    at.push_back(ms);
  }
  pg::Scope scope;
  scope.role = "pulse_ingest";
  std::exception_ptr error;
  try {
    co_await pool->query(
        scope,
        "INSERT INTO device_connection_events (tenant_id, device_id, event_type, "
        "details, \"timestamp\") SELECT t, d, e, j::jsonb, to_timestamp(a / 1000.0) "
        "FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[]) "
        "AS b (t, d, e, j, a)",
        pg::Params::of(tenants, devices, types, details, at));
  } catch (...) {
    error = std::current_exception();
  }
  if (!error) co_return true;
  {
    const std::lock_guard lock(mutex);
    for (auto it = batch.rbegin(); it != batch.rend() && waiting.size() < capacity; ++it)
      waiting.push_front(std::move(*it));
  }
  std::rethrow_exception(error);
}

Task<> ConnectionLog::Impl::run(std::shared_ptr<Impl> self, long flush_ms) {
  while (!self->stopped) {
    co_await sleep_ms(flush_ms);
    std::string problem;
    try {
      while (co_await self->write_some()) {
      }
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (!problem.empty())
      log::error_throttled("connection events not written, trying again", {{"error", problem}});
  }
}

ConnectionLog::ConnectionLog(asio::any_io_executor executor, pg::Pool& pool, long flush_ms,
                             std::size_t capacity)
    : impl_(std::make_shared<Impl>()) {
  impl_->pool = &pool;
  impl_->capacity = capacity;
  asio::co_spawn(executor, Impl::run(impl_, flush_ms), asio::detached);
}

ConnectionLog::~ConnectionLog() { impl_->stopped = true; }

void ConnectionLog::write(ConnectionChange change) {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->waiting.size() >= impl_->capacity) impl_->waiting.pop_front();
  impl_->waiting.emplace_back(std::move(change), now_ms());
}

Task<> ConnectionLog::flush() {
  const auto self = impl_;
  for (bool more = true; more;) more = co_await self->write_some();
}

}  // namespace pulse::fleet
