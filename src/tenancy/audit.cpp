#include "tenancy/audit.hpp"

#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <mutex>
#include <optional>

#include "platform/http/address.hpp"
#include "platform/json/write.hpp"
#include "platform/log.hpp"
#include "platform/loop.hpp"

namespace pulse::tenancy {

namespace asio = boost::asio;

namespace {

constexpr std::size_t per_statement = 500;
constexpr std::size_t flush_at = 100;
constexpr long look_every_ms = 50;

constexpr const char* insert_events = R"sql(
  INSERT INTO audit_log ("timestamp", tenant_id, event_type, category, severity, entity_type,
    entity_id, entity_name, action, message, details, source_service, actor_type, actor_id,
    actor_name, ip_address, request_id)
  SELECT at::timestamptz, nullif(tenant_id, ''), event_type, category, severity,
    nullif(entity_type, ''), nullif(entity_id, ''), nullif(entity_name, ''), action, message,
    details::jsonb, $17, actor_type, nullif(actor_id, ''), nullif(actor_name, ''),
    nullif(ip_address, '')::inet, nullif(request_id, '')
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
              $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
              $15::text[], $16::text[])
    AS e (at, tenant_id, event_type, category, severity, entity_type, entity_id, entity_name,
          action, message, details, actor_type, actor_id, actor_name, ip_address, request_id)
)sql";

struct Stamped {
  AuditEvent event;
  std::string at;
  std::uint64_t number = 0;
};

}  // namespace

struct AuditLog::Impl {
  pg::Pool* pool = nullptr;
  asio::any_io_executor executor;
  std::string source;
  std::size_t capacity = 0;
  std::mutex mutex;
  std::deque<Stamped> events;
  std::uint64_t dropped = 0, given = 0;
  std::atomic<bool> stopped{false};
  // Of `executor` alone, on which all writing happens: one batch at a time.
  bool writing = false;
  std::uint64_t settled = 0;  // all events up to this number are written, or were dropped
  std::optional<asio::steady_timer> batch_ends;
  std::exception_ptr failure;  // of the batch that ended last

  Task<> write_some();
  Task<> write_batch(const std::deque<Stamped>& batch);
  Task<> write_until(std::uint64_t number);
  Task<> run(long flush_ms);
};

Task<> AuditLog::Impl::write_batch(const std::deque<Stamped>& batch) {
  std::vector<std::vector<std::string>> c(16);
  for (const auto& [e, at, number] : batch) {
    const std::string* values[] = {&at,         &e.tenant_id,   &e.event_type, &e.category,
                                   &e.severity, &e.entity_type, &e.entity_id,  &e.entity_name,
                                   &e.action,   &e.message,     nullptr,       &e.actor_type,
                                   &e.actor_id, &e.actor_name,  &e.ip_address, &e.request_id};
    for (std::size_t i = 0; i < c.size(); ++i)
      c[i].push_back(values[i] ? *values[i] : json::to_text(e.details));
  }
  pg::Params params;
  for (const auto& column : c) params.add(column);
  params.add(source);
  pg::Scope scope;
  scope.role = "pulse_ingest";  // the one role that may write the events of any tenant and of none
  co_await pool->query(scope, insert_events, std::move(params));
}

/// Writes up to one statement's worth; on failure the events stay in front. One batch is written at
/// a time: whoever comes meanwhile waits for its end, finds then what is left to do, and fails as
/// it failed.
Task<> AuditLog::Impl::write_some() {
  if (writing) {
    boost::system::error_code ignored;  // cancelling wakes
    co_await batch_ends->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (failure) std::rethrow_exception(failure);
    co_return;
  }
  std::deque<Stamped> batch;
  {
    const std::lock_guard lock(mutex);
    while (!events.empty() && batch.size() < per_statement) {
      batch.push_back(std::move(events.front()));
      events.pop_front();
    }
    if (batch.empty()) settled = given;
  }
  if (batch.empty()) co_return;
  writing = true;
  batch_ends.emplace(executor, asio::steady_timer::time_point::max());
  const auto last = batch.back().number;
  failure = nullptr;
  try {
    co_await write_batch(batch);
  } catch (...) {  // thrown on below
    failure = std::current_exception();
  }
  writing = false;
  batch_ends->cancel();
  if (!failure) {
    settled = last;
    co_return;
  }
  {
    const std::lock_guard lock(mutex);
    while (!batch.empty()) {
      events.push_front(std::move(batch.back()));
      batch.pop_back();
    }
  }
  std::rethrow_exception(failure);
}

Task<> AuditLog::Impl::write_until(std::uint64_t number) {
  while (settled < number) co_await write_some();
}

Task<> AuditLog::Impl::run(long flush_ms) {
  while (!stopped) {
    for (long waited = 0; waited < flush_ms && !stopped; waited += look_every_ms) {
      co_await sleep_ms(look_every_ms);
      const std::lock_guard lock(mutex);
      if (events.size() >= flush_at) break;
    }
    std::string problem;
    try {
      for (bool more = true; more;) {
        co_await write_some();
        const std::lock_guard lock(mutex);
        more = events.size() >= per_statement;
      }
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (!problem.empty())
      log::error_throttled("audit events not written, trying again", {{"error", problem}});
  }
}

namespace {

/// On the executor of the pool: all that was given up to `number` is written.
Task<> write_until(std::shared_ptr<AuditLog::Impl> impl, std::uint64_t number) {
  co_await impl->write_until(number);
}

}  // namespace

AuditLog::AuditLog(asio::any_io_executor executor, pg::Pool& pool, std::string source_service,
                   long flush_ms, std::size_t capacity)
    : impl_(std::make_shared<Impl>()) {
  impl_->pool = &pool;
  impl_->executor = executor;
  impl_->source = std::move(source_service);
  impl_->capacity = capacity;
  asio::co_spawn(
      executor,
      [](std::shared_ptr<Impl> impl, long ms) -> Task<> { co_await impl->run(ms); }(impl_,
                                                                                    flush_ms),
      asio::detached);
}

AuditLog::~AuditLog() { impl_->stopped = true; }

bool AuditLog::write(AuditEvent event) { return add(std::move(event)) != 0; }

std::uint64_t AuditLog::add(AuditEvent event) {
  // One address that PostgreSQL can't read would hold up every event behind it.
  event.ip_address = http::plain_address(event.ip_address).value_or("");
  const std::lock_guard lock(impl_->mutex);
  auto& events = impl_->events;
  bool kept = true;
  if (events.size() >= impl_->capacity) {
    const auto oldest = std::find_if(events.begin(), events.end(), [](const Stamped& s) {
      return s.event.category != "security";
    });
    kept = oldest != events.end() || event.category == "security";
    ++impl_->dropped;
    log::error_throttled(
        "audit buffer full, event lost",
        {{"event", oldest == events.end() ? event.event_type : oldest->event.event_type}});
    if (oldest != events.end())
      events.erase(oldest);
    else if (kept)
      events.pop_front();
  }
  if (!kept) return 0;
  events.push_back({std::move(event), iso8601(now()), ++impl_->given});
  return impl_->given;
}

Task<> AuditLog::record(AuditEvent event) {
  const auto impl = impl_;
  const auto number = add(std::move(event));
  if (number == 0) co_return;
  std::string problem;
  try {
    // The pool belongs to the base loop, so the writing happens there.
    co_await asio::co_spawn(impl->executor, write_until(impl, number), asio::use_awaitable);
  } catch (const pg::Error& e) {
    problem = e.what();
  }
  if (!problem.empty())
    log::error_throttled("security event waits in the buffer", {{"error", problem}});
}

AuditEvent AuditLog::security(const Caller& caller, const std::string& client_address,
                              const std::string& request_id, std::string tenant_id,
                              std::string event_type, std::string action, std::string entity_type,
                              std::string entity_id, std::string message,
                              boost::json::object details) {
  AuditEvent e;
  e.tenant_id = std::move(tenant_id);
  e.category = "security";
  e.event_type = std::move(event_type);
  e.action = std::move(action);
  e.entity_type = std::move(entity_type);
  e.entity_name = entity_id;
  e.entity_id = std::move(entity_id);
  e.message = std::move(message);
  e.details = std::move(details);
  e.actor_type = caller.is_service ? "service" : "user";
  e.actor_id = caller.user_id;
  e.actor_name = caller.username.empty() ? caller.email : caller.username;
  if (!caller.by_api_token.empty()) e.details["api_token_id"] = caller.by_api_token;
  e.ip_address = client_address;
  e.request_id = request_id;
  return e;
}

AuditEvent AuditLog::of(const TenantCaller& caller, std::string event_type, std::string action,
                        std::string entity_type, std::string entity_id, std::string message,
                        boost::json::object details) {
  auto category = event_type.substr(0, event_type.find('.'));
  auto e = security(caller.who, caller.client_address, caller.request_id, caller.tenant(),
                    std::move(event_type), std::move(action), std::move(entity_type),
                    std::move(entity_id), std::move(message), std::move(details));
  e.category = std::move(category);
  return e;
}

Task<> AuditLog::flush() {
  const auto impl = impl_;
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(impl->mutex);
    number = impl->given;
  }
  co_await asio::co_spawn(impl->executor, write_until(impl, number), asio::use_awaitable);
}

std::uint64_t AuditLog::dropped() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->dropped;
}

}  // namespace pulse::tenancy
