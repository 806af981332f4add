// Imports in the background: start, progress, result, credentials, cancel.
#include "fleet/import_jobs.hpp"
#include "fleet/mounts.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/csv.hpp"
#include "platform/http/multipart.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;

constexpr std::size_t most_bytes = 50 * 1024 * 1024;
constexpr Rate jobs_per_tenant{0.2, 10};

struct ImportJobQuery {
  bool dry_run = false;
};
BOOST_DESCRIBE_STRUCT(ImportJobQuery, (), (dry_run))
struct ImportJobList {
  std::vector<ImportJob> imports;
  std::int64_t total = 0;
};
BOOST_DESCRIBE_STRUCT(ImportJobList, (), (imports, total))

/// Throws 403 where the tenant's tier says that it has no imports of many devices.
Task<> require_bulk_import(TenantCaller caller) {
  const auto rows = co_await caller.db.query(
      "SELECT a.name FROM tenants t JOIN account_tiers a ON a.tier_id = t.account_tier_id "
      "WHERE a.features->'bulk_device_import' = 'false'::jsonb");
  if (!rows.empty())
    throw forbidden("Import of many devices is not included in tier " +
                    std::string(rows.text(0, 0)) + ": ask for a larger tier");
}

Task<ImportJob> require_import_job(tenancy::TenantDb db, std::string import_id) {
  auto job = co_await find_import_job(db, import_id);
  if (!job) throw not_found("Import not found");
  co_return std::move(*job);
}

Task<http::Accepted<ImportJob>> start_import(FleetDeps d, TenantCaller caller,
                                             http::Query<ImportJobQuery> query,
                                             http::Upload<"file"> file) {
  co_await require_bulk_import(caller);
  if (const auto wait = d.creates->take("import job " + caller.tenant(), jobs_per_tenant))
    throw too_many("At most 12 imports a minute", static_cast<int>(wait / 1000 + 1));
  auto name = file.part.filename.value_or("file");
  if (!json::is_text(name) || json::utf8_length(name) > 255) name = "file";
  auto job = co_await add_import_job(caller.db, caller.tenant(), name, file.content(),
                                     query->dry_run, caller.who.user_id);
  if (!job.dry_run)
    d.audit->write(AuditLog::of(caller, "devices.import_started", "start", "import", job.import_id,
                                "Import began, rows: " + std::to_string(job.total)));
  tell_pages(d, caller.tenant(), "imports");
  co_return http::Accepted<ImportJob>{std::move(job)};
}

Task<ImportJobList> list_imports(FleetDeps, TenantCaller caller) {
  ImportJobList out;
  out.imports = co_await import_jobs(caller.db);
  out.total = static_cast<std::int64_t>(out.imports.size());
  co_return out;
}

Task<ImportJob> get_import(FleetDeps, TenantCaller caller, http::Path<"import_id"> id) {
  return require_import_job(caller.db, id.value);
}

Task<ImportJob> cancel_import(FleetDeps d, TenantCaller caller, http::Path<"import_id"> id) {
  const bool cancelled = co_await cancel_import_job(caller.db, id.value);
  auto job = co_await require_import_job(caller.db, id.value);
  if (!cancelled) throw conflict("The import has ended already");
  d.audit->write(
      AuditLog::of(caller, "devices.import_cancelled", "cancel", "import", id.value,
                   "Import cancelled, devices imported so far: " + std::to_string(job.imported)));
  tell_pages(d, caller.tenant(), "imports");
  co_return job;
}

http::Response csv_file(const std::string& name) {
  http::Response r;
  r.headers.add("Content-Type", "text/csv; charset=utf-8");
  r.headers.add("Content-Disposition", "attachment; filename=\"" + name + "\"");
  return r;
}

Task<http::Response> import_result(FleetDeps, TenantCaller caller, http::Path<"import_id"> id) {
  co_await require_import_job(caller.db, id.value);
  auto r = csv_file(id.value + ".csv");
  r.stream = [db = caller.db, import = id.value](http::BodyWriter& out) -> Task<> {
    co_await out.write("row,name,status,device_id,message\r\n");
    std::function<Task<bool>(const pg::Result&)> each =
        [&out](const pg::Result& rows) -> Task<bool> {
      std::string text;
      for (int i = 0; i < rows.rows(); ++i) {
        text += rows.text(i, 0);
        for (int column = 1; column < 5; ++column) text += "," + csv_cell(rows.text(i, column));
        text += "\r\n";
      }
      co_await out.write(text);
      co_return !out.client_gone();
    };
    co_await db.stream(
        "SELECT row, name, status, device_id, message FROM import_job_rows WHERE import_id = $1 "
        "ORDER BY row",
        pg::Params::of(import), std::move(each));
  };
  co_return r;
}

/// Devices of the import that are still there, in pieces; what an earlier file gave them ends. One
/// that was deleted and made anew under its id is not the import's.
constexpr const char* next_devices = R"sql(
  SELECT i.row, i.device_id FROM import_job_rows i
  JOIN import_jobs j ON j.import_id = i.import_id
  JOIN device_registry r ON r.device_id = i.device_id AND r.status = 'ACTIVE'
    AND r.created_at <= j.finished_at
  WHERE i.import_id = $1 AND i.status = 'ok' AND i.row > $2::integer ORDER BY i.row LIMIT 500
)sql";
constexpr const char* end_tokens = R"sql(
  UPDATE device_api_tokens SET revoked_at = now()
  WHERE device_id = ANY($1::text[]) AND label = $2 AND revoked_at IS NULL
)sql";
constexpr const char* make_tokens = R"sql(
  INSERT INTO device_api_tokens (tenant_id, device_id, client_id, token_hash, label)
  SELECT $1, t.device_id, t.client_id, t.token_hash, $5
  FROM unnest($2::text[], $3::text[], $4::text[]) AS t (device_id, client_id, token_hash)
)sql";

/// Credentials for the next devices after row `after`, as CSV; moves `after`. Empty: none are left.
Task<std::string> next_credentials(FleetDeps d, TenantCaller caller, std::string import_id,
                                   std::int64_t& after) {
  const auto rows = co_await caller.db.query(next_devices, pg::Params::of(import_id, after));
  std::vector<std::string> devices, clients, hashes;
  std::string text;
  for (int i = 0; i < rows.rows(); ++i) {
    after = rows.int64(i, 0);
    const auto& device = devices.emplace_back(rows.text(i, 1));
    const auto& client = clients.emplace_back(new_client_id(caller.tenant(), device));
    const auto password = crypto::random_token(32);
    hashes.push_back(crypto::sha256_hex(password));
    // A password may begin like a formula, and must come back as it is: no spreadsheet's quote.
    text += device + "," + client + "," + caller.tenant() + "/" + device + "," + password + "\r\n";
  }
  if (devices.empty()) co_return text;
  const auto label = "import " + import_id;
  std::vector<pg::Statement> statements;
  statements.emplace_back(end_tokens, pg::Params::of(devices, label));
  statements.emplace_back(make_tokens,
                          pg::Params::of(caller.tenant(), devices, clients, hashes, label));
  co_await caller.db.batch(std::move(statements));
  for (const auto& device : devices) {
    d.auth->forget(caller.tenant(), device);
    announce_change(*d.nats, caller.tenant(), device);
  }
  co_return text;
}

Task<http::Response> import_credentials(FleetDeps d, TenantCaller caller,
                                        http::Path<"import_id"> id) {
  const auto job = co_await require_import_job(caller.db, id.value);
  if (job.dry_run) throw conflict("A dry run makes no devices");
  if (!job.finished_at) throw conflict("The import goes on; its credentials come at its end");
  d.audit->write(AuditLog::of(caller, "devices.credentials_made", "rotate", "import", id.value,
                              "Credentials made for the devices of an import"));
  auto r = csv_file(id.value + "-credentials.csv");
  r.stream = [d, caller, import = id.value](http::BodyWriter& out) -> Task<> {
    co_await out.write("device_id,client_id,username,password\r\n");
    std::int64_t after = 0;
    while (!out.client_gone()) {
      const auto text = co_await next_credentials(d, caller, import, after);
      if (text.empty()) co_return;
      co_await out.write(text);
    }
  };
  co_return r;
}

}  // namespace

void mount_import_jobs(http::Router& api, const FleetDeps& d) {
  const std::string base = "/api/v1/customer/devices/import-jobs";
  const std::string one = base + "/{import_id}";
  api.post(base, http::bound(d, start_import))
      .needs("devices.import")
      .tag("Device imports")
      .summary("Import devices in the background")
      .description("The same columns as `devices/import`; up to 100,000 rows and 50 MiB.")
      .max_body(most_bytes)
      .fails(400,
             "Missing required CSV columns: name, device_type; CSV row limit exceeded (max "
             "100000); CSV must be UTF-8 encoded")
      .fails(403, "Import of many devices is not included in the tier")
      .fails(409, "At most 3 imports at a time")
      .fails(415, "Content-Type must be multipart/form-data")
      .fails(429, "At most 12 imports a minute");
  api.get(base, http::bound(d, list_imports))
      .customers()
      .tag("Device imports")
      .summary("Imports of the last 30 days, newest first");
  api.get(one, http::bound(d, get_import))
      .customers()
      .tag("Device imports")
      .summary("How far an import is")
      .fails(404, "Import not found");
  api.del(one, http::bound(d, cancel_import))
      .needs("devices.import")
      .tag("Device imports")
      .summary("Cancel what is left of an import")
      .fails(404, "Import not found")
      .fails(409, "The import has ended already");
  api.get(one + "/result.csv", http::bound(d, import_result))
      .customers()
      .tag("Device imports")
      .summary("What became of each row, as CSV")
      .produces("text/csv")
      .fails(404, "Import not found");
  api.post(one + "/credentials", http::bound(d, import_credentials))
      .needs("devices.import")
      .secret()
      .tag("Device imports")
      .summary("New credentials for the devices of an import, as CSV")
      .description(
          "Each call makes new ones, shown this once; those that an earlier call made for the same "
          "import end.")
      .produces("text/csv")
      .fails(404, "Import not found")
      .fails(409, "The import goes on; its credentials come at its end");
}

}  // namespace pulse::fleet
