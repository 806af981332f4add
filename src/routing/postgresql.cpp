// Messages as rows of the tenant's own database: {dsn, table, columns: {column: source},
// sslrootcert}. Without a configuration it means the built-in store, which has them already.
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>

#include "platform/json/fit.hpp"
#include "platform/json/write.hpp"
#include "routing/destination.hpp"
#include "routing/fit_text.hpp"
#include "routing/postgresql_dsn.hpp"

namespace pulse::routing {

namespace {

constexpr std::size_t rows_at_once = 500, most_columns = 50;
constexpr long timeout_ms = 10'000;
/// Debian's ca-certificates.
constexpr std::string_view system_authorities = "/etc/ssl/certs/ca-certificates.crt";

boost::json::parse_options parse_options() {
  boost::json::parse_options out;
  out.max_depth = 64;
  return out;
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
    if (name != "dsn" && name != "table" && name != "columns" && name != "sslrootcert")
      return "Unknown config key for postgresql: " + std::string(name);
  std::string missing;
  for (const char* name : {"dsn", "table"})
    if (text_of(config, name).empty())
      missing += (missing.empty() ? "'" : ", '") + std::string(name) + "'";
  if (!missing.empty()) return "Missing required config keys for postgresql: [" + missing + "]";
  std::string wrong;
  const auto dsn = read_dsn(text_of(config, "dsn"), wrong);
  if (!dsn) return wrong;
  if (const auto* pem = config.if_contains("sslrootcert")) {
    if (!pem->is_string() || !is_certificate_bundle(text_of(config, "sslrootcert")))
      return "sslrootcert must be certificates of authorities, as PEM text of at most 64 KiB";
    if (!dsn->verifies())
      return "sslrootcert is used by sslmode verify-ca and verify-full alone: give one in the dsn";
  }
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
    if (const auto pem = text_of(target_.config, "sslrootcert"); !pem.empty())
      authorities_ = std::make_unique<MemoryFile>("pulse-sslrootcert", pem);
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
    const auto address = co_await address_of(dsn_->host, dsn_->port);
    if (address.empty()) co_return "The database's name has no address";
    if (!may_be_private(tools_, dsn_->host, dsn_->port) && !http::is_public_address(address))
      co_return "The database's address is not a public one";
    pg::PoolOptions options;
    options.conninfo = conninfo(
        *dsn_, address, authorities_ ? authorities_->path() : std::string(system_authorities));
    options.min_size = 0;
    options.max_size = 1;
    options.prepare = false;
    options.acquire_timeout_ms = timeout_ms;
    options.statement_timeout_ms = timeout_ms;
    options.application_name = "pulse-routes";
    pool_ = std::make_unique<pg::Pool>(tools_.executor, std::move(options));
    co_return std::string();
  }

  /// The first address of a name; empty when it has none.
  Task<std::string> address_of(std::string host, int port) {
    if (!tools_.resolvers) co_return co_await looked_up(std::move(host), port);
    // A name server that does not answer holds up nobody else's names.
    const auto resolvers = tools_.resolvers;
    co_return co_await boost::asio::co_spawn(resolvers->get_executor(),
                                             resolved_here(std::move(host), port),
                                             boost::asio::use_awaitable);
  }

  static Task<std::string> looked_up(std::string host, int port) {
    const auto executor = co_await boost::asio::this_coro::executor;
    boost::asio::ip::tcp::resolver resolver(executor);
    boost::system::error_code ec;
    const std::string service = std::to_string(port);
    const auto found = co_await resolver.async_resolve(
        host, service, boost::asio::redirect_error(boost::asio::use_awaitable, ec));
    co_return first_of(found, ec);
  }

  /// Blocks its thread.
  static Task<std::string> resolved_here(std::string host, int port) {
    const auto executor = co_await boost::asio::this_coro::executor;
    boost::asio::ip::tcp::resolver resolver(executor);
    boost::system::error_code ec;
    const auto found = resolver.resolve(host, std::to_string(port), ec);
    co_return first_of(found, ec);
  }

  static std::string first_of(const boost::asio::ip::tcp::resolver::results_type& found,
                              const boost::system::error_code& ec) {
    if (ec || found.empty()) return {};
    return found.begin()->endpoint().address().to_string();
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
      const auto payload = boost::json::parse(messages[i].payload, {}, parse_options());
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
                    : "The database refused it: " + fit_text(e.what(), 300);
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
  std::unique_ptr<MemoryFile> authorities_;  ///< of sslrootcert
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
