// The queue of routed messages, and dead letters of those that leave it undelivered.
#include "platform/json/fit.hpp"
#include "platform/log.hpp"
#include "routing/fit_text.hpp"
#include "routing/queue.hpp"

namespace pulse::routing {

namespace {

/// Columns of messages, as arrays.
struct Arrays {
  std::vector<std::string> tenant, message, topic, device, payload;
  std::vector<std::int64_t> route, hops, fanout, received;
  void add(const RoutedMessage& m) {
    tenant.push_back(m.tenant_id);
    route.push_back(m.route_id);
    message.push_back(m.message_id);
    topic.push_back(m.topic);
    device.push_back(m.device_id);
    payload.push_back(m.payload);
    hops.push_back(m.hops);
    fanout.push_back(m.fanout_left);
    received.push_back(m.received_ms);
  }
};

Task<> insert(pg::Pool& pool, const std::vector<RoutedMessage>& messages) {
  Arrays a;
  for (const auto& m : messages) a.add(m);
  const auto scope = worker_scope();
  co_await pool.query(scope, R"sql(
    INSERT INTO message_route_queue (tenant_id, route_id, message_id, topic, device_id, payload,
      hops, fanout_left, received_at)
    SELECT r.tenant_id, r.id, m.message, m.topic, m.device, m.payload, m.hops, m.fanout,
           to_timestamp(m.received / 1000.0)
    FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[],
                $7::bigint[], $8::bigint[], $9::bigint[]) WITH ORDINALITY
      AS m(tenant, route, message, topic, device, payload, hops, fanout, received, place)
    JOIN message_routes r ON r.id = m.route AND r.tenant_id = m.tenant
    -- The stream may bring again what was given up meanwhile.
    WHERE NOT EXISTS (SELECT FROM dead_letter_messages d
                      WHERE d.route_id = r.id AND d.message_id = m.message)
    ORDER BY m.place
    ON CONFLICT (route_id, message_id) DO NOTHING
  )sql",
                      pg::Params::of(a.tenant, a.route, a.message, a.topic, a.device, a.payload,
                                     a.hops, a.fanout, a.received));
}

/// Dead letters of `gone`: rows of the queue with error and attempts. `payload` is the expression
/// for jsonb.
std::string letters_of_gone(std::string_view payload) {
  return R"sql(
  INSERT INTO dead_letter_messages (tenant_id, route_id, message_id, original_topic,
    original_subject, payload, payload_text, destination_type, destination_config, error_message,
    attempts, hops, fanout_left, received_at, source_device_id)
  SELECT g.tenant_id, r.id, g.message_id, g.topic, 'routes.' || g.tenant_id, )sql" +
         std::string(payload) + R"sql(, g.payload,
         r.destination_type, r.destination_config, g.error, g.attempts, g.hops, g.fanout_left,
         g.received_at, g.device_id
  FROM gone g JOIN message_routes r ON r.id = g.route_id ORDER BY g.id
)sql";
}

// Escapes of U+0000, which jsonb refuses, are replaced where no backslash stands before them.
const std::string gone_as_json = letters_of_gone(
    R"(regexp_replace(g.payload, '(?<!\\)((?:\\\\)*)\\u0000', '\1\\ufffd', 'g')::jsonb)");
const std::string gone_as_text = letters_of_gone("to_jsonb(g.payload)");

Task<> bury_gone(pg::Pool& pool, const std::vector<Undelivered>& messages, bool as_text) {
  std::vector<std::int64_t> ids, attempts;
  std::vector<std::string> errors;
  for (const auto& m : messages) {
    ids.push_back(m.id);
    errors.push_back(fit_text(m.error, most_error_bytes));
    attempts.push_back(m.attempts);
  }
  const auto scope = worker_scope();
  const auto& letters = as_text ? gone_as_text : gone_as_json;
  co_await pool.query(scope,
                      "WITH gone AS (DELETE FROM message_route_queue q "
                      "USING unnest($1::bigint[], $2::text[], $3::integer[]) "
                      "AS m(id, error, attempts) WHERE q.id = m.id "
                      "RETURNING q.*, m.error, m.attempts)" +
                          letters,
                      pg::Params::of(ids, errors, attempts));
}

}  // namespace

pg::Scope worker_scope() {
  pg::Scope scope;
  scope.role = "pulse_ingest";
  return scope;
}

Task<> enqueue(pg::Pool& pool, std::vector<RoutedMessage> messages) {
  std::string problem;
  try {
    co_await insert(pool, messages);
  } catch (const pg::Error& e) {
    if (!e.data_fault()) throw;
    problem = e.what();
  }
  if (problem.empty()) co_return;
  if (messages.size() == 1) {
    log::error("a routed message can't be queued",
               {{"route", messages[0].route_id}, {"error", problem}});
    co_await bury_at_once(pool, std::move(messages), "It can't be queued: " + problem);
    co_return;
  }
  // Halved until the one is alone: it must not hold up the others.
  const auto middle = messages.begin() + static_cast<std::ptrdiff_t>(messages.size() / 2);
  std::vector<RoutedMessage> second(std::make_move_iterator(middle),
                                    std::make_move_iterator(messages.end()));
  messages.erase(middle, messages.end());
  co_await enqueue(pool, std::move(messages));
  co_await enqueue(pool, std::move(second));
}

Task<> bury_at_once(pg::Pool& pool, std::vector<RoutedMessage> messages, std::string error) {
  Arrays a;
  std::vector<std::string> fit;
  for (auto& m : messages) {
    m.message_id = fit_text(m.message_id, most_error_bytes);
    m.topic = fit_text(m.topic, most_error_bytes);
    m.device_id = fit_text(m.device_id, most_error_bytes);
    a.add(m);
    fit.push_back(json::fit_for_jsonb(m.payload));
  }
  error = fit_text(error, most_error_bytes);
  const auto scope = worker_scope();
  co_await pool.query(scope, R"sql(
    INSERT INTO dead_letter_messages (tenant_id, route_id, message_id, original_topic,
      original_subject, payload, payload_text, destination_type, destination_config, error_message,
      attempts, hops, fanout_left, received_at, source_device_id)
    SELECT m.tenant, r.id, m.message, m.topic, 'routes.' || m.tenant, m.fit::jsonb, m.payload,
           r.destination_type, r.destination_config, $11, 0, m.hops, m.fanout,
           to_timestamp(m.received / 1000.0), m.device
    FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[],
                $7::text[], $8::bigint[], $9::bigint[], $10::bigint[])
      AS m(tenant, route, message, topic, device, payload, fit, hops, fanout, received)
    JOIN message_routes r ON r.id = m.route AND r.tenant_id = m.tenant
    WHERE NOT EXISTS (SELECT FROM dead_letter_messages d
                      WHERE d.route_id = r.id AND d.message_id = m.message)
  )sql",
                      pg::Params::of(a.tenant, a.route, a.message, a.topic, a.device, a.payload,
                                     fit, a.hops, a.fanout, a.received, error));
}

namespace {
// From one route to the next by the index, however much waits for each.
const std::string waiting_routes = R"sql(
  WITH RECURSIVE waiting AS (
    (SELECT route_id FROM message_route_queue ORDER BY route_id LIMIT 1)
    UNION ALL
    SELECT (SELECT q.route_id FROM message_route_queue q WHERE q.route_id > w.route_id
            ORDER BY q.route_id LIMIT 1)
    FROM waiting w WHERE w.route_id IS NOT NULL
  )
)sql";
}  // namespace

Task<std::vector<std::int64_t>> routes_with_queue(pg::Pool& pool) {
  const auto scope = worker_scope();
  const auto rows = co_await pool.query(
      scope, waiting_routes +
                 "SELECT r.id FROM waiting w JOIN message_routes r ON r.id = w.route_id "
                 "WHERE r.is_enabled");
  std::vector<std::int64_t> out;
  for (int i = 0; i < rows.rows(); ++i) out.push_back(rows.int64(i, 0));
  co_return out;
}

Task<std::vector<Backlog>> backlogs(pg::Pool& pool) {
  const auto scope = worker_scope();
  const auto rows = co_await pool.query(
      scope,
      "SELECT r.id AS route_id, r.tenant_id, r.is_enabled, q.messages FROM message_routes r JOIN "
      "(SELECT route_id, count(*) AS messages FROM message_route_queue GROUP BY route_id) q "
      "ON q.route_id = r.id");
  co_return pg::rows_as<Backlog>(rows);
}

Task<std::vector<Queued>> queued_for(pg::Pool& pool, std::int64_t route_id, std::int64_t after,
                                     std::int64_t most, std::int64_t most_bytes) {
  const auto scope = worker_scope();
  const auto rows = co_await pool.query(
      scope,
      "SELECT id, message_id, topic, device_id, payload, hops, fanout_left, received_at, "
      "created_at "
      "FROM (SELECT p.*, sum(octet_length(payload)) OVER (ORDER BY id) - octet_length(payload) "
      "AS before FROM (SELECT * FROM message_route_queue WHERE route_id = $1 AND id > $2 "
      "ORDER BY id LIMIT $3) p) s WHERE before = 0 OR before + octet_length(payload) <= $4::bigint "
      "ORDER BY id",
      pg::Params::of(route_id, after, most, most_bytes));
  co_return pg::rows_as<Queued>(rows);
}

Task<> unqueue(pg::Pool& pool, std::vector<std::int64_t> ids) {
  const auto scope = worker_scope();
  co_await pool.query(scope, "DELETE FROM message_route_queue WHERE id = ANY ($1)",
                      pg::Params::of(ids));
}

Task<> bury(pg::Pool& pool, std::vector<Undelivered> messages) {
  std::string problem;
  try {
    co_await bury_gone(pool, messages, false);
  } catch (const pg::Error& e) {
    if (!e.data_fault()) throw;
    problem = e.what();
  }
  if (problem.empty()) co_return;
  log::error_throttled("a dead letter's payload is no jsonb, and kept as a text",
                       {{"error", problem}}, 10);
  for (const auto& m : messages) {
    std::vector<Undelivered> one{m};
    bool refused = false;
    try {
      co_await bury_gone(pool, one, false);
    } catch (const pg::Error& e) {
      if (!e.data_fault()) throw;
      refused = true;
    }
    if (refused) co_await bury_gone(pool, one, true);
  }
}

Task<std::int64_t> bury_beyond(pg::Pool& pool, std::int64_t route_id, std::int64_t after,
                               std::int64_t keep, std::string error) {
  const auto scope = worker_scope();
  const auto rows = co_await pool.query(
      scope,
      "WITH gone AS (DELETE FROM message_route_queue q WHERE id IN (SELECT id FROM "
      "message_route_queue WHERE route_id = $1 AND id > $2 ORDER BY id OFFSET $3 LIMIT 5000) "
      "RETURNING q.*, $4::text AS error, 0 AS attempts)" +
          gone_as_json,
      pg::Params::of(route_id, after, keep, error));
  co_return rows.affected();
}

Task<std::int64_t> bury_forgotten(pg::Pool& pool, std::vector<std::int64_t> delivered_routes) {
  const auto scope = worker_scope();
  // The oldest of each route by the index: ids grow with time.
  const auto rows = co_await pool.query(scope, waiting_routes + R"sql(
    , gone AS (
      DELETE FROM message_route_queue q WHERE id IN (
        SELECT oldest.id FROM waiting w CROSS JOIN LATERAL (
          SELECT id, created_at FROM message_route_queue WHERE route_id = w.route_id
          ORDER BY id LIMIT 1000) oldest
        WHERE w.route_id <> ALL ($1) AND oldest.created_at < now() - interval '1 day')
      RETURNING q.*, 'Waited for a day: the route was disabled' AS error, 0 AS attempts
    ))sql" + gone_as_json,
                                        pg::Params::of(delivered_routes));
  co_return rows.affected();
}

}  // namespace pulse::routing
