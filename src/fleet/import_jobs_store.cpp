#include "fleet/import_jobs.hpp"
#include "platform/ids.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

constexpr std::size_t most_rows = 100'000, rows_at_once = 1'000;

const std::string job_columns =
    "import_id, file_name, status, dry_run, ignored_columns, total, done, imported, failed, "
    "problem, created_at, started_at, finished_at";

constexpr const char* add_rows = R"sql(
  INSERT INTO import_job_rows (tenant_id, import_id, row, name, data)
  SELECT $1, $2, (item->>'row')::integer, item->>'name', item
  FROM jsonb_array_elements($3::jsonb) AS item
)sql";

}  // namespace

Task<ImportJob> add_import_job(tenancy::TenantDb db, std::string tenant_id, std::string file_name,
                               std::string_view text, bool dry_run, std::string user_id) {
  ImportReader reader(text);
  const auto id = short_id("imp-", 12);
  auto tx = co_await db.begin();
  // One at a time in a tenant, so that the count holds.
  co_await tx.query("SELECT pg_advisory_xact_lock(hashtext('import ' || $1))",
                    pg::Params::of(tenant_id));
  const auto under_way =
      co_await tx.query("SELECT count(*) FROM import_jobs WHERE status IN ('queued', 'running')");
  if (under_way.int64(0, 0) >= 3) throw conflict("At most 3 imports at a time");
  co_await tx.query("DELETE FROM import_jobs WHERE finished_at < now() - interval '30 days'");
  co_await tx.query(
      "INSERT INTO import_jobs (tenant_id, import_id, file_name, dry_run, ignored_columns, total, "
      "created_by) VALUES ($1, $2, $3, $4, $5, 0, $6)",
      pg::Params::of(tenant_id, id, file_name, dry_run, reader.ignored_columns(), user_id));
  std::size_t total = 0;
  bool more = true;
  while (more) {
    std::vector<ImportRow> rows;
    while (rows.size() < rows_at_once) {
      ImportRow row;
      more = reader.next(row);
      if (!more) break;
      rows.push_back(std::move(row));
    }
    total += rows.size();
    if (total > most_rows)
      throw bad_request("CSV row limit exceeded (max " + std::to_string(most_rows) + ")");
    if (rows.empty()) break;
    const auto list = json::to_text(rows);
    co_await tx.query(add_rows, pg::Params::of(tenant_id, id, list));
  }
  const auto made = co_await tx.query(
      "UPDATE import_jobs SET total = $2 WHERE import_id = $1 RETURNING " + job_columns,
      pg::Params::of(id, total));
  co_await tx.commit();
  co_return pg::row_as<ImportJob>(made, 0);
}

Task<std::vector<ImportJob>> import_jobs(tenancy::TenantDb db) {
  const auto rows = co_await db.query(
      "SELECT " + job_columns + " FROM import_jobs ORDER BY created_at DESC, import_id LIMIT 50");
  co_return pg::rows_as<ImportJob>(rows);
}

Task<std::optional<ImportJob>> find_import_job(tenancy::TenantDb db, std::string import_id) {
  const auto rows =
      co_await db.query("SELECT " + job_columns + " FROM import_jobs WHERE import_id = $1",
                        pg::Params::of(import_id));
  co_return pg::first_as<ImportJob>(rows);
}

Task<bool> cancel_import_job(tenancy::TenantDb db, std::string import_id) {
  // The job's row first, which a batch under way holds: its rows are then written, or none.
  auto tx = co_await db.begin();
  const auto rows = co_await tx.query(
      "UPDATE import_jobs SET status = 'cancelled', finished_at = clock_timestamp() "
      "WHERE import_id = $1 AND status IN ('queued', 'running') RETURNING import_id",
      pg::Params::of(import_id));
  if (rows.empty()) co_return false;
  co_await tx.query(
      "UPDATE import_job_rows SET status = 'cancelled', data = NULL "
      "WHERE import_id = $1 AND status = 'pending'",
      pg::Params::of(import_id));
  co_await tx.commit();
  co_return true;
}

}  // namespace pulse::fleet
