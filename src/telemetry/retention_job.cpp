#include "telemetry/retention_job.hpp"

#include "platform/log.hpp"
#include "telemetry/ingest_store.hpp"

namespace pulse::telemetry {

namespace {

/// What the most generous plan keeps; partitions go when they are older.
constexpr const char* longest_retention = R"sql(
  SELECT greatest(30, (SELECT max((limits ->> 'data_retention_days')::integer) FROM device_plans))
)sql";

// The next 200 devices after ($1, $2): of 20 that have rows older than their plan keeps, the oldest
// day goes, with its rollups. Who has nothing old costs a look into the index of each old
// partition.
// ($3: days for devices without a plan.) Answers the last device looked at, and how many had
// something.
constexpr const char* trim_devices = R"sql(
  WITH looked_at AS MATERIALIZED (
    SELECT r.tenant_id, r.device_id,
           (date_trunc('day', now() AT TIME ZONE 'UTC') - make_interval(days => coalesce(
              (p.limits ->> 'data_retention_days')::integer, $3::integer))) AT TIME ZONE 'UTC'
             AS keep_from
    FROM device_registry r LEFT JOIN device_plans p USING (plan_id)
    WHERE (r.tenant_id, r.device_id) > ($1, $2)
    ORDER BY r.tenant_id, r.device_id LIMIT 200
  ), old AS MATERIALIZED (
    SELECT l.tenant_id, l.device_id,
           least(l.keep_from, (date_trunc('day', o.time AT TIME ZONE 'UTC') + interval '1 day')
                                AT TIME ZONE 'UTC') AS until
    FROM looked_at l CROSS JOIN LATERAL (
      SELECT t.time FROM telemetry t
      WHERE t.tenant_id = l.tenant_id AND t.device_id = l.device_id AND t.time < l.keep_from
      ORDER BY t.time LIMIT 1) o
    LIMIT 20
  ), raw AS (
    DELETE FROM telemetry t USING old
    WHERE t.tenant_id = old.tenant_id AND t.device_id = old.device_id AND t.time < old.until
  ), minutes AS (
    DELETE FROM telemetry_rollup_1m t USING old
    WHERE t.tenant_id = old.tenant_id AND t.device_id = old.device_id AND t.bucket < old.until
  ), hours AS (
    DELETE FROM telemetry_rollup_1h t USING old
    WHERE t.tenant_id = old.tenant_id AND t.device_id = old.device_id AND t.bucket < old.until
  )
  SELECT tenant_id, device_id, (SELECT count(*) FROM old) AS had_old FROM looked_at
  ORDER BY tenant_id DESC, device_id DESC LIMIT 1
)sql";

Task<> keep_by_plan(pg::Pool& pool, std::int64_t longest_days) {
  const auto scope = ingest_scope();
  std::string tenant, device;
  while (true) {
    const auto rows =
        co_await pool.query(scope, trim_devices, pg::Params::of(tenant, device, longest_days));
    if (rows.empty()) co_return;
    if (rows.int64(0, 2) > 0) continue;  // the same ones, for their next day
    tenant = std::string(rows.text(0, 0));
    device = std::string(rows.text(0, 1));
  }
}

constexpr const char* trim_hours = R"sql(
  DELETE FROM telemetry_rollup_1h WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM telemetry_rollup_1h
    WHERE bucket < now() - make_interval(days => $1::integer) LIMIT 10000))
)sql";

/// What people set, else a year.
constexpr const char* trim_audit = R"sql(
  DELETE FROM audit_log WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM audit_log
    WHERE "timestamp" < now() - make_interval(days => coalesce(
      (SELECT value::integer FROM app_settings
       WHERE key = 'AUDIT_RETENTION_DAYS' AND value ~ '^[1-9][0-9]{0,4}$'), 365)) LIMIT 10000))
)sql";

constexpr const char* trim_dead_letters = R"sql(
  DELETE FROM dead_letter_messages WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM dead_letter_messages
    WHERE created_at < now() - interval '90 days' LIMIT 10000))
)sql";

constexpr const char* trim_quarantine = R"sql(
  DELETE FROM quarantine_events WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM quarantine_events
    WHERE ingested_at < now() - interval '30 days' LIMIT 10000))
)sql";

constexpr const char* trim_connections = R"sql(
  DELETE FROM device_connection_events WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM device_connection_events
    WHERE "timestamp" < now() - interval '90 days' LIMIT 10000))
)sql";

constexpr const char* trim_health = R"sql(
  DELETE FROM device_health_telemetry WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM device_health_telemetry WHERE time < now() - interval '90 days' LIMIT 10000))
)sql";

constexpr const char* trim_counters = R"sql(
  DELETE FROM quarantine_counters_minute WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM quarantine_counters_minute
    WHERE bucket_minute < now() - interval '90 days' LIMIT 10000))
)sql";

/// Repeats a statement that removes at most 10,000 rows, so that none holds many rows for long.
Task<> remove_in_steps(pg::Pool& pool, const char* sql, pg::Params params) {
  const auto scope = ingest_scope();
  std::int64_t removed = 10'000;
  while (removed >= 10'000) {
    const auto done = co_await pool.query(scope, sql, params);
    removed = done.affected();
  }
}

}  // namespace

Task<> keep_partitions(pg::Pool& pool) {
  const auto scope = ingest_scope();
  co_await pool.query(scope,
                      "SELECT pulse_make_telemetry_partitions(current_date - 1, current_date + 7)");
  const auto longest = co_await pool.query(scope, longest_retention);
  const auto longest_days = longest.int64(0, 0);
  const auto dropped = co_await pool.query(scope, "SELECT pulse_drop_old_partitions($1::integer)",
                                           pg::Params::of(longest_days));
  for (int i = 0; i < dropped.rows(); ++i)
    log::info("old partition dropped", {{"table", dropped.text(i, 0)}});
  co_await keep_by_plan(pool, longest_days);
  const auto days = pg::Params::of(longest_days);
  co_await remove_in_steps(pool, trim_hours, days);
  for (const auto* sql : {trim_audit, trim_dead_letters, trim_quarantine, trim_connections,
                          trim_health, trim_counters})
    co_await remove_in_steps(pool, sql, pg::Params());
}

}  // namespace pulse::telemetry
