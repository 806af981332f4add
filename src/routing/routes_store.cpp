#include "routing/queue.hpp"
#include "routing/routes.hpp"

namespace pulse::routing {

namespace {

const std::string select_routes =
    "SELECT r.*, (SELECT count(*) FROM message_route_queue q WHERE q.route_id = r.id) AS "
    "queued_count, (SELECT count(*) FROM dead_letter_messages d WHERE d.route_id = r.id AND "
    "d.status = 'FAILED') AS failed_count FROM message_routes r ";

/// LIKE's wildcards in a text that people type stand for themselves.
std::string containing(const std::string& text) {
  std::string out = "%";
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') out += '\\';
    out += c;
  }
  return out + "%";
}

}  // namespace

Task<RoutePage> routes_of(tenancy::TenantDb db, RouteQuery query) {
  pg::Clauses where(" AND ");
  if (query.search)
    where.add("(r.name ILIKE ? OR r.topic_filter ILIKE ?)", containing(*query.search),
              containing(*query.search));
  if (query.destination_type) where.add("r.destination_type = ?", *query.destination_type);
  if (query.is_enabled) where.add("r.is_enabled = ?", *query.is_enabled);
  const auto count = "SELECT count(*) FROM message_routes r" + where.where();
  std::vector<std::pair<std::string, pg::Params>> statements;
  statements.emplace_back(count, where.params());
  auto page = where;
  const auto limit = page.parameter(query.limit), offset = page.parameter(query.offset);
  statements.emplace_back(
      select_routes + where.where() + " ORDER BY r.name, r.id LIMIT " + limit + " OFFSET " + offset,
      page.params());
  const auto results = co_await db.batch(std::move(statements));
  RoutePage out;
  out.total = results[0].int64(0, 0);
  out.routes = pg::rows_as<MessageRoute>(results[1]);
  co_return out;
}

Task<std::optional<MessageRoute>> find_route(tenancy::TenantDb db, std::int64_t id) {
  const auto rows = co_await db.query(select_routes + "WHERE r.id = $1", pg::Params::of(id));
  co_return pg::first_as<MessageRoute>(rows);
}

Task<std::optional<StoredRoute>> stored_route(tenancy::TenantDb db, std::int64_t id) {
  const auto rows =
      co_await db.query("SELECT * FROM message_routes WHERE id = $1", pg::Params::of(id));
  co_return pg::first_as<StoredRoute>(rows);
}

Task<std::vector<StoredRoute>> stored_routes(tenancy::TenantDb db) {
  const auto rows = co_await db.query("SELECT * FROM message_routes ORDER BY name, id");
  co_return pg::rows_as<StoredRoute>(rows);
}

Task<std::optional<StoredRoute>> running_route(pg::Pool& pool, std::int64_t id) {
  const auto scope = worker_scope();
  const auto rows = co_await pool.query(
      scope, "SELECT * FROM message_routes WHERE id = $1 AND is_enabled", pg::Params::of(id));
  co_return pg::first_as<StoredRoute>(rows);
}

Task<std::optional<std::int64_t>> insert_route(tenancy::TenantDb db, std::string tenant_id,
                                               MessageRouteCreate made,
                                               std::optional<std::string> sealed) {
  const auto filter =
      made.payload_filter
          ? std::optional<std::string>(json::to_text(boost::json::value(*made.payload_filter)))
          : std::nullopt;
  const auto config = json::to_text(boost::json::value(made.destination_config));
  const auto rows = co_await db.query(
      "INSERT INTO message_routes (tenant_id, name, topic_filter, destination_type, "
      "destination_config, sealed_secrets, payload_filter, is_enabled) "
      "SELECT $1, $2, $3, $4, $5::jsonb, $6, $7::jsonb, $8::boolean "
      "WHERE (SELECT count(*) FROM message_routes) < $9::bigint RETURNING id",
      pg::Params::of(tenant_id, made.name, made.topic_filter, made.destination_type, config, sealed,
                     filter, made.is_enabled, most_routes));
  if (rows.empty()) co_return std::nullopt;
  co_return rows.int64(0, 0);
}

Task<std::optional<boost::json::object>> update_route(tenancy::TenantDb db, std::int64_t id,
                                                      MessageRouteUpdate changes,
                                                      std::optional<SealedConfig> config) {
  changes.destination_config.reset();
  auto change = pg::change_of(changes);
  if (config) {
    change.set("destination_config", json::to_text(boost::json::value(config->shown)));
    change.set("sealed_secrets", config->sealed);
  }
  change.also("version = version + 1").also("updated_at = now()");
  auto statement = change.in("message_routes", "id = ?", id);
  const auto rows = co_await db.query(statement.first, statement.second);
  if (rows.empty()) co_return std::nullopt;
  auto told = pg::RowChange::told(rows);
  // Of secrets it is told that they were written, not what they are.
  for (const char* side : {"before", "after"})
    if (auto* members = told.if_contains(side); members && members->is_object())
      if (members->get_object().erase("sealed_secrets") > 0) told["secrets_written"] = true;
  co_return told;
}

Task<bool> remove_route(tenancy::TenantDb db, std::int64_t id) {
  const auto rows = co_await db.query("DELETE FROM message_routes WHERE id = $1 RETURNING id",
                                      pg::Params::of(id));
  co_return !rows.empty();
}

RouteTarget target_of(const crypto::Sealer& sealer, const StoredRoute& route) {
  RouteTarget out;
  out.route_id = route.id;
  out.version = route.version;
  out.tenant_id = route.tenant_id;
  out.type = route.destination_type;
  out.topic_filter = route.topic_filter;
  out.config = open_config(sealer, route.tenant_id, route.destination_config, route.sealed_secrets);
  return out;
}

}  // namespace pulse::routing
