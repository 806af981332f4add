// Writes the devices of a file: a handful of statements for all rows together.
#include <algorithm>
#include <map>

#include "fleet/device_import.hpp"
#include "fleet/devices.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/ids.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

/// A row on its way into the registry.
struct Wanted {
  std::int64_t row = 0;
  std::string device_id, name, device_type, site_id, plan_id, subscription_id;
  std::optional<std::string> template_ref;
  std::optional<std::int64_t> template_id;
  std::optional<double> latitude, longitude;
  std::optional<std::string> serial_number;
  std::vector<std::string> tags;
};
BOOST_DESCRIBE_STRUCT(Wanted, (),
                      (row, device_id, name, device_type, site_id, plan_id, subscription_id,
                       template_ref, template_id, latitude, longitude, serial_number, tags))

const std::string wanted_columns =
    "AS w (row integer, device_id text, name text, device_type text, site_id text, plan_id text, "
    "subscription_id text, template_ref text, template_id integer, latitude float8, "
    "longitude float8, serial_number text, tags jsonb)";

/// What the database says of each row.
struct Judged {
  std::int64_t row = 0;
  bool no_site = false, no_plan = false, taken = false;
  std::optional<std::int64_t> template_id;
};
BOOST_DESCRIBE_STRUCT(Judged, (), (row, no_site, no_plan, taken, template_id))

// A slug that is written like a number goes before the id; a tenant's own before the system's.
const std::string judge_rows = R"sql(
  SELECT w.row, t.id AS template_id,
    w.site_id <> 'default-site'
      AND NOT EXISTS (SELECT FROM sites s WHERE s.site_id = w.site_id) AS no_site,
    NOT EXISTS (SELECT FROM device_plans p WHERE p.plan_id = w.plan_id AND p.is_active) AS no_plan,
    EXISTS (SELECT FROM device_registry r
            WHERE r.device_id = w.device_id AND r.status <> 'DELETED') AS taken
  FROM jsonb_to_recordset($1::jsonb) )sql" +
                               wanted_columns + R"sql(
  LEFT JOIN LATERAL (
    SELECT t.id FROM device_templates t
    WHERE t.slug = w.template_ref OR t.id::text = w.template_ref
    ORDER BY t.slug = w.template_ref DESC, t.tenant_id IS NULL LIMIT 1
  ) t ON w.template_ref IS NOT NULL
)sql";

// The id of a deleted device may be given again: it begins anew.
const std::string add_devices = R"sql(
  INSERT INTO device_registry AS r (tenant_id, device_id, site_id, name, plan_id, template_id,
    subscription_id, device_type, model, manufacturer, serial_number, latitude, longitude,
    location_source)
  SELECT $1, w.device_id, w.site_id, nullif(w.name, ''), w.plan_id, t.id, w.subscription_id,
         coalesce(nullif(w.device_type, ''), t.category),
         t.model, t.manufacturer, w.serial_number, w.latitude, w.longitude,
         CASE WHEN w.latitude IS NULL THEN 'auto' ELSE 'manual' END
  FROM jsonb_to_recordset($2::jsonb) )sql" +
                                wanted_columns + R"sql(
  LEFT JOIN device_templates t ON t.id = w.template_id
  ORDER BY w.device_id
  ON CONFLICT (tenant_id, device_id) DO UPDATE SET
    site_id = excluded.site_id, name = excluded.name, plan_id = excluded.plan_id,
    template_id = excluded.template_id, subscription_id = excluded.subscription_id,
    device_type = excluded.device_type, model = excluded.model,
    manufacturer = excluded.manufacturer, serial_number = excluded.serial_number,
    latitude = excluded.latitude, longitude = excluded.longitude,
    location_source = excluded.location_source, status = 'ACTIVE', parent_device_id = DEFAULT,
    decommissioned_at = NULL, created_at = now(), updated_at = now(),
    mac_address = DEFAULT, imei = DEFAULT, iccid = DEFAULT,
    meid = DEFAULT, hw_revision = DEFAULT, fw_version = DEFAULT, chipset = DEFAULT,
    modem_model = DEFAULT, modem_fw_version = DEFAULT, board_revision = DEFAULT,
    bootloader_version = DEFAULT, batch_id = DEFAULT, installation_notes = DEFAULT,
    deployment_date = DEFAULT, address = DEFAULT, notes = DEFAULT, metadata = DEFAULT,
    sensor_limit = DEFAULT, heartbeat_stale_seconds = DEFAULT
  WHERE r.status = 'DELETED'
  RETURNING device_id, xmax <> 0 AS begins_anew
)sql";

// As a device's template says, else by MQTT.
constexpr const char* add_transports = R"sql(
  INSERT INTO device_transports (tenant_id, device_id, ingestion_protocol, physical_connectivity)
  SELECT r.tenant_id, r.device_id,
    CASE WHEN d ->> 'ingestion_protocol' IN ('mqtt_direct', 'http_api', 'lorawan', 'gateway_proxy',
           'modbus_rtu') THEN d ->> 'ingestion_protocol' ELSE 'mqtt_direct' END,
    CASE WHEN d ->> 'physical_connectivity' IN ('cellular', 'ethernet', 'wifi', 'satellite', 'lora',
           'other') THEN d ->> 'physical_connectivity' END
  FROM device_registry r LEFT JOIN device_templates t ON t.id = r.template_id,
    LATERAL (SELECT coalesce(t.transport_defaults, '{}') AS d) defaults
  WHERE r.device_id = ANY($1::text[])
)sql";

constexpr const char* add_sensors = R"sql(
  INSERT INTO device_sensors (tenant_id, device_id, metric_key, display_name, sensor_type, unit,
    min_range, max_range, precision_digits, source, template_metric_id)
  SELECT r.tenant_id, r.device_id, m.metric_key, m.display_name, m.data_type, m.unit, m.min_value,
         m.max_value, m.precision_digits, 'required', m.id
  FROM device_registry r JOIN template_metrics m ON m.template_id = r.template_id AND m.is_required
  WHERE r.device_id = ANY($1::text[])
)sql";

const std::string add_tags = R"sql(
  INSERT INTO device_tags (tenant_id, device_id, tag, position)
  SELECT $1, w.device_id, tag.name, tag.place
  FROM jsonb_to_recordset($2::jsonb) )sql" +
                             wanted_columns + R"sql(
  CROSS JOIN LATERAL jsonb_array_elements_text(w.tags) WITH ORDINALITY AS tag (name, place)
  WHERE w.device_id = ANY($3::text[])
)sql";

constexpr const char* add_subscriptions = R"sql(
  WITH begun AS (
    INSERT INTO device_subscriptions (subscription_id, tenant_id, device_id, plan_id, status,
      term_end)
    SELECT subscription_id, tenant_id, device_id, plan_id, 'TRIAL', now() + interval '14 days'
    FROM device_registry WHERE device_id = ANY($1::text[])
    RETURNING subscription_id, tenant_id, device_id, plan_id
  )
  INSERT INTO subscription_audit (tenant_id, event_type, actor_type, actor_id, new_state, details)
  SELECT tenant_id, 'SUBSCRIPTION_CREATED', CASE $2 WHEN '' THEN 'system' ELSE 'user' END,
         nullif($2, ''), jsonb_build_object('status', 'TRIAL', 'plan_id', plan_id),
         jsonb_build_object('subscription_id', subscription_id, 'device_id', device_id)
  FROM begun
)sql";

constexpr const char* add_tokens = R"sql(
  INSERT INTO device_api_tokens (tenant_id, device_id, client_id, token_hash, label)
  SELECT $1, t.device_id, t.client_id, t.token_hash, $5
  FROM unnest($2::text[], $3::text[], $4::text[]) AS t (device_id, client_id, token_hash)
)sql";

Wanted wanted_of(const ImportRow& row) {
  Wanted w;
  w.row = row.row;
  w.device_id = row.device_id;
  w.name = row.name;
  w.device_type = row.device_type;
  w.site_id = row.site_id;
  w.plan_id = row.plan_id;
  w.subscription_id = short_id("sub-", 12);
  w.template_ref = row.template_ref;
  w.latitude = row.latitude;
  w.longitude = row.longitude;
  w.serial_number = row.serial_number;
  w.tags = row.tags;
  return w;
}

std::string problem_of(const Wanted& w, const Judged& judged) {
  std::string out;
  const auto add = [&](const std::string& words) { out += (out.empty() ? "" : "; ") + words; };
  if (judged.taken) add("Device already exists");
  if (judged.no_site) add("Site not found: " + w.site_id);
  if (w.template_ref && !judged.template_id) add("Template not found: " + *w.template_ref);
  if (judged.no_plan) add("Invalid plan: " + w.plan_id);
  return out;
}

using Results = std::map<std::int64_t, ImportResultRow>;

void refuse(Results& results, std::int64_t row, std::string message) {
  auto& result = results[row];
  result.status = "error";
  result.device_id.reset();
  result.message = std::move(message);
}

/// Leaves the rows that the database has nothing against; the others are refused.
Task<> judge(pg::Transaction& tx, std::vector<Wanted>& wanted, Results& results) {
  const auto params = pg::Params::of(json::to_text(wanted));
  const auto found = co_await tx.query(judge_rows, params);
  std::map<std::int64_t, Judged> judged;
  for (auto& j : pg::rows_as<Judged>(found)) judged[j.row] = j;
  std::erase_if(wanted, [&](Wanted& w) {
    const auto& j = judged[w.row];
    auto problem = problem_of(w, j);
    w.template_id = j.template_id;
    if (problem.empty()) return false;
    refuse(results, w.row, std::move(problem));
    return true;
  });
}

/// What a deleted device left goes before its id begins anew.
void forget_earlier(const pg::Result& made, std::vector<pg::Statement>& statements) {
  std::vector<std::string> ids;
  for (int i = 0; i < made.rows(); ++i)
    if (made.boolean(i, 1)) ids.emplace_back(made.text(i, 0));
  if (ids.empty()) return;
  for (const char* table : begun_anew)
    statements.emplace_back(
        std::string("DELETE FROM ") + table + " WHERE device_id = ANY($1::text[])",
        pg::Params::of(ids));
}

/// A credential for each device that was made.
pg::Statement tokens_for(const std::string& tenant_id, const std::vector<std::string>& made,
                         const std::string& label, Results& results) {
  std::map<std::string, ImportResultRow*> by_device;
  for (auto& [row, result] : results)
    if (result.device_id) by_device[*result.device_id] = &result;
  std::vector<std::string> clients, hashes;
  for (const auto& device : made) {
    auto& result = *by_device.at(device);
    result.client_id = new_client_id(tenant_id, device);
    result.password = crypto::random_token(32);
    clients.push_back(*result.client_id);
    hashes.push_back(crypto::sha256_hex(*result.password));
  }
  return {add_tokens, pg::Params::of(tenant_id, made, clients, hashes, label)};
}

}  // namespace

std::string new_client_id(const std::string& tenant_id, const std::string& device_id) {
  return tenant_id.substr(0, 8) + "-" + device_id.substr(0, 8) + "-" +
         crypto::hex(crypto::random_bytes(4));
}

Task<std::vector<ImportResultRow>> import_devices(pg::Transaction& tx, std::string tenant_id,
                                                  std::vector<ImportRow> rows,
                                                  ImportOptions options) {
  Results results;
  std::vector<Wanted> wanted;
  for (const auto& row : rows) {
    auto& result = results[row.row];
    result.row = row.row;
    result.name = row.name;
    result.device_id = row.device_id;
    if (row.problem.empty())
      wanted.push_back(wanted_of(row));
    else
      refuse(results, row.row, row.problem);
  }
  if (!wanted.empty()) co_await judge(tx, wanted, results);
  if (!wanted.empty() && !options.dry_run) {
    const auto list = json::to_text(wanted);
    for (const auto& w : wanted)
      if (w.site_id == "default-site") {
        co_await tx.query(
            "INSERT INTO sites (tenant_id, site_id, name) VALUES ($1, 'default-site', "
            "'Default site') ON CONFLICT DO NOTHING",
            pg::Params::of(tenant_id));
        break;
      }
    const auto rows_made = co_await tx.query(add_devices, pg::Params::of(tenant_id, list));
    const auto made = pg::texts(rows_made);
    // One that somebody else made since the look at the registry.
    for (const auto& w : wanted)
      if (std::find(made.begin(), made.end(), w.device_id) == made.end())
        refuse(results, w.row, "Device already exists");
    std::vector<pg::Statement> statements;
    forget_earlier(rows_made, statements);
    const auto ids = pg::Params::of(made);
    statements.emplace_back(add_transports, ids);
    statements.emplace_back(add_sensors, ids);
    statements.emplace_back(add_tags, pg::Params::of(tenant_id, list, made));
    statements.emplace_back(add_subscriptions, pg::Params::of(made, options.actor_id));
    if (options.label) statements.push_back(tokens_for(tenant_id, made, *options.label, results));
    co_await tx.batch(std::move(statements));
  }
  std::vector<ImportResultRow> out;
  for (auto& [row, result] : results) out.push_back(std::move(result));
  co_return out;
}

}  // namespace pulse::fleet
