#include <algorithm>
#include <charconv>

#include "fleet/devices.hpp"
#include "fleet/groups.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/pg/clauses.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

// What a device's row consists of, once the page is chosen. Sensors, tags and subscription are
// looked up for the page's devices only.
constexpr const char* device_columns = R"sql(
  r.tenant_id, r.device_id, r.site_id, coalesce(s.status, 'OFFLINE') AS status,
  r.status AS registry_status, r.name, s.last_seen_at, s.last_heartbeat_at, s.last_telemetry_at,
  s.last_state_change_at, coalesce(s.state, '{}') AS state, r.latitude, r.longitude, r.address,
  r.location_source, r.mac_address, r.imei, r.iccid, r.serial_number, r.model, r.manufacturer,
  r.hw_revision, r.fw_version, r.notes, r.chipset, r.modem_model, r.board_revision, r.meid,
  r.bootloader_version, r.modem_fw_version, r.deployment_date, r.batch_id, r.installation_notes,
  r.device_type, r.sensor_limit, r.heartbeat_stale_seconds, r.template_id,
  t.name AS template_name, t.slug AS template_slug,
  r.parent_device_id, r.plan_id, u.subscription_id, u.status AS subscription_status,
  r.decommissioned_at, r.created_at,
  k.sensor_count, coalesce(k.units, '{}') AS units,
  ARRAY(SELECT g.tag FROM device_tags g
        WHERE g.tenant_id = r.tenant_id AND g.device_id = r.device_id
        ORDER BY g.position, g.tag) AS tags
)sql";

constexpr const char* device_joins = R"sql(
  LEFT JOIN device_state s ON s.tenant_id = r.tenant_id AND s.device_id = r.device_id
  LEFT JOIN device_templates t ON t.id = r.template_id
  LEFT JOIN LATERAL (
    SELECT * FROM device_subscriptions
    WHERE tenant_id = r.tenant_id AND device_id = r.device_id
    ORDER BY status IN ('EXPIRED', 'CANCELLED'), term_start DESC LIMIT 1) u ON true
  LEFT JOIN LATERAL (
    SELECT count(*) AS sensor_count,
           jsonb_object_agg(metric_key, unit) FILTER (WHERE unit IS NOT NULL) AS units
    FROM device_sensors WHERE tenant_id = r.tenant_id AND device_id = r.device_id) k ON true
)sql";

std::string reading_as_column(const std::string& name) {
  return ", CASE jsonb_typeof(s.state -> '" + name + "') WHEN 'number' THEN (s.state ->> '" + name +
         "')::float8 END AS " + name;
}

std::vector<std::string> split_tags(const std::string& list) {
  std::vector<std::string> raw;
  std::size_t at = 0;
  while (at <= list.size()) {
    const auto end = std::min(list.find(',', at), list.size());
    raw.push_back(list.substr(at, end - at));
    at = end + 1;
  }
  return clean_tags(raw);
}

struct Cursor {
  std::string site_id, device_id;
  std::int64_t total = 0;
};

std::string encode(const Cursor& c) {
  std::string text =
      json::to_text(std::vector<std::string>{c.site_id, c.device_id, std::to_string(c.total)});
  return crypto::base64url(text);
}

Cursor decode(const std::string& text) {
  const auto bytes = crypto::from_base64(text);
  boost::system::error_code ec;
  const auto json = bytes ? boost::json::parse(*bytes, ec) : boost::json::value();
  Cursor c;
  if (!bytes || ec || !json.is_array() || json.as_array().size() != 3)
    throw bad_request("Invalid cursor");
  for (const auto& part : json.as_array())
    if (!part.is_string()) throw bad_request("Invalid cursor");
  c.site_id = std::string(json.as_array()[0].as_string());
  c.device_id = std::string(json.as_array()[1].as_string());
  const auto& total = json.as_array()[2].as_string();
  const auto [end, fault] = std::from_chars(total.data(), total.data() + total.size(), c.total);
  if (!json::matches_identifier(c.site_id) || !json::matches_identifier(c.device_id) ||
      fault != std::errc{} || end != total.data() + total.size() || c.total < 0)
    throw bad_request("Invalid cursor");
  return c;
}

SearchTerm term_of(SearchKey key, std::string value) {
  SearchTerm out;
  out.key = key;
  out.values.push_back({std::move(value), false});
  return out;
}

/// What the list goes by: a column's expression, and DESC and NULLS after it.
struct Order {
  std::string by = "r.site_id", how;
};

Order order_of(const DeviceQuery& q) {
  if (!q.sort || q.sort->empty()) return {};
  std::string name = *q.sort;
  const bool down = name.front() == '-';
  if (down) name.erase(0, 1);
  static const std::pair<std::string_view, std::string_view> columns[] = {
      {"device_id", "r.device_id"},
      {"name", "coalesce(r.name, r.model, r.device_id)"},
      {"status", "coalesce(s.status, 'OFFLINE')"},
      {"last_seen_at", "s.last_seen_at"},
      {"created_at", "r.created_at"}};
  for (const auto& [key, column] : columns)
    if (key == name) return {std::string(column), down ? " DESC NULLS LAST" : " NULLS LAST"};
  throw bad_request("Invalid sort value: use device_id, name, status, last_seen_at or created_at");
}

}  // namespace

Task<DevicePage> devices_matching(tenancy::TenantDb db, std::string tenant_id, DeviceQuery q) {
  auto search = parse_search(q.q.value_or(q.search.value_or("")));
  const auto named = co_await dynamic_groups_named(db, search.groups());
  pg::Clauses where(" AND ");
  where.add("r.tenant_id = ?", tenant_id).add("r.status <> 'DELETED'");
  if (q.decommissioned.value_or(false))
    where.add("r.decommissioned_at IS NOT NULL");
  else if (q.decommissioned || !(q.include_decommissioned || search.mentions(SearchKey::is)))
    where.add("r.decommissioned_at IS NULL");
  // The older filters are terms of the language, too.
  if (q.status && !q.status->empty()) {
    if (*q.status != "ONLINE" && *q.status != "STALE" && *q.status != "OFFLINE")
      throw bad_request("Invalid status value");
    search.require(term_of(SearchKey::status, *q.status));
  }
  auto tags = split_tags(q.tags.value_or(""));
  if (q.tag && !q.tag->empty()) tags.push_back(*q.tag);
  tags = clean_tags(tags);
  if (tags.size() > search_max_terms) throw bad_request("At most 50 tags");
  for (const auto& tag : tags) search.require(term_of(SearchKey::tag, tag));
  const bool needs_state = q.sort.has_value() || search.needs_state();
  if (q.site_id) where.add("r.site_id = ?", *q.site_id);
  if (q.template_id) where.add("r.template_id = ?", *q.template_id);
  const auto fits = search_sql(search, where, named);
  if (!search.empty()) where.add(fits.condition);
  const std::string from =
      std::string("device_registry r") +
      (needs_state ? " LEFT JOIN device_state s ON s.tenant_id = r.tenant_id AND s.device_id = "
                     "r.device_id"
                   : "") +
      fits.joins;
  std::optional<Cursor> cursor;
  if (q.cursor && !q.cursor->empty()) {
    if (q.sort && !q.sort->empty()) throw bad_request("cursor goes with the default order only");
    cursor = decode(*q.cursor);
  }
  const auto order = order_of(q);
  pg::Clauses page = where;
  const auto limit_to = [&] {
    return " LIMIT " + page.parameter(q.limit) + " OFFSET " + page.parameter(cursor ? 0 : q.offset);
  };
  std::string sql;
  if (fits.joins.empty()) {
    if (cursor) page.add("(r.site_id, r.device_id) > (?, ?)", cursor->site_id, cursor->device_id);
    // The total is counted over the same conditions without joining what no condition asks for; a
    // cursor carries it along.
    const std::string total =
        cursor ? "NULL::bigint" : "(SELECT count(*) FROM " + from + where.where() + ")";
    sql = "WITH page AS (SELECT r.*, row_number() OVER () AS place FROM (SELECT r.* FROM " + from +
          page.where() + " ORDER BY " + order.by + order.how + ", r.device_id" + limit_to() +
          ") r) SELECT " + device_columns + ", " + total + " AS total FROM page r" + device_joins +
          " ORDER BY r.place";
  } else {
    // All that fit are found first: the planner would look for the page's few along an index
    // otherwise, and go through the sets for each.
    const std::string after = cursor ? " WHERE (site_id, device_id) > (" +
                                           page.parameter(cursor->site_id) + ", " +
                                           page.parameter(cursor->device_id) + ")"
                                     : "";
    sql =
        "WITH fit AS MATERIALIZED (SELECT r.tenant_id, r.device_id, r.site_id, " + order.by +
        " AS sort_key FROM " + from + where.where() +
        "), chosen AS (SELECT f.*, row_number() OVER () AS place FROM (SELECT tenant_id, device_id "
        "FROM fit" +
        after + " ORDER BY sort_key" + order.how + ", device_id" + limit_to() +
        ") f), page AS (SELECT r.*, c.place FROM chosen c JOIN device_registry r ON r.tenant_id = "
        "c.tenant_id AND r.device_id = c.device_id) SELECT " +
        device_columns + ", (SELECT count(*) FROM fit) AS total FROM page r" + device_joins +
        " ORDER BY r.place";
  }
  const auto rows = co_await db.query(sql, page.params());
  DevicePage out;
  out.tenant_id = std::move(tenant_id);
  out.devices = pg::rows_as<Device>(rows);
  out.count = static_cast<std::int64_t>(out.devices.size());
  out.limit = q.limit;
  out.offset = q.offset;
  if (cursor) {
    out.total = cursor->total;
  } else if (!rows.empty()) {
    out.total = rows.int64(0, rows.column("total"));
  } else if (q.offset > 0) {
    const auto counted =
        co_await db.query("SELECT count(*) FROM " + from + where.where(), where.params());
    out.total = counted.int64(0, 0);
  }
  if (out.count == q.limit && (!q.sort || q.sort->empty())) {
    const auto& last = out.devices.back();
    out.next_cursor = encode({last.site_id, last.device_id, out.total});
  }
  co_return out;
}

Task<std::optional<DeviceDetail>> find_device(tenancy::TenantDb db, std::string device_id) {
  static const std::string device_sql =
      std::string("SELECT ") + device_columns + reading_as_column("battery_pct") +
      reading_as_column("temp_c") + reading_as_column("rssi_dbm") + reading_as_column("snr_db") +
      R"sql(, p.name AS plan_name, u.subscription_id AS device_subscription_id,
        u.status AS device_subscription_status, u.term_start AS device_subscription_term_start,
        u.term_end AS device_subscription_term_end, u.grace_end AS device_subscription_grace_end,
        t.category AS template_category,
        coalesce(r.sensor_limit, (p.limits ->> 'sensors')::integer, 20) AS effective_limit,
        (SELECT count(*) FROM device_modules m WHERE m.tenant_id = r.tenant_id
         AND m.device_id = r.device_id AND m.status <> 'removed') AS module_count,
        (SELECT to_jsonb(c) - 'id' - 'tenant_id' - 'metadata' - 'carrier_device_id'
                - 'carrier_integration_id'
         FROM device_connections c WHERE c.tenant_id = r.tenant_id AND c.device_id = r.device_id)
          AS connection,
        (SELECT to_jsonb(h) - 'tenant_id' - 'device_id' - 'extra' FROM device_health_telemetry h
         WHERE h.tenant_id = r.tenant_id AND h.device_id = r.device_id
         ORDER BY h.time DESC LIMIT 1) AS health
      FROM device_registry r)sql" +
      device_joins +
      " LEFT JOIN device_plans p ON p.plan_id = r.plan_id "
      "WHERE r.device_id = $1 AND r.status <> 'DELETED'";
  static const std::string sensors_sql = R"sql(
    SELECT k.id AS sensor_id, k.metric_key AS metric_name, k.sensor_type, k.display_name AS label,
      k.unit, k.min_range, k.max_range, k.precision_digits,
      CASE k.status WHEN 'inactive' THEN 'disabled' ELSE k.status END AS status,
      k.source = 'unmodeled' AS auto_discovered,
      CASE jsonb_typeof(s.state -> k.metric_key)
        WHEN 'number' THEN (s.state ->> k.metric_key)::float8
        WHEN 'boolean' THEN ((s.state ->> k.metric_key)::boolean)::integer::float8 END AS last_value,
      to_timestamp((s.state_times ->> k.metric_key)::bigint / 1000.0) AS last_seen_at, k.created_at
    FROM device_sensors k LEFT JOIN device_state s USING (tenant_id, device_id)
    WHERE k.device_id = $1 ORDER BY k.source = 'unmodeled', k.id)sql";
  std::vector<std::pair<std::string, pg::Params>> statements;
  statements.emplace_back(device_sql, pg::Params::of(device_id));
  statements.emplace_back(sensors_sql, pg::Params::of(device_id));
  // Of another template than the device has now, it says nothing any more.
  statements.emplace_back(
      "SELECT f.* FROM device_template_faults f JOIN device_registry r USING (tenant_id, "
      "device_id, template_id) WHERE f.device_id = $1",
      pg::Params::of(device_id));
  const auto results = co_await db.batch(std::move(statements));
  const auto& r = results[0];
  if (r.empty()) co_return std::nullopt;
  DeviceDetail out;
  static_cast<DeviceAlone&>(out) = pg::row_as<DeviceAlone>(r, 0);
  out.sensor_limit = r.int64(0, r.column("effective_limit"));
  out.plan_name = r.opt_text(0, r.column("plan_name"));
  out.device_subscription_id = r.opt_text(0, r.column("device_subscription_id"));
  out.device_subscription_status = r.opt_text(0, r.column("device_subscription_status"));
  pg::read_value(r, 0, r.column("device_subscription_term_start"),
                 out.device_subscription_term_start);
  pg::read_value(r, 0, r.column("device_subscription_term_end"), out.device_subscription_term_end);
  pg::read_value(r, 0, r.column("device_subscription_grace_end"),
                 out.device_subscription_grace_end);
  if (out.template_id)
    out.template_ = DeviceTemplateRef{*out.template_id, out.template_name.value_or(""),
                                      out.template_slug.value_or(""),
                                      r.opt_text(0, r.column("template_category")).value_or("")};
  out.sensors = pg::rows_as<DeviceSensorView>(results[1]);
  out.module_count = r.int64(0, r.column("module_count"));
  out.template_fault = pg::first_as<DeviceTemplateFault>(results[2]);
  if (const int c = r.column("connection"); !r.null(0, c)) out.connection.text = r.text(0, c);
  if (const int h = r.column("health"); !r.null(0, h)) out.health.text = r.text(0, h);
  co_return out;
}

Task<bool> device_exists(tenancy::TenantDb db, std::string device_id) {
  const auto rows = co_await db.query(
      "SELECT 1 FROM device_registry WHERE device_id = $1 AND status <> 'DELETED'",
      pg::Params::of(device_id));
  co_return !rows.empty();
}

Task<> require_device(tenancy::TenantDb db, std::string device_id) {
  const bool known = co_await device_exists(db, std::move(device_id));
  if (!known) throw not_found("Device not found");
}

}  // namespace pulse::fleet
