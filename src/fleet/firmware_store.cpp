#include "fleet/firmware.hpp"
#include "platform/log.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

const std::string firmware_columns = R"sql(
  id, version, description,
  CASE WHEN storage_key IS NULL THEN file_url
       ELSE '/api/v1/customer/firmware/' || id || '/download' END AS file_url,
  file_size_bytes, checksum_sha256, device_type, signature, storage_key IS NOT NULL AS uploaded,
  created_at, created_by
)sql";

// Versions of the same content share a file.
constexpr const char* bytes_in_use = R"sql(
  SELECT (SELECT coalesce(sum(bytes), 0) FROM (
            SELECT max(file_size_bytes) AS bytes FROM firmware_versions
            WHERE storage_key IS NOT NULL GROUP BY storage_key) f)
         + (SELECT coalesce(sum(size_bytes), 0) FROM firmware_uploads)
)sql";

std::optional<Firmware> inserted(const pg::Result& rows) { return pg::first_as<Firmware>(rows); }

}  // namespace

std::string upload_key(const std::string& tenant_id, const std::string& upload_id) {
  return "uploads/" + tenant_id + "/" + upload_id;
}

std::string content_key(const std::string& tenant_id, const std::string& checksum_sha256) {
  return "firmware/" + tenant_id + "/" + checksum_sha256;
}

Task<FirmwarePage> firmware_page(tenancy::TenantDb db, std::optional<std::string> device_type,
                                 std::int64_t limit, std::int64_t offset) {
  const std::string condition =
      " FROM firmware_versions WHERE $1::text IS NULL OR device_type = $1 ";
  std::vector<pg::Statement> statements;
  statements.emplace_back("SELECT count(*)" + condition, pg::Params::of(device_type));
  statements.emplace_back("SELECT " + firmware_columns + condition +
                              "ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3",
                          pg::Params::of(device_type, limit, offset));
  const auto results = co_await db.batch(std::move(statements));
  FirmwarePage out;
  out.total = results[0].int64(0, 0);
  out.versions = pg::rows_as<Firmware>(results[1]);
  co_return out;
}

Task<std::optional<Firmware>> find_firmware(tenancy::TenantDb db, std::int64_t id) {
  const auto rows = co_await db.query(
      "SELECT " + firmware_columns + " FROM firmware_versions WHERE id = $1::bigint",
      pg::Params::of(id));
  co_return pg::first_as<Firmware>(rows);
}

Task<std::optional<std::string>> firmware_key(tenancy::TenantDb db, std::int64_t id) {
  const auto rows = co_await db.query(
      "SELECT storage_key FROM firmware_versions WHERE id = $1::bigint", pg::Params::of(id));
  if (rows.empty()) co_return std::nullopt;
  co_return rows.opt_text(0, 0);
}

Task<std::optional<Firmware>> insert_firmware(tenancy::TenantDb db, std::string tenant_id,
                                              std::string created_by, CreateFirmware firmware) {
  const auto rows = co_await db.query(
      "INSERT INTO firmware_versions (tenant_id, version, description, file_url, file_size_bytes, "
      "checksum_sha256, device_type, signature, created_by) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING " +
          firmware_columns,
      pg::Params::of(tenant_id, firmware.version, firmware.description, firmware.file_url,
                     firmware.file_size_bytes, firmware.checksum_sha256, firmware.device_type,
                     firmware.signature, created_by));
  co_return inserted(rows);
}

Task<RemovedFirmware> remove_firmware(tenancy::TenantDb db, std::int64_t id) {
  RemovedFirmware out;
  pg::Result rows;
  try {
    rows = co_await db.query(R"sql(
      WITH gone AS (
        DELETE FROM firmware_versions WHERE id = $1::bigint RETURNING id, version, storage_key)
      SELECT version, storage_key, EXISTS (SELECT FROM firmware_versions o
               WHERE o.storage_key = gone.storage_key AND o.id <> gone.id) AS shared
      FROM gone
    )sql",
                             pg::Params::of(id));
  } catch (const pg::Error& e) {
    if (!e.foreign_key_violation()) throw;
    out.outcome = FirmwareRemoval::in_use;
    co_return out;
  }
  if (rows.empty()) co_return out;
  out.outcome = FirmwareRemoval::removed;
  out.version = rows.text(0, 0);
  if (!rows.boolean(0, 2)) out.unused_key = rows.opt_text(0, 1);
  co_return out;
}

Task<bool> version_is_taken(tenancy::TenantDb db, std::string version,
                            std::optional<std::string> device_type) {
  const auto rows = co_await db.query(
      "SELECT EXISTS (SELECT FROM firmware_versions WHERE version = $1 "
      "AND coalesce(device_type, '') = coalesce($2, ''))",
      pg::Params::of(version, device_type));
  co_return rows.boolean(0, 0);
}

Task<std::int64_t> stored_bytes(tenancy::TenantDb db) {
  const auto rows = co_await db.query(bytes_in_use);
  co_return rows.int64(0, 0);
}

Task<bool> insert_upload(tenancy::TenantDb db, std::string tenant_id, std::string upload_id,
                         std::string storage_upload, std::string created_by, BeginUpload upload,
                         std::int64_t bytes_max) {
  auto tx = co_await db.begin();
  co_await tx.query("SELECT pg_advisory_xact_lock(hashtextextended('storage of ' || $1, 0))",
                    pg::Params::of(tenant_id));
  const auto used = co_await tx.query(bytes_in_use);
  if (used.int64(0, 0) > bytes_max - upload.size_bytes) co_return false;
  co_await tx.query(
      "INSERT INTO firmware_uploads (tenant_id, upload_id, version, description, device_type, "
      "size_bytes, checksum_sha256, signature, storage_upload, created_by, expires_at) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now() + interval '24 hours')",
      pg::Params::of(tenant_id, upload_id, upload.version, upload.description, upload.device_type,
                     upload.size_bytes, upload.checksum_sha256, upload.signature, storage_upload,
                     created_by));
  co_await tx.commit();
  co_return true;
}

Task<std::optional<StoredUpload>> find_upload(tenancy::TenantDb db, std::string upload_id) {
  std::vector<pg::Statement> statements;
  statements.emplace_back(
      "SELECT upload_id, version, description, device_type, size_bytes, checksum_sha256, "
      "signature, storage_upload, created_by, created_at, expires_at FROM firmware_uploads "
      "WHERE upload_id = $1 AND expires_at > now()",
      pg::Params::of(upload_id));
  statements.emplace_back(
      "SELECT part, tag, size_bytes FROM firmware_upload_parts WHERE upload_id = $1 ORDER BY part",
      pg::Params::of(upload_id));
  const auto results = co_await db.batch(std::move(statements));
  auto out = pg::first_as<StoredUpload>(results[0]);
  if (!out) co_return std::nullopt;
  out->part_bytes = storage::part_bytes;
  out->parts = (out->size_bytes + storage::part_bytes - 1) / storage::part_bytes;
  for (int i = 0; i < results[1].rows(); ++i) {
    auto& part = out->put.emplace_back();
    part.number = static_cast<int>(results[1].int64(i, 0));
    part.tag = results[1].text(i, 1);
    out->received.push_back(part.number);
    out->received_bytes += results[1].int64(i, 2);
  }
  co_return out;
}

Task<> note_part(tenancy::TenantDb db, std::string tenant_id, std::string upload_id,
                 std::int64_t part, std::int64_t bytes, std::string tag) {
  co_await db.query(
      "INSERT INTO firmware_upload_parts (tenant_id, upload_id, part, size_bytes, tag) "
      "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant_id, upload_id, part) "
      "DO UPDATE SET size_bytes = excluded.size_bytes, tag = excluded.tag",
      pg::Params::of(tenant_id, upload_id, part, bytes, tag));
}

Task<> note_checksum(tenancy::TenantDb db, std::string upload_id, std::string checksum_sha256) {
  co_await db.query("UPDATE firmware_uploads SET checksum_sha256 = $2 WHERE upload_id = $1",
                    pg::Params::of(upload_id, checksum_sha256));
}

Task<bool> remove_upload(tenancy::TenantDb db, std::string upload_id) {
  const auto rows =
      co_await db.query("DELETE FROM firmware_uploads WHERE upload_id = $1 RETURNING upload_id",
                        pg::Params::of(upload_id));
  co_return !rows.empty();
}

Task<std::optional<Firmware>> upload_to_firmware(tenancy::TenantDb db, std::string tenant_id,
                                                 std::string upload_id,
                                                 std::string checksum_sha256) {
  const auto rows = co_await db.query(
      R"sql(
    WITH upload AS (
      DELETE FROM firmware_uploads WHERE upload_id = $1
      RETURNING tenant_id, version, description, device_type, size_bytes, signature, created_by
    )
    INSERT INTO firmware_versions (tenant_id, version, description, file_url, file_size_bytes,
      checksum_sha256, device_type, signature, storage_key, created_by)
    SELECT tenant_id, version, description, '', size_bytes, $2, device_type, signature, $3,
           created_by
    FROM upload ON CONFLICT DO NOTHING RETURNING
  )sql" + firmware_columns,
      pg::Params::of(upload_id, checksum_sha256, content_key(tenant_id, checksum_sha256)));
  co_return inserted(rows);
}

Task<> remove_files_of(storage::Storage& files, std::string tenant_id) {
  co_await files.remove_all(upload_key(tenant_id, ""));
  co_await files.remove_all(content_key(tenant_id, ""));
}

Task<> remove_expired_uploads(pg::Pool& pool, storage::Storage& files) {
  pg::Scope scope;
  scope.role = "pulse_ingest";
  const auto rows =
      co_await pool.query(scope,
                          "SELECT tenant_id, upload_id, storage_upload FROM firmware_uploads "
                          "WHERE expires_at <= now() ORDER BY expires_at LIMIT 200");
  for (int i = 0; i < rows.rows(); ++i) {
    const std::string tenant(rows.text(i, 0)), upload(rows.text(i, 1));
    const auto key = upload_key(tenant, upload);
    // One that can't be removed must not hold up the others.
    std::string problem;
    try {
      co_await files.abandon(key, std::string(rows.text(i, 2)));
      co_await files.remove(key);
    } catch (const storage::Error& e) {
      problem = e.what();
    }
    if (!problem.empty()) {
      log::error_throttled("expired upload not removed", {{"upload", upload}, {"error", problem}});
      continue;
    }
    co_await pool.query(scope,
                        "DELETE FROM firmware_uploads WHERE tenant_id = $1 AND upload_id = $2",
                        pg::Params::of(tenant, upload));
  }
}

}  // namespace pulse::fleet
