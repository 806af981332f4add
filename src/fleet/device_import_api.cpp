// POST /devices/import: up to 500 devices from a CSV file, in one request.
#include "fleet/device_import.hpp"
#include "fleet/mounts.hpp"
#include "platform/http/multipart.hpp"

namespace pulse::fleet {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;

constexpr std::size_t most_rows = 500, most_bytes = 1024 * 1024;
constexpr Rate imports_per_tenant{0.5, 30};  // 30 a minute

struct ImportQuery {
  bool dry_run = false, credentials = false;
};
BOOST_DESCRIBE_STRUCT(ImportQuery, (), (dry_run, credentials))
inline auto constraints(json::As<ImportQuery>) {
  return json::rules<ImportQuery>()
      .describe(&ImportQuery::dry_run, "Says what would become of each row, and writes nothing")
      .describe(&ImportQuery::credentials,
                "Makes a credential for each device; the answer shows its password this once");
}

struct ImportAnswer {
  std::int64_t total = 0, imported = 0, failed = 0;
  bool dry_run = false;
  std::vector<std::string> ignored_columns;
  std::vector<ImportResultRow> results;
};
BOOST_DESCRIBE_STRUCT(ImportAnswer, (),
                      (total, imported, failed, dry_run, ignored_columns, results))
inline auto constraints(json::As<ImportAnswer>) {
  return json::rules<ImportAnswer>()
      .describe(&ImportAnswer::imported, "With dry_run: how many would be")
      .describe(&ImportAnswer::ignored_columns, "Columns of the file that mean nothing here");
}

/// Tells processes, pages and the audit log what was made.
void tell(const FleetDeps& d, const TenantCaller& caller, const std::string& filename,
          const ImportAnswer& answer) {
  for (const auto& result : answer.results) {
    if (result.status != "ok") continue;
    d.auth->forget(caller.tenant(), *result.device_id);
    announce_change(*d.nats, caller.tenant(), *result.device_id);
    d.audit->write(AuditLog::of(caller, "device.created", "create", "device", *result.device_id,
                                "Device " + *result.device_id + " created by an import"));
  }
  boost::json::object details{
      {"file", filename}, {"imported", answer.imported}, {"failed", answer.failed}};
  d.audit->write(AuditLog::of(caller, "devices.imported", "import", "import", filename,
                              "Devices imported: " + std::to_string(answer.imported),
                              std::move(details)));
  tell_pages(d, caller.tenant(), "devices");
}

Task<ImportAnswer> import_file(FleetDeps d, TenantCaller caller, http::Query<ImportQuery> query,
                               http::Upload<"file"> file) {
  if (file.content().size() > most_bytes) throw HttpError(413, "File too large (max 1 MB)");
  if (const auto wait = d.creates->take("import " + caller.tenant(), imports_per_tenant))
    throw too_many("At most 30 imports a minute", static_cast<int>(wait / 1000 + 1));
  auto read = read_import(file.content(), most_rows);
  ImportOptions options;
  options.dry_run = query->dry_run;
  options.actor_id = caller.who.user_id;
  if (query->credentials) options.label = "import";
  ImportAnswer out;
  out.dry_run = query->dry_run;
  out.ignored_columns = std::move(read.ignored_columns);
  try {
    auto tx = co_await caller.db.begin();
    out.results = co_await import_devices(tx, caller.tenant(), std::move(read.rows), options);
    co_await tx.commit();
  } catch (const pg::Error& e) {
    if (!e.foreign_key_violation()) throw;
    throw conflict("A site or template was removed meanwhile; nothing is imported");
  }
  out.total = static_cast<std::int64_t>(out.results.size());
  for (const auto& result : out.results) out.imported += result.status == "ok";
  out.failed = out.total - out.imported;
  if (!out.dry_run) tell(d, caller, file.part.filename.value_or("file"), out);
  co_return out;
}

}  // namespace

void mount_device_import(http::Router& api, const FleetDeps& d) {
  api.post("/api/v1/customer/devices/import", http::bound(d, import_file))
      .needs("devices.import")
      .secret()
      .tag("Devices")
      .summary("Create devices from a CSV file")
      .description(
          "Columns name and device_type; optional site_id, tags (comma-separated), device_id, "
          "template (slug or id), plan, latitude, longitude, serial_number. Each row alone is "
          "imported or refused. Larger files: import jobs.")
      .max_body(2 * most_bytes)
      .fails(400,
             "Missing required CSV columns: name, device_type; CSV row limit exceeded (max 500); "
             "CSV must be UTF-8 encoded")
      .fails(409, "A site or template was removed meanwhile; nothing is imported")
      .fails(413, "File too large (max 1 MB)")
      .fails(415, "Content-Type must be multipart/form-data")
      .fails(429, "At most 30 imports a minute");
}

}  // namespace pulse::fleet
