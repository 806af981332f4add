// The background work on imports.
#include "fleet/import_jobs.hpp"
#include "platform/log.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

constexpr std::int64_t batch_rows = 500, work_ms = 10'000;

struct Waiting {
  std::string tenant_id, import_id;
};
BOOST_DESCRIBE_STRUCT(Waiting, (), (tenant_id, import_id))

constexpr const char* settle_rows = R"sql(
  UPDATE import_job_rows r SET status = x.status, device_id = x.device_id, message = x.message,
    data = NULL
  FROM jsonb_to_recordset($2::jsonb) AS x (row integer, status text, device_id text, message text)
  WHERE r.import_id = $1 AND r.row = x.row
)sql";

constexpr const char* count_rows = R"sql(
  UPDATE import_jobs SET done = done + $2::integer, imported = imported + $3::integer,
    failed = failed + $2::integer - $3::integer, started_at = coalesce(started_at, now()),
    status = CASE WHEN $4::boolean THEN 'completed' ELSE 'running' END,
    finished_at = CASE WHEN $4::boolean THEN now() END
  WHERE import_id = $1
  RETURNING imported, failed, file_name
)sql";

void tell_of_devices(const ImportWorkDeps& d, const std::string& tenant, const std::string& user_id,
                     const std::vector<ImportResultRow>& results) {
  for (const auto& result : results) {
    if (result.status != "ok") continue;
    announce_change(*d.nats, tenant, *result.device_id);
    tenancy::AuditEvent event;
    event.tenant_id = tenant;
    event.event_type = "device.created";
    event.category = "device";
    event.entity_type = "device";
    event.entity_id = event.entity_name = *result.device_id;
    event.action = "create";
    event.message = "Device " + *result.device_id + " created by an import";
    event.actor_type = "user";
    event.actor_id = user_id;
    d.audit->write(std::move(event));
  }
}

void tell_of_end(const ImportWorkDeps& d, const Waiting& job, const std::string& user_id,
                 const pg::Result& counted) {
  tenancy::AuditEvent event;
  event.tenant_id = job.tenant_id;
  event.event_type = "devices.imported";
  event.category = "device";
  event.entity_type = "import";
  event.entity_id = job.import_id;
  event.entity_name = std::string(counted.text(0, 2));
  event.action = "import";
  event.message = "Devices imported: " + std::to_string(counted.int64(0, 0));
  event.details["imported"] = counted.int64(0, 0);
  event.details["failed"] = counted.int64(0, 1);
  event.actor_type = "user";
  event.actor_id = user_id;
  d.audit->write(std::move(event));
}

/// The next rows of one import. False: none were left.
Task<bool> write_batch(ImportWorkDeps d, Waiting job) {
  const auto db = tenancy::TenantDb::for_worker(*d.pool, job.tenant_id, "an import goes on");
  auto tx = co_await db.begin();
  const auto id = pg::Params::of(job.import_id);
  const auto held = co_await tx.query(
      "SELECT dry_run, created_by FROM import_jobs "
      "WHERE import_id = $1 AND status IN ('queued', 'running') FOR UPDATE",
      id);
  if (held.empty()) co_return false;
  ImportOptions options;
  options.dry_run = held.boolean(0, 0);
  options.actor_id = std::string(held.text(0, 1));
  const auto stored = co_await tx.query(
      "SELECT data FROM import_job_rows WHERE import_id = $1 AND status = 'pending' "
      "ORDER BY row LIMIT 500",
      id);
  std::vector<ImportRow> rows;
  for (int i = 0; i < stored.rows(); ++i)
    rows.push_back(json::from_text<ImportRow>(stored.text(i, 0)));
  const auto taken = static_cast<std::int64_t>(rows.size());
  const auto results = co_await import_devices(tx, job.tenant_id, std::move(rows), options);
  std::int64_t imported = 0;
  for (const auto& result : results) imported += result.status == "ok";
  const bool last = taken < batch_rows;
  const auto settled = json::to_text(results);
  co_await tx.query(settle_rows, pg::Params::of(job.import_id, settled));
  const auto counted =
      co_await tx.query(count_rows, pg::Params::of(job.import_id, taken, imported, last));
  co_await tx.commit();
  if (!options.dry_run) {
    tell_of_devices(d, job.tenant_id, options.actor_id, results);
    if (last) tell_of_end(d, job, options.actor_id, counted);
    d.nats->publish("live." + job.tenant_id, "{\"type\":\"changed\",\"what\":\"devices\"}");
  }
  d.nats->publish("live." + job.tenant_id, "{\"type\":\"changed\",\"what\":\"imports\"}");
  co_return !last;
}

/// Data that no batch can hold: without this the import would be tried for ever.
Task<> give_up(ImportWorkDeps d, Waiting job) {
  const auto db = tenancy::TenantDb::for_worker(*d.pool, job.tenant_id, "an import ends");
  co_await db.query(
      "UPDATE import_jobs SET status = 'failed', finished_at = now(), "
      "problem = 'A row can''t be stored; nothing after the rows that are done is imported' "
      "WHERE import_id = $1 AND status IN ('queued', 'running')",
      pg::Params::of(job.import_id));
}

}  // namespace

Task<> work_import_jobs(ImportWorkDeps d) {
  const auto end = now_ms() + work_ms;
  pg::Scope scope;
  scope.role = "pulse_ingest";
  bool more = true;
  while (more && now_ms() < end) {
    more = false;
    const auto waiting = co_await d.pool->query(
        scope,
        "SELECT tenant_id, import_id FROM import_jobs WHERE status IN ('queued', 'running') "
        "ORDER BY created_at LIMIT 100");
    for (auto& job : pg::rows_as<Waiting>(waiting)) {
      bool bad_data = false;
      try {
        const bool left = co_await write_batch(d, job);
        more = more || left;
      } catch (const pg::Error& e) {
        // A site that went since the look at it is missing at the next look.
        if (!e.data_fault() || e.foreign_key_violation()) throw;
        log::error("an import failed", {{"import", job.import_id}, {"error", e.what()}});
        bad_data = true;
      }
      if (bad_data) co_await give_up(d, job);
    }
  }
}

}  // namespace pulse::fleet
