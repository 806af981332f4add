#include "platform/pg/pool.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>

#include "platform/clock.hpp"
#include "platform/log.hpp"
#include "platform/loop.hpp"
#include "platform/pg/connection.hpp"

namespace pulse::pg {

namespace asio = boost::asio;

namespace {

class Lease;

}  // namespace

struct Pool::Impl : std::enable_shared_from_this<Pool::Impl> {
  /// Someone who waits for a connection. Leaves the queue however the waiting ends, and hands on
  /// what was given to it meanwhile.
  struct Waiter {
    explicit Waiter(Impl& p) : pool(p), timer(p.executor) { pool.waiting.push_back(this); }
    ~Waiter() {
      std::erase(pool.waiting, this);
      if (connection) pool.give_back(std::move(connection));
      if (may_open) pool.place_free();
    }
    Waiter(const Waiter&) = delete;
    Impl& pool;
    asio::steady_timer timer;
    std::unique_ptr<Connection> connection;
    bool may_open = false;  // a place became free: open a connection of your own
  };

  Impl(asio::any_io_executor e, PoolOptions o) : executor(std::move(e)), options(std::move(o)) {}

  asio::any_io_executor executor;
  PoolOptions options;
  std::vector<std::unique_ptr<Connection>> idle;
  std::vector<Connection*> leased;  // also while they connect
  std::deque<Waiter*> waiting;
  int promised = 0;  // places given to waiters that have not opened yet
  bool closed = false;
  bool watching = false;
  PoolStats stats;

  int size() const { return static_cast<int>(idle.size() + leased.size()) + promised; }
  Task<Lease> open();
  Task<Lease> acquire();
  Lease lend(std::unique_ptr<Connection> connection);
  void give_back(std::unique_ptr<Connection> connection);
  void place_free();
  static Task<> roll_back(std::shared_ptr<Impl> self, std::unique_ptr<Connection> connection);
  static Task<> watch(std::shared_ptr<Impl> self);
};

namespace {

/// A connection for the length of a scope; returns it whatever happens.
class Lease {
 public:
  Lease(std::shared_ptr<Pool::Impl> pool, std::unique_ptr<Connection> connection)
      : pool_(std::move(pool)), connection_(std::move(connection)) {}
  Lease(Lease&&) noexcept = default;
  ~Lease() {
    if (connection_) pool_->give_back(std::move(connection_));
  }
  Connection* operator->() { return connection_.get(); }

 private:
  std::shared_ptr<Pool::Impl> pool_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace

Lease Pool::Impl::lend(std::unique_ptr<Connection> connection) {
  leased.push_back(connection.get());
  return Lease(shared_from_this(), std::move(connection));
}

Task<Lease> Pool::Impl::open() {
  Lease lease = lend(std::make_unique<Connection>(executor, options));
  std::exception_ptr error;
  try {
    co_await lease->connect();
  } catch (...) {
    error = std::current_exception();
  }
  if (error) {
    ++stats.errors;
    lease->cut();
    std::rethrow_exception(error);
  }
  ++stats.reconnects;
  co_return lease;
}

Task<Lease> Pool::Impl::acquire() {
  if (closed) throw Error("the pool is closed", "57P03");
  if (!watching) {
    watching = true;
    asio::co_spawn(executor, watch(shared_from_this()), asio::detached);
  }
  while (!idle.empty()) {
    auto connection = std::move(idle.back());
    idle.pop_back();
    if (connection->broken() || connection->gone_while_idle()) continue;
    co_return lend(std::move(connection));
  }
  if (size() < options.max_size) co_return co_await open();
  {
    Waiter waiter(*this);
    waiter.timer.expires_after(std::chrono::milliseconds(options.acquire_timeout_ms));
    boost::system::error_code ec;
    co_await waiter.timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    if (waiter.connection) co_return Lease(shared_from_this(), std::move(waiter.connection));
    if (!waiter.may_open) {
      if (closed) throw Error("the pool is closed", "57P03");
      throw Error("no database connection became free in time", "53300");
    }
    waiter.may_open = false;
  }
  --promised;
  co_return co_await open();
}

/// Lets the first waiter open a connection in a place that became free, or was promised before.
void Pool::Impl::place_free() {
  promised = 0;
  for (const auto* w : waiting) promised += w->may_open ? 1 : 0;
  if (closed || size() >= options.max_size) return;
  for (Waiter* next : waiting) {
    if (next->may_open || next->connection) continue;
    next->may_open = true;
    ++promised;
    next->timer.cancel();
    return;
  }
}

void Pool::Impl::give_back(std::unique_ptr<Connection> connection) {
  std::erase(leased, connection.get());
  if (closed || connection->broken() || connection->busy()) {
    connection.reset();  // busy: its coroutine was destroyed in the middle of a statement
    place_free();
    return;
  }
  if (connection->in_transaction) {
    leased.push_back(connection.get());
    asio::co_spawn(executor, roll_back(shared_from_this(), std::move(connection)), asio::detached);
    return;
  }
  for (Waiter* next : waiting) {
    if (next->may_open || next->connection) continue;
    leased.push_back(connection.get());
    next->connection = std::move(connection);
    next->timer.cancel();
    return;
  }
  idle.push_back(std::move(connection));
}

Task<> Pool::Impl::roll_back(std::shared_ptr<Impl> self, std::unique_ptr<Connection> connection) {
  Lease lease(self, std::move(connection));
  try {
    std::vector<Statement> statements;
    statements.emplace_back("ROLLBACK", Params{});
    co_await lease->run(statements);
    lease->in_transaction = false;
  } catch (const std::exception&) {
    lease->cut();  // its place is given away with the lease
  }
}

/// Once a second: a connection that is past its deadline is cut, so that a server that stands still
/// holds nobody for ever.
Task<> Pool::Impl::watch(std::shared_ptr<Impl> self) {
  while (!self->closed) {
    co_await sleep_ms(1'000);
    const auto t = steady_ms();
    for (auto* connection : self->leased)
      if (connection->deadline_ms() != 0 && connection->deadline_ms() < t) connection->cut();
    if (self.use_count() == 1) co_return;
  }
}

Pool::Pool(asio::any_io_executor executor, PoolOptions options)
    : impl_(std::make_shared<Impl>(std::move(executor), std::move(options))) {}
Pool::~Pool() {
  if (impl_) close();
}

void Pool::close() {
  impl_->closed = true;
  impl_->idle.clear();
  for (auto* waiter : impl_->waiting) waiter->timer.cancel();
}

PoolStats Pool::stats() const {
  PoolStats s = impl_->stats;
  s.size = impl_->size();
  s.idle = static_cast<int>(impl_->idle.size());
  s.waiting = static_cast<int>(impl_->waiting.size());
  return s;
}

Task<> Pool::warm() {
  std::vector<Lease> leases;
  for (int i = 0; i < impl_->options.min_size; ++i) leases.push_back(co_await impl_->acquire());
}

namespace {

/// Runs statements on a lease, and turns socket errors into Error.
Task<std::vector<Result>> run_on(Lease& lease, const std::vector<Statement>& statements) {
  std::optional<std::string> lost;
  std::vector<Result> out;
  try {
    out = co_await lease->run(statements);
  } catch (const boost::system::system_error& e) {
    lost = e.what();
  }
  if (lost) {
    lease->cut();
    throw Error("connection lost: " + *lost, "08006");
  }
  co_return out;
}

/// Takes a failed pipeline's transaction back, so that the connection can be used again.
Task<> clean_up(Lease& lease) {
  std::vector<Statement> rollback;
  rollback.emplace_back("ROLLBACK", Params{});
  try {
    co_await lease->run(rollback);
    lease->in_transaction = false;
  } catch (const std::exception&) {
    lease->cut();
  }
}

/// What a connection holds prepared no longer fits: a migration changed a table (0A000: "cached
/// plan must not change result type"), or a pooler gave us another's session (26000).
bool stale_statement(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& e) {
    return e.sqlstate == "26000" ||
           (e.sqlstate == "0A000" && std::string_view(e.what()).starts_with("cached plan"));
  } catch (...) {
    return false;
  }
}

}  // namespace

Task<std::vector<Result>> Pool::batch(const Scope& scope, std::vector<Statement> statements) {
  auto self = impl_;
  auto all = opening(scope, self->options);
  const auto skip = all.size();
  const auto count = statements.size();
  for (auto& s : statements) all.push_back(std::move(s));
  all.emplace_back("COMMIT", Params{});
  std::vector<Result> results;
  for (int attempt = 0;; ++attempt) {
    Lease lease = co_await self->acquire();
    ++self->stats.queries;
    lease->in_transaction = true;
    std::exception_ptr error;
    try {
      results = co_await run_on(lease, all);
      lease->in_transaction = false;
    } catch (...) {
      error = std::current_exception();
    }
    if (!error) break;
    ++self->stats.errors;
    if (stale_statement(error)) {
      lease->cut();
      if (attempt == 0) continue;  // nothing was committed
    }
    if (!lease->broken()) co_await clean_up(lease);
    std::rethrow_exception(error);
  }
  std::vector<Result> out;
  out.reserve(count);
  for (std::size_t i = 0; i < count; ++i) out.push_back(std::move(results[skip + i]));
  co_return out;
}

Task<Result> Pool::query(const Scope& scope, std::string sql, Params params) {
  std::vector<Statement> statements;
  statements.emplace_back(std::move(sql), std::move(params));
  auto results = co_await batch(scope, std::move(statements));
  co_return std::move(results.front());
}

struct Transaction::Impl {
  Lease lease;
  std::shared_ptr<Pool::Impl> pool;
};

Transaction::Transaction(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Transaction::Transaction(Transaction&&) noexcept = default;
Transaction::~Transaction() = default;

Task<Transaction> Pool::begin(const Scope& scope) {
  auto self = impl_;
  const auto statements = opening(scope, self->options);
  Lease lease = co_await self->acquire();
  lease->in_transaction = true;
  co_await run_on(lease, statements);
  auto impl = std::make_unique<Transaction::Impl>(Transaction::Impl{std::move(lease), self});
  co_return Transaction(std::move(impl));
}

Task<std::vector<Result>> Transaction::batch(std::vector<Statement> statements) {
  ++impl_->pool->stats.queries;
  std::exception_ptr error;
  std::vector<Result> results;
  try {
    results = co_await run_on(impl_->lease, statements);
  } catch (...) {
    error = std::current_exception();
  }
  if (error) {
    ++impl_->pool->stats.errors;
    if (stale_statement(error)) impl_->lease->cut();
    std::rethrow_exception(error);
  }
  co_return results;
}

Task<Result> Transaction::query(std::string sql, Params params) {
  std::vector<Statement> statements;
  statements.emplace_back(std::move(sql), std::move(params));
  auto results = co_await batch(std::move(statements));
  co_return std::move(results.front());
}

Task<std::int64_t> Transaction::copy_in(std::string statement, std::string data) {
  std::optional<std::string> lost;
  std::int64_t rows = 0;
  try {
    rows = co_await impl_->lease->copy_in(statement, data);
  } catch (const boost::system::system_error& e) {
    lost = e.what();
  }
  if (lost) {
    impl_->lease->cut();
    throw Error("connection lost: " + *lost, "08006");
  }
  co_return rows;
}

Task<> Transaction::commit() {
  if (impl_->lease->transaction_failed()) {
    co_await rollback();
    throw Error("the transaction had failed and was rolled back", "25P02");
  }
  co_await query("COMMIT");
  impl_->lease->in_transaction = false;
}

Task<> Transaction::rollback() {
  co_await query("ROLLBACK");
  impl_->lease->in_transaction = false;
}

Task<> Pool::stream(const Scope& scope, std::string sql, Params params,
                    std::function<Task<bool>(const Result&)> each) {
  auto tx = co_await begin(scope);
  co_await tx.query("DECLARE pulse_rows NO SCROLL CURSOR FOR " + sql, std::move(params));
  bool more = true;
  while (more) {
    const Result rows = co_await tx.query("FETCH 1000 FROM pulse_rows");
    if (rows.empty()) break;
    more = co_await each(rows);
  }
  co_await tx.commit();
}

}  // namespace pulse::pg
