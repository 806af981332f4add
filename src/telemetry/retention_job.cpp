#include "telemetry/retention_job.hpp"

#include "platform/log.hpp"
#include "telemetry/ingest_store.hpp"

namespace pulse::telemetry {

Task<> keep_partitions(pg::Pool& pool) {
  const auto scope = ingest_scope();
  co_await pool.query(scope,
                      "SELECT pulse_make_telemetry_partitions(current_date - 1, current_date + 7)");
  const auto dropped = co_await pool.query(
      scope,
      "SELECT pulse_drop_old_partitions(greatest(30, (SELECT max((limits ->> "
      "'data_retention_days')::integer) FROM device_plans)))");
  for (int i = 0; i < dropped.rows(); ++i)
    log::info("old partition dropped", {{"table", dropped.text(i, 0)}});
  // In steps, so that no statement holds many rows for long.
  static constexpr const char* removals[] = {
      "DELETE FROM quarantine_events WHERE id IN (SELECT id FROM quarantine_events "
      "WHERE ingested_at < now() - interval '30 days' LIMIT 10000)",
      "DELETE FROM device_connection_events WHERE id IN (SELECT id FROM device_connection_events "
      "WHERE \"timestamp\" < now() - interval '90 days' LIMIT 10000)",
      "DELETE FROM quarantine_counters_minute WHERE ctid IN (SELECT ctid FROM "
      "quarantine_counters_minute WHERE bucket_minute < now() - interval '90 days' LIMIT 10000)"};
  for (const auto* sql : removals) {
    std::int64_t removed = 10'000;
    while (removed >= 10'000) removed = (co_await pool.query(scope, sql)).affected();
  }
}

}  // namespace pulse::telemetry
