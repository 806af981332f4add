#pragma once
// Imports that are too large for one request: their rows are stored, and written by the ops role.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/device_import.hpp"

namespace pulse::fleet {

struct ImportJob {
  std::string import_id, file_name, status;
  bool dry_run = false;
  std::vector<std::string> ignored_columns;
  std::int64_t total = 0, done = 0, imported = 0, failed = 0;
  std::optional<std::string> problem;
  Time created_at;
  std::optional<Time> started_at, finished_at;
};
BOOST_DESCRIBE_STRUCT(ImportJob, (),
                      (import_id, file_name, status, dry_run, ignored_columns, total, done,
                       imported, failed, problem, created_at, started_at, finished_at))
inline auto constraints(json::As<ImportJob>) {
  return json::rules<ImportJob>()
      .one_of(&ImportJob::status, {"queued", "running", "completed", "cancelled", "failed"})
      .describe(&ImportJob::imported, "With dry_run: how many would be")
      .describe(&ImportJob::problem, "Why it failed as a whole");
}

/// Stores a file's rows. Throws like ImportReader, HttpError 400 for too many rows and 409 when the
/// tenant has three imports under way. Its imports of more than 30 days ago are forgotten.
Task<ImportJob> add_import_job(tenancy::TenantDb db, std::string tenant_id, std::string file_name,
                               std::string_view text, bool dry_run, std::string user_id);
Task<std::vector<ImportJob>> import_jobs(tenancy::TenantDb db);
Task<std::optional<ImportJob>> find_import_job(tenancy::TenantDb db, std::string import_id);
/// What is not written yet stays unwritten. False when there is no such import under way.
Task<bool> cancel_import_job(tenancy::TenantDb db, std::string import_id);

/// What the background work needs.
struct ImportWorkDeps {
  pg::Pool* pool = nullptr;
  nats::Client* nats = nullptr;
  std::shared_ptr<tenancy::AuditLog> audit;
};

/// Writes rows of the imports under way, 500 of each in turn, each batch in a transaction that also
/// counts it: whoever comes after a crash goes on with the next batch. Returns when nothing is left
/// or after ten seconds.
Task<> work_import_jobs(ImportWorkDeps d);

}  // namespace pulse::fleet
