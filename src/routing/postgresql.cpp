// Messages as rows of the tenant's own database: {dsn, table, columns: {column: source}}. Without a
// configuration it means the built-in store, which has them already.
#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/url.hpp>
#include <charconv>
#include <optional>

#include "platform/json/fit.hpp"
#include "platform/json/write.hpp"
#include "routing/destination.hpp"

namespace pulse::routing {

namespace {

constexpr std::size_t rows_at_once = 500, most_columns = 50;
constexpr long timeout_ms = 10'000;

/// What a dsn says. Only these parts reach libpq: others would let a tenant read this machine's
/// files (sslkey, passfile, service).
struct Dsn {
  std::string host, database, user, password, sslmode = "require";
  int port = 5432;
};

/// Nothing when it can't be read; `wrong` says why.
std::optional<Dsn> read_dsn(const std::string& text, std::string& wrong) {
  const auto parsed = boost::urls::parse_uri(text);
  if (!parsed || (parsed->scheme() != "postgresql" && parsed->scheme() != "postgres")) {
    wrong = "dsn must be postgresql://user:password@host:port/database";
    return std::nullopt;
  }
  Dsn out;
  out.host = parsed->host_address();
  out.user = parsed->user();
  out.password = parsed->password();
  if (parsed->has_port()) out.port = parsed->port_number();
  if (parsed->segments().size() == 1) out.database = parsed->segments().front();
  for (const auto& param : parsed->params()) {
    if (param.key != "sslmode") {
      wrong = "dsn may have the parameter sslmode alone";
      return std::nullopt;
    }
    out.sslmode = param.value;
  }
  if (out.host.empty() || out.user.empty() || out.password.empty() || out.database.empty() ||
      out.port == 0)
    wrong = "dsn must name host, user, password and database";
  else if (out.sslmode != "disable" && out.sslmode != "prefer" && out.sslmode != "require")
    wrong = "sslmode must be disable, prefer or require";
  const auto all = out.host + out.user + out.password + out.database;
  if (all.find('\0') != std::string::npos) wrong = "dsn must not contain the NUL character";
  if (!wrong.empty()) return std::nullopt;
  return out;
}

/// A libpq keyword value (PostgreSQL manual, 34.1.1.1).
std::string quoted(const std::string& value) {
  std::string out = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string conninfo(const Dsn& dsn, const std::string& address) {
  return "host=" + quoted(dsn.host) + " hostaddr=" + quoted(address) +
         " port=" + std::to_string(dsn.port) + " dbname=" + quoted(dsn.database) +
         " user=" + quoted(dsn.user) + " password=" + quoted(dsn.password) +
         " sslmode=" + dsn.sslmode + " passfile=/dev/null gssencmode=disable";
}

bool is_name(std::string_view text) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !text.empty() && text.size() <= 63 && letter(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

bool is_table(std::string_view text) {
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) return is_name(text);
  return is_name(text.substr(0, dot)) && is_name(text.substr(dot + 1));
}

/// Where a column's value comes from.
constexpr std::string_view plain_sources[] = {"message_id", "received_at", "tenant_id",
                                              "device_id",  "topic",       "payload"};

bool is_source(std::string_view text) {
  if (std::find(std::begin(plain_sources), std::end(plain_sources), text) !=
      std::end(plain_sources))
    return true;
  return (text.starts_with("payload.") || text.starts_with("metrics.")) && text.size() > 8;
}

using Columns = std::vector<std::pair<std::string, std::string>>;

Columns columns_of(const boost::json::object& config) {
  Columns out;
  if (const auto* named = config.if_contains("columns")) {
    for (const auto& [column, source] : named->get_object())
      out.emplace_back(std::string(column), std::string(source.get_string()));
  } else {
    for (const auto source : plain_sources) out.emplace_back(source, source);
  }
  return out;
}

std::string fault(const RouteTarget& target, const DestinationTools& tools) {
  const auto& config = target.config;
  if (config.empty()) return {};
  for (const auto& [name, value] : config)
    if (name != "dsn" && name != "table" && name != "columns")
      return "Unknown config key for postgresql: " + std::string(name);
  std::string missing;
  for (const char* name : {"dsn", "table"})
    if (text_of(config, name).empty())
      missing += (missing.empty() ? "'" : ", '") + std::string(name) + "'";
  if (!missing.empty()) return "Missing required config keys for postgresql: [" + missing + "]";
  std::string wrong;
  const auto dsn = read_dsn(text_of(config, "dsn"), wrong);
  if (!dsn) return wrong;
  if (!is_table(text_of(config, "table")))
    return "table must be a name, or schema.name, of letters, digits and '_'";
  if (const auto* columns = config.if_contains("columns")) {
    const auto* o = columns->if_object();
    if (!o || o->empty() || o->size() > most_columns)
      return "columns must be an object of 1 to " + std::to_string(most_columns) + " columns";
    for (const auto& [column, source] : *o)
      if (!is_name(column) || !source.is_string() || !is_source(source.get_string()))
        return "columns: " + std::string(column) +
               " must be a name, and come from message_id, received_at, tenant_id, device_id, "
               "topic, payload, payload.{field} or metrics.{name}";
  }
  if (may_be_private(tools, dsn->host, dsn->port)) return {};
  const bool address = dsn->host.find(':') != std::string::npos ||
                       dsn->host.find_first_not_of("0123456789.") == std::string::npos;
  if (dsn->host == "localhost" || dsn->host.front() == '/' ||
      (address && !http::is_public_address(dsn->host)))
    return "dsn must lead to a public address";
  return {};
}

/// A member of the payload as PostgreSQL's text; null when it is not there.
std::optional<std::string> member_text(const boost::json::value* v) {
  if (!v || v->is_null()) return std::nullopt;
  if (const auto* s = v->if_string()) {
    std::string out(s->data(), s->size());
    std::erase(out, '\0');
    return out;
  }
  return json::fit_for_jsonb(json::to_text(*v));
}

class Database : public Destination {
 public:
  Database(DestinationTools tools, RouteTarget target)
      : tools_(std::move(tools)), target_(std::move(target)) {
    if (target_.config.empty()) return;
    dsn_ = read_dsn(text_of(target_.config, "dsn"), wrong_);
    columns_ = columns_of(target_.config);
  }
  std::size_t batch() const override { return rows_at_once; }
  std::size_t lanes() const override { return 1; }

  Task<std::vector<Sent>> send(std::vector<OutgoingMessage> messages) override {
    std::vector<Sent> out(messages.size());
    if (target_.config.empty()) co_return out;
    std::string problem = wrong_;
    if (problem.empty() && !pool_) problem = co_await open();
    if (problem.empty()) {
      co_await insert(messages, out, 0, messages.size());
    } else {
      for (auto& sent : out) sent.error = problem;
    }
    // Connected anew by the next send, to wherever the name leads then.
    if (lost_) pool_.reset();
    lost_ = false;
    co_return out;
  }

 private:
  /// Resolves the host, and keeps to the address that was looked at.
  Task<std::string> open() {
    boost::asio::ip::tcp::resolver resolver(tools_.executor);
    boost::system::error_code ec;
    std::string host = dsn_->host, port = std::to_string(dsn_->port);
    const auto found = co_await resolver.async_resolve(
        host, port, boost::asio::redirect_error(boost::asio::use_awaitable, ec));
    if (ec || found.empty()) co_return "The database's name has no address";
    const auto address = found.begin()->endpoint().address().to_string();
    if (!may_be_private(tools_, dsn_->host, dsn_->port) && !http::is_public_address(address))
      co_return "The database's address is not a public one";
    pg::PoolOptions options;
    options.conninfo = conninfo(*dsn_, address);
    options.min_size = 0;
    options.max_size = 1;
    options.prepare = false;
    options.acquire_timeout_ms = timeout_ms;
    options.statement_timeout_ms = timeout_ms;
    options.application_name = "pulse-routes";
    pool_ = std::make_unique<pg::Pool>(tools_.executor, std::move(options));
    co_return std::string();
  }

  pg::Statement statement(const std::vector<OutgoingMessage>& messages, std::size_t from,
                          std::size_t to) const {
    auto table = text_of(target_.config, "table");
    if (const auto dot = table.find('.'); dot != std::string::npos) table.replace(dot, 1, "\".\"");
    std::string sql = "INSERT INTO \"" + table + "\" (";
    for (std::size_t i = 0; i < columns_.size(); ++i)
      sql += (i ? ", \"" : "\"") + columns_[i].first + "\"";
    sql += ") VALUES ";
    pg::Params params;
    for (std::size_t i = from; i < to; ++i) {
      const auto payload = boost::json::parse(messages[i].payload);
      sql += i == from ? "(" : ", (";
      for (std::size_t c = 0; c < columns_.size(); ++c) {
        params.add(value(messages[i], payload, columns_[c].second));
        sql += (c ? ", $" : "$") + std::to_string(params.size());
      }
      sql += ")";
    }
    // Where the table has a unique column for it, a message that comes twice is stored once.
    return {sql + " ON CONFLICT DO NOTHING", std::move(params)};
  }

  std::optional<std::string> value(const OutgoingMessage& m, const boost::json::value& payload,
                                   std::string_view source) const {
    if (source == "message_id") return m.message_id;
    if (source == "received_at") return iso8601(m.received_at);
    if (source == "tenant_id") return target_.tenant_id;
    if (source == "device_id") return m.device_id;
    if (source == "topic") return m.topic;
    if (source == "payload") return json::fit_for_jsonb(m.payload);
    const auto* o = payload.if_object();
    if (!o) return std::nullopt;
    const auto name = source.substr(8);
    if (source.starts_with("payload.")) return member_text(o->if_contains(name));
    const auto* metrics = o->if_contains("metrics");
    if (!metrics || !metrics->is_object()) return std::nullopt;
    return member_text(metrics->get_object().if_contains(name));
  }

  /// Rows [from, to) in one statement; where the data of one are refused, halved until it is alone.
  Task<> insert(const std::vector<OutgoingMessage>& messages, std::vector<Sent>& out,
                std::size_t from, std::size_t to) {
    std::string problem;
    bool by_data = false;
    try {
      auto s = statement(messages, from, to);
      const pg::Scope scope;
      co_await pool_->query(scope, std::move(s.first), std::move(s.second));
    } catch (const pg::Error& e) {
      by_data = e.data_fault();
      lost_ = e.unavailable();
      // What the connection says names hosts and addresses; what the statement says helps.
      problem = lost_ || e.sqlstate.starts_with("28")
                    ? "The database can't be reached, or refuses the connection"
                    : "The database refused it: " + std::string(e.what()).substr(0, 300);
    }
    if (problem.empty()) co_return;
    if (by_data && to - from > 1) {
      const auto middle = from + (to - from) / 2;
      co_await insert(messages, out, from, middle);
      co_await insert(messages, out, middle, to);
      co_return;
    }
    for (auto i = from; i < to; ++i) {
      out[i].error = problem;
      out[i].permanent = by_data;
    }
  }

  DestinationTools tools_;
  RouteTarget target_;
  std::optional<Dsn> dsn_;
  std::string wrong_;
  Columns columns_;
  std::unique_ptr<pg::Pool> pool_;
  bool lost_ = false;
};

std::unique_ptr<Destination> make(DestinationTools tools, RouteTarget target) {
  return std::make_unique<Database>(std::move(tools), std::move(target));
}

}  // namespace

const DestinationKind postgresql_kind{"postgresql", fault, {"dsn"}, {}, make};

}  // namespace pulse::routing
