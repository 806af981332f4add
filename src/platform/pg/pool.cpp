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

struct Pool::Impl : std::enable_shared_from_this<Pool::Impl> {
  struct Waiter {
    explicit Waiter(const asio::any_io_executor& e) : timer(e) {}
    asio::steady_timer timer;
    std::unique_ptr<Connection> connection;
    bool may_open = false;  // a place became free: open a connection of your own
  };

  Impl(asio::any_io_executor e, PoolOptions o) : executor(std::move(e)), options(std::move(o)) {}

  asio::any_io_executor executor;
  PoolOptions options;
  std::vector<std::unique_ptr<Connection>> idle;
  std::vector<Connection*> leased;
  std::deque<Waiter*> waiting;
  int opening_count = 0;
  bool closed = false;
  bool watching = false;
  PoolStats stats;

  int size() const {
    return static_cast<int>(idle.size() + leased.size()) + opening_count;
  }
  Task<std::unique_ptr<Connection>> open();
  Task<std::unique_ptr<Connection>> acquire();
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

Task<std::unique_ptr<Connection>> Pool::Impl::open() {
  auto connection = std::make_unique<Connection>(executor, options);
  ++opening_count;
  Connection* raw = connection.get();
  leased.push_back(raw);  // watched while it connects
  --opening_count;
  std::exception_ptr error;
  try {
    co_await raw->connect();
  } catch (const boost::system::system_error& e) {
    error = std::make_exception_ptr(Error(std::string("can't connect: ") + e.what(), "08006"));
  } catch (...) {
    error = std::current_exception();
  }
  if (error) {
    ++stats.errors;
    std::erase(leased, raw);
    place_free();
    std::rethrow_exception(error);
  }
  ++stats.reconnects;
  co_return connection;
}

Task<std::unique_ptr<Connection>> Pool::Impl::acquire() {
  if (closed) throw Error("the pool is closed", "57P03");
  if (!watching) {
    watching = true;
    asio::co_spawn(executor, watch(shared_from_this()), asio::detached);
  }
  while (!idle.empty()) {
    auto connection = std::move(idle.back());
    idle.pop_back();
    if (connection->broken() || connection->gone_while_idle()) continue;
    leased.push_back(connection.get());
    co_return connection;
  }
  if (size() < options.max_size) co_return co_await open();
  Waiter waiter(executor);
  waiter.timer.expires_after(std::chrono::milliseconds(options.acquire_timeout_ms));
  waiting.push_back(&waiter);
  boost::system::error_code ec;
  co_await waiter.timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
  std::erase(waiting, &waiter);
  if (waiter.connection) co_return std::move(waiter.connection);
  if (waiter.may_open) co_return co_await open();
  throw Error("no database connection became free in time", "53300");
}

/// Lets the first waiter open a connection in a place that became free.
void Pool::Impl::place_free() {
  if (waiting.empty()) return;
  Waiter* next = waiting.front();
  waiting.pop_front();
  next->may_open = true;
  next->timer.cancel();
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
  if (waiting.empty()) {
    idle.push_back(std::move(connection));
    return;
  }
  Waiter* next = waiting.front();
  waiting.pop_front();
  leased.push_back(connection.get());
  next->connection = std::move(connection);
  next->timer.cancel();
}

Task<> Pool::Impl::roll_back(std::shared_ptr<Impl> self, std::unique_ptr<Connection> connection) {
  try {
    std::vector<Statement> statements;
    statements.emplace_back("ROLLBACK", Params{});
    co_await connection->run(std::move(statements));
    connection->in_transaction = false;
  } catch (const std::exception&) {
    connection->cut();  // its place is given away below
  }
  self->give_back(std::move(connection));
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
  for (int i = 0; i < impl_->options.min_size; ++i)
    leases.emplace_back(impl_, co_await impl_->acquire());
}

namespace {

/// Runs statements on a lease, and turns socket errors into Error.
Task<std::vector<Result>> run_on(Lease& lease, std::vector<Statement> statements) {
  std::optional<std::string> lost;
  std::vector<Result> out;
  try {
    out = co_await lease->run(std::move(statements));
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
    co_await lease->run(std::move(rollback));
    lease->in_transaction = false;
  } catch (const std::exception&) {
    lease->cut();
  }
}

}  // namespace

Task<std::vector<Result>> Pool::batch(const Scope& scope, std::vector<Statement> statements) {
  auto self = impl_;
  Lease lease(self, co_await self->acquire());
  auto all = opening(scope);
  const auto skip = all.size();
  const auto count = statements.size();
  for (auto& s : statements) all.push_back(std::move(s));
  all.emplace_back("COMMIT", Params{});
  ++self->stats.queries;
  lease->in_transaction = true;
  std::exception_ptr error;
  std::vector<Result> results;
  try {
    results = co_await run_on(lease, std::move(all));
    lease->in_transaction = false;
  } catch (...) {
    error = std::current_exception();
  }
  if (error) {
    ++self->stats.errors;
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
  Lease lease(self, co_await self->acquire());
  lease->in_transaction = true;
  co_await run_on(lease, opening(scope));
  auto impl = std::make_unique<Transaction::Impl>(Transaction::Impl{std::move(lease), self});
  co_return Transaction(std::move(impl));
}

Task<std::vector<Result>> Transaction::batch(std::vector<Statement> statements) {
  ++impl_->pool->stats.queries;
  co_return co_await run_on(impl_->lease, std::move(statements));
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
    rows = co_await impl_->lease->copy_in(std::move(statement), std::move(data));
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
