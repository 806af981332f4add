#include <algorithm>

#include "fleet/devices.hpp"
#include "platform/ids.hpp"
#include "platform/pg/row_change.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

constexpr const char* add_required_sensors = R"sql(
  INSERT INTO device_sensors (tenant_id, device_id, metric_key, display_name, sensor_type, unit,
    min_range, max_range, precision_digits, source, template_metric_id)
  SELECT $1, $2, m.metric_key, m.display_name, m.data_type, m.unit, m.min_value, m.max_value,
         m.precision_digits, 'required', m.id
  FROM template_metrics m WHERE m.template_id = $3 AND m.is_required
  ON CONFLICT (tenant_id, device_id, metric_key) DO UPDATE
    SET source = 'required', template_metric_id = excluded.template_metric_id
)sql";

// As its template says, else by MQTT.
constexpr const char* add_transport = R"sql(
  INSERT INTO device_transports (tenant_id, device_id, ingestion_protocol, physical_connectivity)
  SELECT $1, $2,
    CASE WHEN d ->> 'ingestion_protocol' IN ('mqtt_direct', 'http_api', 'lorawan', 'gateway_proxy',
           'modbus_rtu') THEN d ->> 'ingestion_protocol' ELSE 'mqtt_direct' END,
    CASE WHEN d ->> 'physical_connectivity' IN ('cellular', 'ethernet', 'wifi', 'satellite', 'lora',
           'other') THEN d ->> 'physical_connectivity' END
  FROM (SELECT 1) one LEFT JOIN device_templates t ON t.id = $3::integer,
    LATERAL (SELECT coalesce(t.transport_defaults, '{}') AS d) defaults
)sql";

Task<> require_template(pg::Transaction& tx, std::int64_t template_id) {
  const auto rows = co_await tx.query("SELECT category FROM device_templates WHERE id = $1",
                                      pg::Params::of(template_id));
  if (rows.empty()) throw not_found("Template not found");
}

Task<> require_site(pg::Transaction& tx, std::string site_id) {
  const auto rows =
      co_await tx.query("SELECT 1 FROM sites WHERE site_id = $1", pg::Params::of(site_id));
  if (rows.empty()) throw not_found("Site not found");
}

constexpr int most_levels = 10;

/// Parents must exist, and make no cycle and no tower: what hangs below the device counts, too.
/// Whoever changes parents of the tenant at the same time waits: two changes could make a cycle.
Task<> require_parent(pg::Transaction& tx, std::string device_id, std::string parent_id) {
  if (parent_id == device_id) throw bad_request("A device can't be its own parent");
  co_await tx.query(
      "SELECT pg_advisory_xact_lock(hashtext('parents of ' || current_setting('app.tenant_id')))");
  const auto rows = co_await tx.query(R"sql(
    WITH RECURSIVE up AS (
      SELECT device_id, parent_device_id, 1 AS depth FROM device_registry
      WHERE device_id = $1 AND status <> 'DELETED'
      UNION ALL
      SELECT r.device_id, r.parent_device_id, up.depth + 1
      FROM device_registry r JOIN up ON r.device_id = up.parent_device_id WHERE up.depth < $3::integer
    ), down AS (
      SELECT $2::text AS device_id, 1 AS depth
      UNION ALL
      SELECT r.device_id, down.depth + 1
      FROM device_registry r JOIN down ON r.parent_device_id = down.device_id
      WHERE down.depth < $3::integer AND r.status <> 'DELETED'
    )
    SELECT count(*), coalesce(bool_or(device_id = $2), false),
           coalesce(max(depth), 0) + (SELECT max(depth) FROM down) FROM up
  )sql",
                                      pg::Params::of(parent_id, device_id, most_levels));
  if (rows.int64(0, 0) == 0) throw bad_request("Parent device not found");
  if (rows.boolean(0, 1)) throw bad_request("parent_device_id would make a cycle");
  if (rows.int64(0, 2) > most_levels) throw bad_request("parent_device_id: at most 10 levels");
}

}  // namespace

std::string fault_of_tags(const std::vector<std::string>& tags) {
  for (const auto& tag : tags)
    if (tag.find(',') != std::string::npos) return "a tag must not contain a comma";
  return {};
}

std::vector<std::string> clean_tags(const std::vector<std::string>& tags) {
  std::vector<std::string> out;
  for (std::string tag : tags) {
    const auto first = tag.find_first_not_of(" \t\r\n");
    if (first == std::string::npos) continue;
    tag = tag.substr(first, tag.find_last_not_of(" \t\r\n") - first + 1);
    if (json::utf8_length(tag) > 100) throw bad_request("Invalid tag: at most 100 characters");
    if (std::find(out.begin(), out.end(), tag) == out.end()) out.push_back(std::move(tag));
  }
  return out;
}

Task<CreatedDevice> insert_device(tenancy::TenantDb db, std::string tenant_id, CreateDevice device,
                                  std::string actor_id) {
  CreatedDevice out;
  out.device_id = device.device_id;
  out.plan_id = device.plan_id.value_or("basic");
  out.subscription_id = short_id("sub-", 12);
  auto tx = co_await db.begin();
  const auto plan = co_await tx.query("SELECT 1 FROM device_plans WHERE plan_id = $1 AND is_active",
                                      pg::Params::of(out.plan_id));
  if (plan.empty()) throw bad_request("Invalid plan_id");
  if (device.template_id) co_await require_template(tx, *device.template_id);
  const std::string site = device.site_id.value_or("default-site");
  if (device.site_id) {
    co_await require_site(tx, site);
  } else {
    co_await tx.query(
        "INSERT INTO sites (tenant_id, site_id, name) VALUES ($1, $2, 'Default site') "
        "ON CONFLICT DO NOTHING",
        pg::Params::of(tenant_id, site));
  }
  if (device.parent_device_id)
    co_await require_parent(tx, device.device_id, *device.parent_device_id);
  // The id of a deleted device may be given again: it begins anew, with nothing of the earlier one
  // but the history under its id.
  const auto made = co_await tx.query(
      R"sql(
    INSERT INTO device_registry AS r (tenant_id, device_id, site_id, name, plan_id, template_id,
      parent_device_id, subscription_id, device_type, model, manufacturer)
    SELECT $1, $2, $3, $4, $5, $6::integer, $7, $8, coalesce($9, t.category), t.model,
           t.manufacturer
    FROM (SELECT 1) one LEFT JOIN device_templates t ON t.id = $6::integer
    ON CONFLICT (tenant_id, device_id) DO UPDATE SET
      site_id = excluded.site_id, name = excluded.name, plan_id = excluded.plan_id,
      template_id = excluded.template_id, parent_device_id = excluded.parent_device_id,
      subscription_id = excluded.subscription_id, device_type = excluded.device_type,
      model = excluded.model, manufacturer = excluded.manufacturer, status = 'ACTIVE',
      decommissioned_at = NULL, created_at = now(), updated_at = now(),
      serial_number = DEFAULT, mac_address = DEFAULT, imei = DEFAULT, iccid = DEFAULT,
      meid = DEFAULT, hw_revision = DEFAULT, fw_version = DEFAULT, chipset = DEFAULT,
      modem_model = DEFAULT, modem_fw_version = DEFAULT, board_revision = DEFAULT,
      bootloader_version = DEFAULT, batch_id = DEFAULT, installation_notes = DEFAULT,
      deployment_date = DEFAULT, latitude = DEFAULT, longitude = DEFAULT, address = DEFAULT,
      location_source = DEFAULT, notes = DEFAULT, metadata = DEFAULT, sensor_limit = DEFAULT,
      heartbeat_stale_seconds = DEFAULT
    WHERE r.status = 'DELETED'
    RETURNING device_id
  )sql",
      pg::Params::of(tenant_id, device.device_id, site, device.name, out.plan_id,
                     device.template_id, device.parent_device_id, out.subscription_id,
                     device.device_type));
  if (made.empty()) throw conflict("Device already exists");
  for (const char* table : begun_anew)
    co_await tx.query(std::string("DELETE FROM ") + table + " WHERE device_id = $1",
                      pg::Params::of(device.device_id));
  if (device.template_id)
    co_await tx.query(add_required_sensors,
                      pg::Params::of(tenant_id, device.device_id, *device.template_id));
  co_await tx.query(add_transport, pg::Params::of(tenant_id, device.device_id, device.template_id));
  co_await tx.query(
      "INSERT INTO device_subscriptions (subscription_id, tenant_id, device_id, plan_id, status, "
      "term_end) VALUES ($1, $2, $3, $4, 'TRIAL', now() + interval '14 days')",
      pg::Params::of(out.subscription_id, tenant_id, device.device_id, out.plan_id));
  co_await tx.query(
      "INSERT INTO subscription_audit (tenant_id, event_type, actor_type, actor_id, new_state, "
      "details) VALUES ($1, 'SUBSCRIPTION_CREATED', CASE $5 WHEN '' THEN 'system' ELSE 'user' END, "
      "nullif($5, ''), jsonb_build_object('status', 'TRIAL', 'plan_id', $4::text), "
      "jsonb_build_object('subscription_id', $2::text, 'device_id', $3::text))",
      pg::Params::of(tenant_id, out.subscription_id, device.device_id, out.plan_id, actor_id));
  co_await tx.commit();
  co_return out;
}

Task<boost::json::object> update_device(tenancy::TenantDb db, std::string tenant_id,
                                        std::string device_id, DeviceChanges c) {
  auto tx = co_await db.begin();
  if (c.site_id) {
    if (!c.site_id.value) throw bad_request("site_id can't be null");
    co_await require_site(tx, *c.site_id.value);
  }
  if (c.template_id && c.template_id.value) co_await require_template(tx, *c.template_id.value);
  if (c.parent_device_id && c.parent_device_id.value)
    co_await require_parent(tx, device_id, *c.parent_device_id.value);
  pg::RowChange change;
  const auto text = [&](const char* column, const json::Patch<std::string>& v) {
    if (v) change.set(column, v.value);
  };
  if (c.name) {
    // Older clients know the name as the model: both are answered, and both move.
    change.set("name", c.name.value);
    if (!c.model) change.set("model", c.name.value);
  }
  text("site_id", c.site_id);
  text("parent_device_id", c.parent_device_id);
  text("address", c.address);
  text("mac_address", c.mac_address);
  text("imei", c.imei);
  text("iccid", c.iccid);
  text("serial_number", c.serial_number);
  text("model", c.model);
  text("manufacturer", c.manufacturer);
  text("hw_revision", c.hw_revision);
  text("fw_version", c.fw_version);
  text("notes", c.notes);
  text("device_type", c.device_type);
  if (c.latitude) change.set("latitude", c.latitude.value, "?::float8");
  if (c.longitude) change.set("longitude", c.longitude.value, "?::float8");
  if (c.location_source && c.location_source.value)
    change.set("location_source", *c.location_source.value);
  else if (c.latitude || c.longitude || c.address)
    change.also("location_source = 'manual'");
  if (c.template_id) change.set("template_id", c.template_id.value, "?::integer");
  // A type that only came with the template goes with it.
  if (c.template_id && !c.device_type)
    change.set("device_type", c.template_id.value,
               "CASE WHEN device_type = (SELECT t.category FROM device_templates t "
               "WHERE t.id = template_id) THEN (SELECT t.category FROM device_templates t "
               "WHERE t.id = ?::integer) ELSE device_type END");
  if (c.heartbeat_stale_seconds)
    change.set("heartbeat_stale_seconds", c.heartbeat_stale_seconds.value, "?::integer");
  change.also("updated_at = now()");
  auto statement = change.in("device_registry", "device_id = ? AND status <> 'DELETED'", device_id);
  const auto rows = co_await tx.query(statement.first, statement.second);
  if (rows.empty()) throw not_found("Device not found");
  auto told = pg::RowChange::told(rows);
  if (c.site_id)
    co_await tx.query("UPDATE device_state SET site_id = $2 WHERE device_id = $1 AND site_id <> $2",
                      pg::Params::of(device_id, *c.site_id.value));
  if (c.template_id && c.template_id.value)
    co_await tx.query(add_required_sensors,
                      pg::Params::of(tenant_id, device_id, *c.template_id.value));
  if (c.tags) {
    const auto tags = clean_tags(c.tags.value.value_or(std::vector<std::string>{}));
    const auto had = co_await tx.query(
        "WITH gone AS (DELETE FROM device_tags WHERE device_id = $1 RETURNING tag, position) "
        "SELECT tag FROM gone ORDER BY position, tag",
        pg::Params::of(device_id));
    co_await tx.query(
        "INSERT INTO device_tags (tenant_id, device_id, tag, position) "
        "SELECT $1, $2, tag, place FROM unnest($3::text[]) WITH ORDINALITY AS t (tag, place)",
        pg::Params::of(tenant_id, device_id, tags));
    json::add_change(told, "tags", boost::json::value_from(pg::texts(had)),
                     boost::json::value_from(tags));
  }
  co_await tx.commit();
  co_return told;
}

Task<bool> mark_deleted(tenancy::TenantDb db, std::string device_id, std::string actor_id) {
  const auto rows = co_await db.query(R"sql(
    WITH gone AS (
      UPDATE device_registry SET status = 'DELETED', updated_at = now()
      WHERE device_id = $1 AND status <> 'DELETED' RETURNING device_id
    ), live AS (
      SELECT * FROM device_subscriptions
      WHERE device_id IN (SELECT device_id FROM gone) AND status NOT IN ('EXPIRED', 'CANCELLED')
      FOR UPDATE
    ), cancelled AS (
      UPDATE device_subscriptions s SET status = 'CANCELLED', cancelled_at = now(),
        updated_at = now()
      FROM live WHERE s.subscription_id = live.subscription_id
    ), told AS (
      INSERT INTO subscription_audit (tenant_id, event_type, actor_type, actor_id, previous_state,
        new_state, details)
      SELECT tenant_id, 'SUBSCRIPTION_CANCELLED', CASE $2 WHEN '' THEN 'system' ELSE 'user' END,
             nullif($2, ''), jsonb_build_object('status', status, 'plan_id', plan_id),
             jsonb_build_object('status', 'CANCELLED', 'plan_id', plan_id),
             jsonb_build_object('subscription_id', subscription_id, 'device_id', device_id)
      FROM live
    ), revoked AS (
      UPDATE device_api_tokens SET revoked_at = now()
      WHERE device_id IN (SELECT device_id FROM gone) AND revoked_at IS NULL
    ), orphans AS (
      UPDATE device_registry SET parent_device_id = NULL, updated_at = now()
      WHERE parent_device_id IN (SELECT device_id FROM gone) AND status <> 'DELETED'
    ), sensors AS (
      DELETE FROM device_sensors WHERE device_id IN (SELECT device_id FROM gone)
    ), certificates AS (
      UPDATE device_certificates SET status = 'REVOKED', revoked_at = now(), updated_at = now(),
        revoked_reason = 'device_deleted'
      WHERE device_id IN (SELECT device_id FROM gone) AND status = 'ACTIVE'
    ), executions AS (
      UPDATE job_executions SET status = 'REJECTED', last_updated_at = now(),
        status_details = '{"reason": "device_deleted"}'
      WHERE device_id IN (SELECT device_id FROM gone) AND status IN ('QUEUED', 'IN_PROGRESS')
    ), updates AS (
      UPDATE ota_device_status SET status = 'SKIPPED', completed_at = now(),
        error_message = 'The device was deleted'
      WHERE device_id IN (SELECT device_id FROM gone)
        AND status IN ('PENDING', 'DOWNLOADING', 'INSTALLING')
    ), commands AS (
      UPDATE device_commands SET expires_at = least(expires_at, now()),
        status = CASE WHEN published_at IS NULL THEN 'expired' ELSE 'missed' END
      WHERE device_id IN (SELECT device_id FROM gone) AND status = 'queued'
    ), codes AS (
      DELETE FROM activation_codes WHERE device_id IN (SELECT device_id FROM gone)
    ), silent AS (
      UPDATE device_state SET status = 'OFFLINE', last_state_change_at = now()
      WHERE device_id IN (SELECT device_id FROM gone) AND status <> 'OFFLINE'
    )
    SELECT device_id FROM gone
  )sql",
                                      pg::Params::of(device_id, actor_id));
  co_return !rows.empty();
}

const char* const decommission_devices = R"sql(
    WITH gone AS (
      UPDATE device_registry SET status = 'REVOKED', decommissioned_at = now(), updated_at = now()
      WHERE device_id = ANY ($1::text[]) AND status <> 'DELETED' AND decommissioned_at IS NULL
      RETURNING device_id, decommissioned_at
    ), revoked AS (
      UPDATE device_api_tokens SET revoked_at = now()
      WHERE device_id IN (SELECT device_id FROM gone) AND revoked_at IS NULL
    ), certificates AS (
      UPDATE device_certificates SET status = 'REVOKED', revoked_at = now(), updated_at = now(),
        revoked_reason = 'decommissioned'
      WHERE device_id IN (SELECT device_id FROM gone) AND status = 'ACTIVE'
    ), executions AS (
      UPDATE job_executions SET status = 'REJECTED', last_updated_at = now(),
        status_details = '{"reason": "device_decommissioned"}'
      WHERE device_id IN (SELECT device_id FROM gone) AND status IN ('QUEUED', 'IN_PROGRESS')
    ), updates AS (
      UPDATE ota_device_status SET status = 'SKIPPED', completed_at = now(),
        error_message = 'The device was decommissioned'
      WHERE device_id IN (SELECT device_id FROM gone)
        AND status IN ('PENDING', 'DOWNLOADING', 'INSTALLING')
    ), commands AS (
      UPDATE device_commands SET expires_at = least(expires_at, now()),
        status = CASE WHEN published_at IS NULL THEN 'expired' ELSE 'missed' END
      WHERE device_id IN (SELECT device_id FROM gone) AND status = 'queued'
    ), was AS (
      SELECT tenant_id, device_id, status FROM device_state
      WHERE device_id IN (SELECT device_id FROM gone) AND status <> 'OFFLINE'
      ORDER BY tenant_id, device_id FOR UPDATE
    ), silent AS (
      UPDATE device_state s SET status = 'OFFLINE', last_state_change_at = now()
      FROM was WHERE s.tenant_id = was.tenant_id AND s.device_id = was.device_id
    ), told AS (
      INSERT INTO device_connection_events (tenant_id, device_id, event_type, details)
      SELECT tenant_id, device_id, 'DISCONNECTED', '{"reason": "decommissioned"}'
      FROM was WHERE status = 'ONLINE'
    )
    SELECT device_id, decommissioned_at FROM gone
  )sql";

Task<std::optional<Time>> decommission(tenancy::TenantDb db, std::string device_id) {
  const std::vector<std::string> ids(1, std::move(device_id));
  const auto rows = co_await db.query(decommission_devices, pg::Params::of(ids));
  std::optional<Time> at;
  if (!rows.empty()) pg::read_value(rows, 0, 1, at);
  co_return at;
}

Task<bool> restore(tenancy::TenantDb db, std::string device_id) {
  const auto rows = co_await db.query(
      "UPDATE device_registry SET status = 'ACTIVE', decommissioned_at = NULL, updated_at = now() "
      "WHERE device_id = $1 AND status <> 'DELETED' AND decommissioned_at IS NOT NULL "
      "RETURNING device_id",
      pg::Params::of(device_id));
  co_return !rows.empty();
}

}  // namespace pulse::fleet
