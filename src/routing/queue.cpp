#include "routing/queue.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <numeric>

#include "platform/json/fit.hpp"
#include "platform/json/write.hpp"
#include "platform/log.hpp"
#include "platform/loop.hpp"

namespace pulse::routing {

namespace {

constexpr std::int64_t give_up_ms = 2'000;
constexpr std::size_t at_once = 2'000;  // publishes under way

/// Publishes under way; the last answer wakes who waits.
struct Round {
  explicit Round(const boost::asio::any_io_executor& executor)
      : done(executor, boost::asio::steady_timer::time_point::max()) {}
  boost::asio::steady_timer done;
  std::size_t open = 0;
  std::vector<std::size_t> failed, refused;
};

Task<std::shared_ptr<Round>> publish_once(nats::Client& nats,
                                          const std::vector<RoutedMessage>& messages,
                                          std::vector<std::size_t> places) {
  const auto executor = co_await boost::asio::this_coro::executor;
  const auto round = std::make_shared<Round>(executor);
  round->open = places.size();
  for (const auto place : places) {
    const auto& m = messages[place];
    nats.publish_acked("routes." + m.tenant_id, to_text(m), m.message_id, 1'000, executor,
                       [round, place](const nats::PublishResult& result) {
                         if (result.fault == nats::PublishFault::refused)
                           round->refused.push_back(place);
                         else if (!result.ok())
                           round->failed.push_back(place);
                         if (--round->open == 0) round->done.cancel();
                       });
  }
  boost::system::error_code woken;
  if (round->open > 0)
    co_await round->done.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, woken));
  co_return round;
}

/// Columns of messages, as arrays.
struct Arrays {
  std::vector<std::string> tenant, message, topic, device, payload;
  std::vector<std::int64_t> route, hops, received;
  void add(const RoutedMessage& m) {
    tenant.push_back(m.tenant_id);
    route.push_back(m.route_id);
    message.push_back(m.message_id);
    topic.push_back(m.topic);
    device.push_back(m.device_id);
    payload.push_back(m.payload);
    hops.push_back(m.hops);
    received.push_back(m.received_ms);
  }
};

/// Those that never came into the queue.
Task<> bury_at_once(pg::Pool& pool, const std::vector<RoutedMessage>& messages,
                    const std::vector<std::size_t>& places, std::string error) {
  Arrays a;
  for (const auto place : places) {
    a.add(messages[place]);
    a.payload.back() = json::fit_for_jsonb(std::move(a.payload.back()));
  }
  const auto scope = worker_scope();
  co_await pool.query(
      scope, R"sql(
    INSERT INTO dead_letter_messages (tenant_id, route_id, message_id, original_topic,
      original_subject, payload, destination_type, destination_config, error_message, attempts, hops)
    SELECT m.tenant, r.id, m.message, m.topic, 'routes.' || m.tenant, m.payload::jsonb,
           r.destination_type, r.destination_config, $7, 0, m.hops
    FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[])
      AS m(tenant, route, message, topic, payload, hops)
    JOIN message_routes r ON r.id = m.route AND r.tenant_id = m.tenant
    WHERE NOT EXISTS (SELECT FROM dead_letter_messages d
                      WHERE d.route_id = r.id AND d.message_id = m.message)
  )sql",
      pg::Params::of(a.tenant, a.route, a.message, a.topic, a.payload, a.hops, error));
}

template <class T>
std::optional<T> number(const boost::json::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  boost::system::error_code ec;
  if (!v || !v->is_number()) return std::nullopt;
  const auto n = v->to_number<T>(ec);
  return ec ? std::nullopt : std::optional<T>(n);
}

bool text(const boost::json::object& o, std::string_view name, std::string& out) {
  const auto* v = o.if_contains(name);
  if (!v || !v->is_string()) return false;
  out.assign(v->get_string().data(), v->get_string().size());
  return true;
}

}  // namespace

pg::Scope worker_scope() {
  pg::Scope scope;
  scope.role = "pulse_ingest";
  return scope;
}

std::vector<RoutedMessage> routed(const TenantRoutes& routes, const Arrival& arrival,
                                  const boost::json::value& payload, std::string_view text) {
  std::vector<RoutedMessage> out;
  for (const auto* route : routes.match(arrival.topic, payload)) {
    RoutedMessage m;
    m.tenant_id = arrival.tenant_id;
    m.route_id = route->id;
    m.version = route->version;
    m.message_id = std::string(arrival.id) + "-r" + std::to_string(route->id);
    m.topic = arrival.topic;
    m.device_id = arrival.device_id;
    m.payload = text;
    m.hops = arrival.hops;
    m.received_ms = arrival.received_ms;
    out.push_back(std::move(m));
  }
  return out;
}

std::string to_text(const RoutedMessage& m) {
  std::string out = "{\"id\":";
  json::write(out, m.message_id);
  out += ",\"route\":{\"id\":" + std::to_string(m.route_id) +
         ",\"version\":" + std::to_string(m.version) + "},\"topic\":";
  json::write(out, m.topic);
  out += ",\"tenant_id\":";
  json::write(out, m.tenant_id);
  out += ",\"device_id\":";
  json::write(out, m.device_id);
  out += ",\"hops\":" + std::to_string(m.hops) +
         ",\"received_ms\":" + std::to_string(m.received_ms) + ",\"payload\":";
  return out.append(m.payload).append("}");
}

std::optional<RoutedMessage> read_routed(std::string_view message) {
  boost::system::error_code ec;
  boost::json::parse_options options;
  options.max_depth = 64;
  const auto value = boost::json::parse(message, ec, {}, options);
  const auto* o = ec ? nullptr : value.if_object();
  if (!o) return std::nullopt;
  RoutedMessage m;
  const auto* route = o->if_contains("route");
  const auto* payload = o->if_contains("payload");
  if (!route || !route->is_object() || !payload || !text(*o, "id", m.message_id) ||
      !text(*o, "topic", m.topic) || !text(*o, "tenant_id", m.tenant_id) ||
      !text(*o, "device_id", m.device_id))
    return std::nullopt;
  const auto id = number<std::int32_t>(route->get_object(), "id");
  if (!id) return std::nullopt;
  m.route_id = *id;
  m.version = number<std::int64_t>(route->get_object(), "version").value_or(0);
  m.hops = number<std::int32_t>(*o, "hops").value_or(0);
  m.received_ms = number<std::int64_t>(*o, "received_ms").value_or(now_ms());
  m.payload = json::to_text(*payload);
  return m;
}

Task<HandedOn> hand_on(nats::Client& nats, pg::Pool& pool, std::vector<RoutedMessage> messages) {
  HandedOn out;
  const auto deadline = steady_ms() + give_up_ms;
  std::vector<std::size_t> left(messages.size()), full, late;
  std::iota(left.begin(), left.end(), std::size_t{0});
  while (!left.empty()) {
    std::vector<std::size_t> again;
    for (std::size_t from = 0; from < left.size(); from += at_once) {
      const auto to = std::min(left.size(), from + at_once);
      std::vector<std::size_t> some(left.begin() + static_cast<std::ptrdiff_t>(from),
                                    left.begin() + static_cast<std::ptrdiff_t>(to));
      const auto round = co_await publish_once(nats, messages, std::move(some));
      full.insert(full.end(), round->refused.begin(), round->refused.end());
      again.insert(again.end(), round->failed.begin(), round->failed.end());
    }
    left = std::move(again);
    if (left.empty()) break;
    if (steady_ms() >= deadline) {
      late = std::move(left);
      break;
    }
    co_await sleep_ms(50);
  }
  std::string problem;
  try {
    if (!full.empty())
      co_await bury_at_once(pool, messages, full, "The queue of routed messages was full");
    if (!late.empty())
      co_await bury_at_once(pool, messages, late, "The queue of routed messages was out of reach");
  } catch (const pg::Error& e) {
    problem = e.what();
  }
  // Whatever it was: the messages themselves are stored, and not at fault.
  if (!problem.empty()) throw pg::Error("routed messages not handed on: " + problem, "08006");
  out.buried = full.size() + late.size();
  out.published = messages.size() - out.buried;
  if (out.buried > 0)
    log::error_throttled("routed messages became dead letters at once", {{"messages", out.buried}},
                         10);
  co_return out;
}

Task<> enqueue(pg::Pool& pool, const std::vector<RoutedMessage>& messages) {
  Arrays a;
  for (const auto& m : messages) a.add(m);
  const auto scope = worker_scope();
  co_await pool.query(scope, R"sql(
    INSERT INTO message_route_queue (tenant_id, route_id, message_id, topic, device_id, payload,
      hops, received_at)
    SELECT r.tenant_id, r.id, m.message, m.topic, m.device, m.payload, m.hops,
           to_timestamp(m.received / 1000.0)
    FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[],
                $7::bigint[], $8::bigint[]) WITH ORDINALITY
      AS m(tenant, route, message, topic, device, payload, hops, received, place)
    JOIN message_routes r ON r.id = m.route AND r.tenant_id = m.tenant
    ORDER BY m.place
    ON CONFLICT (route_id, message_id) DO NOTHING
  )sql",
                      pg::Params::of(a.tenant, a.route, a.message, a.topic, a.device, a.payload,
                                     a.hops, a.received));
}

Task<std::vector<std::int64_t>> routes_with_queue(pg::Pool& pool) {
  const auto scope = worker_scope();
  // From one route to the next by the index, however much waits for each.
  const auto rows = co_await pool.query(scope, R"sql(
    WITH RECURSIVE waiting AS (
      (SELECT route_id FROM message_route_queue ORDER BY route_id LIMIT 1)
      UNION ALL
      SELECT (SELECT q.route_id FROM message_route_queue q WHERE q.route_id > w.route_id
              ORDER BY q.route_id LIMIT 1)
      FROM waiting w WHERE w.route_id IS NOT NULL
    )
    SELECT r.id FROM waiting w JOIN message_routes r ON r.id = w.route_id WHERE r.is_enabled
  )sql");
  std::vector<std::int64_t> out;
  for (int i = 0; i < rows.rows(); ++i) out.push_back(rows.int64(i, 0));
  co_return out;
}

Task<std::vector<Queued>> queued_for(pg::Pool& pool, std::int64_t route_id, std::int64_t after,
                                     std::int64_t most) {
  const auto scope = worker_scope();
  const auto rows = co_await pool.query(
      scope,
      "SELECT id, message_id, topic, device_id, payload, hops, received_at, created_at "
      "FROM message_route_queue WHERE route_id = $1 AND id > $2 ORDER BY id LIMIT $3",
      pg::Params::of(route_id, after, most));
  co_return pg::rows_as<Queued>(rows);
}

Task<> unqueue(pg::Pool& pool, std::vector<std::int64_t> ids) {
  const auto scope = worker_scope();
  co_await pool.query(scope, "DELETE FROM message_route_queue WHERE id = ANY ($1)",
                      pg::Params::of(ids));
}

namespace {
// Escapes of U+0000, which jsonb refuses, are replaced where no backslash stands before them.
const std::string bury_gone = R"sql(
  INSERT INTO dead_letter_messages (tenant_id, route_id, message_id, original_topic,
    original_subject, payload, destination_type, destination_config, error_message, attempts, hops)
  SELECT g.tenant_id, r.id, g.message_id, g.topic, 'routes.' || g.tenant_id,
         regexp_replace(g.payload, '(?<!\\)((?:\\\\)*)\\u0000', '\1\\ufffd', 'g')::jsonb,
         r.destination_type, r.destination_config, g.error, g.attempts, g.hops
  FROM gone g JOIN message_routes r ON r.id = g.route_id ORDER BY g.id
)sql";
}  // namespace

Task<> bury(pg::Pool& pool, const std::vector<Undelivered>& messages) {
  std::vector<std::int64_t> ids, attempts;
  std::vector<std::string> errors;
  for (const auto& m : messages) {
    ids.push_back(m.id);
    errors.push_back(m.error);
    attempts.push_back(m.attempts);
  }
  const auto scope = worker_scope();
  co_await pool.query(scope,
                      "WITH gone AS (DELETE FROM message_route_queue q "
                      "USING unnest($1::bigint[], $2::text[], $3::integer[]) "
                      "AS m(id, error, attempts) WHERE q.id = m.id "
                      "RETURNING q.*, m.error, m.attempts)" +
                          bury_gone,
                      pg::Params::of(ids, errors, attempts));
}

Task<std::int64_t> bury_forgotten(pg::Pool& pool) {
  const auto scope = worker_scope();
  const auto rows = co_await pool.query(
      scope,
      "WITH gone AS (DELETE FROM message_route_queue q WHERE id IN (SELECT id FROM "
      "message_route_queue WHERE created_at < now() - interval '1 day' ORDER BY id LIMIT 1000) "
      "RETURNING q.*, 'Waited for a day: the route was disabled' AS error, 0 AS attempts)" +
          bury_gone);
  co_return rows.affected();
}

}  // namespace pulse::routing
