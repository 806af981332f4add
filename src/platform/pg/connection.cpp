#include "platform/pg/connection.hpp"

#include <libpq-fe.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "platform/clock.hpp"

namespace pulse::pg {

namespace asio = boost::asio;
using wait = asio::posix::stream_descriptor::wait_type;

namespace {

/// Beyond it, statements go unnamed: dynamic SQL must not fill the server's memory.
constexpr std::size_t max_prepared = 300;
constexpr std::size_t copy_chunk_bytes = 256 * 1024;
/// What the server may take beyond statement_timeout to say so.
constexpr long answer_slack_ms = 5'000;

Error error_of(const pg_result* r) {
  const auto field = [&](int code) {
    const char* text = PQresultErrorField(r, code);
    return std::string(text ? text : "");
  };
  std::string state = field(PG_DIAG_SQLSTATE);
  if (state.empty()) state = "08006";
  std::string message = field(PG_DIAG_MESSAGE_PRIMARY);
  if (message.empty()) message = PQresultErrorMessage(r);
  return Error(std::move(message), std::move(state), field(PG_DIAG_CONSTRAINT_NAME),
               field(PG_DIAG_MESSAGE_DETAIL));
}

/// Text parameters end at their first zero byte (libpq): what the server refuses as text anyway
/// must not be cut short in silence.
void refuse_zero_bytes(const std::vector<Statement>& statements) {
  for (const auto& [sql, params] : statements)
    for (const auto& value : params.values())
      if (value && value->find('\0') != std::string::npos)
        throw Error("a text value contains a zero byte", "22021");
}

/// Cuts a connection when its time is up, unless it is gone before.
class Guard {
 public:
  Guard(const asio::any_io_executor& executor, Connection& connection, long limit_ms)
      : timer_(executor, std::chrono::milliseconds(limit_ms)) {
    timer_.async_wait([armed = armed_, &connection](const boost::system::error_code& ec) {
      if (!ec && *armed) connection.cut();
    });
  }
  ~Guard() { *armed_ = false; }

 private:
  std::shared_ptr<bool> armed_ = std::make_shared<bool>(true);
  asio::steady_timer timer_;
};

}  // namespace

std::vector<Statement> opening(const Scope& scope, const PoolOptions& options) {
  std::vector<Statement> out;
  out.emplace_back("BEGIN", Params{});
  if (scope.role.empty() && scope.settings.empty() && options.prepare) return out;
  // set_config('role', ..., true) is SET LOCAL ROLE as a function, so that one statement does it
  // all.
  std::string sql = "SELECT ";
  Params params;
  const auto add = [&](const std::string& name, const std::string& value) {
    if (params.size() > 0) sql += ", ";
    sql += "set_config($" + std::to_string(params.size() + 1) + ", $" +
           std::to_string(params.size() + 2) + ", true)";
    params.add(name).add(value);
  };
  // Behind a pooler that shares sessions, what a session was started with may be another's.
  if (!options.prepare) {
    add("statement_timeout", std::to_string(options.statement_timeout_ms));
    add("TimeZone", "UTC");
  }
  for (const auto& [name, value] : scope.settings) add(name, value);
  if (!scope.role.empty()) add("role", scope.role);
  out.emplace_back(std::move(sql), std::move(params));
  return out;
}

Connection::Connection(asio::any_io_executor executor, const PoolOptions& options)
    : executor_(std::move(executor)), options_(options) {}

Connection::~Connection() {
  if (socket_) socket_->release();
  if (conn_) PQfinish(conn_);
}

void Connection::fail(const std::string& what) {
  broken_ = true;
  throw Error(what + ": " + (conn_ ? PQerrorMessage(conn_) : "no connection"), "08006");
}

void Connection::cut() {
  broken_ = true;
  if (conn_ && PQsocket(conn_) >= 0) ::shutdown(PQsocket(conn_), SHUT_RDWR);
  boost::system::error_code ignored;
  if (socket_) socket_->cancel(ignored);
}

bool Connection::transaction_failed() const {
  return conn_ && PQtransactionStatus(conn_) == PQTRANS_INERROR;
}

void Connection::expect_progress() {
  deadline_ms_ = steady_ms() + options_.statement_timeout_ms + answer_slack_ms;
}

Task<> Connection::readable() {
  co_await socket_->async_wait(wait::wait_read, asio::use_awaitable);
}
Task<> Connection::writable() {
  co_await socket_->async_wait(wait::wait_write, asio::use_awaitable);
}

Task<> Connection::connect() {
  const std::string name = options_.application_name;
  // A pooler knows no start-up options: there, each transaction sets what it needs.
  const std::string session =
      options_.prepare
          ? "-c statement_timeout=" + std::to_string(options_.statement_timeout_ms) +
                " -c idle_in_transaction_session_timeout=60000 -c TimeZone=UTC -c DateStyle=ISO "
                "-c IntervalStyle=postgres"
          : std::string();
  const char* keys[] = {"dbname",           "application_name",    "options",
                        "keepalives_idle",  "keepalives_interval", "keepalives_count",
                        "tcp_user_timeout", "client_encoding",     nullptr};
  const char* values[] = {options_.conninfo.c_str(),
                          name.c_str(),
                          session.c_str(),
                          "15",
                          "5",
                          "3",
                          "20000",
                          "UTF8",
                          nullptr};
  const Guard guard(executor_, *this, options_.connect_timeout_ms);
  conn_ = PQconnectStartParams(keys, values, 1);
  if (!conn_ || PQstatus(conn_) == CONNECTION_BAD) fail("can't connect");
  busy_ = true;
  std::optional<std::string> lost;
  auto state = PGRES_POLLING_WRITING;
  while (state != PGRES_POLLING_OK && !lost) {
    // libpq may change its socket between steps (several addresses): look each time.
    if (socket_) socket_->release();
    socket_ = std::make_unique<asio::posix::stream_descriptor>(executor_, PQsocket(conn_));
    try {
      if (state == PGRES_POLLING_READING)
        co_await readable();
      else
        co_await writable();
    } catch (const boost::system::system_error& e) {
      lost = e.what();
    }
    if (broken_) throw Error("can't connect in time", "08001");
    if (lost) break;
    state = PQconnectPoll(conn_);
    if (state == PGRES_POLLING_FAILED) fail("can't connect");
  }
  if (lost) fail("can't connect (" + *lost + ")");
  if (socket_) socket_->release();
  socket_ = std::make_unique<asio::posix::stream_descriptor>(executor_, PQsocket(conn_));
  PQsetnonblocking(conn_, 1);
  PQsetNoticeProcessor(
      conn_, [](void*, const char*) {}, nullptr);
  busy_ = false;
  pipeline(true);
}

void Connection::pipeline(bool on) {
  if (on == pipelined_) return;
  if ((on ? PQenterPipelineMode(conn_) : PQexitPipelineMode(conn_)) != 1)
    fail("can't change the pipeline mode");
  pipelined_ = on;
}

bool Connection::gone_while_idle() const {
  char c = 0;
  const auto n = ::recv(PQsocket(conn_), &c, 1, MSG_PEEK | MSG_DONTWAIT);
  return n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

Task<> Connection::flush() {
  while (true) {
    const int left = PQflush(conn_);
    if (left < 0) fail("connection lost");
    if (left == 0) co_return;
    co_await writable();
    if (broken_) fail("connection cut");
    // While we write, the server may already answer: take it in, or both sides could block.
    if (PQconsumeInput(conn_) != 1) fail("connection lost");
  }
}

Task<pg_result*> Connection::next_result() {
  while (PQisBusy(conn_)) {
    co_await readable();
    if (broken_) fail("connection cut");
    if (PQconsumeInput(conn_) != 1) fail("connection lost");
  }
  co_return PQgetResult(conn_);
}

void Connection::send(const Statement& statement, std::size_t& expected) {
  const auto& [sql, params] = statement;
  std::vector<const char*> values(params.size());
  std::vector<int> lengths(params.size());
  for (std::size_t i = 0; i < params.size(); ++i) {
    const auto& v = params.values()[i];
    values[i] = v ? v->c_str() : nullptr;
    lengths[i] = v ? static_cast<int>(v->size()) : 0;
  }
  const int count = static_cast<int>(params.size());
  int sent = 0;
  auto known = prepared_.find(sql);
  if (options_.prepare && known == prepared_.end() && prepared_.size() < max_prepared) {
    known = prepared_.emplace(sql, "p" + std::to_string(prepared_.size())).first;
    preparing_.push_back(sql);
    if (PQsendPrepare(conn_, known->second.c_str(), sql.c_str(), 0, nullptr) != 1)
      fail("can't send");
    ++expected;
  }
  if (known != prepared_.end())
    sent = PQsendQueryPrepared(conn_, known->second.c_str(), count, values.data(), lengths.data(),
                               nullptr, 0);
  else
    sent = PQsendQueryParams(conn_, sql.c_str(), count, nullptr, values.data(), lengths.data(),
                             nullptr, 0);
  if (sent != 1) fail("can't send");
  ++expected;
}

Task<std::vector<Result>> Connection::run_within(long limit_ms,
                                                 const std::vector<Statement>& statements) {
  const Guard guard(executor_, *this, limit_ms);
  co_return co_await run(statements);
}

Task<std::vector<Result>> Connection::run(const std::vector<Statement>& statements) {
  if (broken_ || !conn_) fail("connection is closed");
  refuse_zero_bytes(statements);
  pipeline(true);
  busy_ = true;
  expect_progress();
  preparing_.clear();
  std::vector<bool> is_prepare;
  std::size_t expected = 0;
  for (const auto& s : statements) {
    const auto before = expected;
    send(s, expected);
    if (expected - before == 2) is_prepare.push_back(true);
    is_prepare.push_back(false);
  }
  if (PQpipelineSync(conn_) != 1) fail("can't send");
  co_await flush();
  auto results = co_await results_of(is_prepare);
  busy_ = false;
  deadline_ms_ = 0;
  co_return results;
}

/// Reads up to the pipeline's end. The first error ends what follows it; it is thrown when the
/// server is done, so that the connection can be used again.
Task<std::vector<Result>> Connection::results_of(const std::vector<bool>& is_prepare) {
  std::vector<Result> results;
  std::optional<Error> first;
  std::size_t prepared = 0, done = 0;
  while (true) {
    pg_result* r = nullptr;
    try {
      r = co_await next_result();
    } catch (const Error&) {
      // The server's own last words (why it ends the connection) say more than a closed socket.
      if (first) throw Error(std::move(*first));
      throw;
    }
    if (!r) {
      if (PQstatus(conn_) == CONNECTION_BAD) fail("connection lost");
      continue;  // the end of one statement's results
    }
    expect_progress();
    Result result(r);
    const auto status = PQresultStatus(r);
    if (status == PGRES_PIPELINE_SYNC) break;
    const bool was_prepare = done < is_prepare.size() && is_prepare[done];
    ++done;
    if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE) {
      if (!first) first = error_of(r);
      if (PQstatus(conn_) == CONNECTION_BAD) {
        broken_ = true;
        throw Error(std::move(*first));
      }
    } else if (was_prepare) {
      if (status != PGRES_PIPELINE_ABORTED) ++prepared;
    } else if (status != PGRES_PIPELINE_ABORTED) {
      results.push_back(std::move(result));
    }
  }
  if (first) {
    busy_ = false;
    deadline_ms_ = 0;
    // What could not be prepared must not count as prepared.
    for (std::size_t i = prepared; i < preparing_.size(); ++i) prepared_.erase(preparing_[i]);
    throw Error(std::move(*first));
  }
  co_return results;
}

Task<std::int64_t> Connection::copy_in(const std::string& statement, const std::string& data) {
  if (broken_ || !conn_) fail("connection is closed");
  pipeline(false);
  busy_ = true;
  expect_progress();
  if (PQsendQuery(conn_, statement.c_str()) != 1) fail("can't send");
  co_await flush();
  pg_result* r = co_await next_result();
  std::optional<Error> error;
  if (r && PQresultStatus(r) == PGRES_COPY_IN) {
    PQclear(r);
    for (std::size_t at = 0; at < data.size();) {
      const auto n = std::min(copy_chunk_bytes, data.size() - at);
      const int put = PQputCopyData(conn_, data.data() + at, static_cast<int>(n));
      if (put < 0) fail("COPY failed");
      if (put == 0) {
        co_await writable();
        if (broken_) fail("connection cut");
        continue;
      }
      at += n;
      co_await flush();
      expect_progress();
    }
    int end = 0;
    while ((end = PQputCopyEnd(conn_, nullptr)) == 0) co_await writable();
    if (end < 0) fail("COPY failed");
    co_await flush();
    r = co_await next_result();
  }
  std::int64_t rows = 0;
  while (r) {
    if (PQresultStatus(r) == PGRES_COPY_OUT || PQresultStatus(r) == PGRES_COPY_BOTH) {
      PQclear(r);
      fail("not a COPY ... FROM STDIN");
    }
    if (PQresultStatus(r) == PGRES_COMMAND_OK)
      rows = std::strtoll(PQcmdTuples(r), nullptr, 10);
    else if (!error)
      error = error_of(r);
    PQclear(r);
    if (PQstatus(conn_) == CONNECTION_BAD) {
      broken_ = true;
      break;
    }
    r = co_await next_result();
  }
  busy_ = false;
  deadline_ms_ = 0;
  if (error) throw Error(std::move(*error));
  if (broken_) fail("connection lost");
  co_return rows;
}

Task<std::pair<std::string, std::string>> Connection::notification() {
  while (true) {
    if (PGnotify* n = PQnotifies(conn_)) {
      std::pair<std::string, std::string> out(n->relname, n->extra);
      PQfreemem(n);
      co_return out;
    }
    co_await readable();
    if (PQconsumeInput(conn_) != 1 || broken_) fail("connection lost");
  }
}

}  // namespace pulse::pg
