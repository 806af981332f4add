#pragma once
// The firmware registry: versions by device type, their files, checksums and signatures. Owns:
// tables firmware_versions, firmware_signing_keys, firmware_uploads, firmware_upload_parts.
#include <optional>
#include <string>
#include <vector>

#include "platform/clock.hpp"
#include "platform/json/rules.hpp"
#include "platform/json/write.hpp"
#include "platform/storage/storage.hpp"
#include "tenancy/caller.hpp"

namespace pulse::fleet {

struct CreateFirmware {
  std::string version;
  std::optional<std::string> description;
  std::string file_url;
  std::optional<std::int64_t> file_size_bytes;
  std::optional<std::string> checksum_sha256, device_type, signature;
};
BOOST_DESCRIBE_STRUCT(CreateFirmware, (),
                      (version, description, file_url, file_size_bytes, checksum_sha256,
                       device_type, signature))
inline auto constraints(json::As<CreateFirmware>) {
  return json::rules<CreateFirmware>()
      .length(&CreateFirmware::version, 1, 50)
      .length(&CreateFirmware::description, 0, 2000)
      .length(&CreateFirmware::file_url, 1, 2000)
      .range(&CreateFirmware::file_size_bytes, 0, 1e15)
      .length(&CreateFirmware::checksum_sha256, 0, 64)
      .length(&CreateFirmware::device_type, 0, 50)
      .length(&CreateFirmware::signature, 1, 200)
      .describe(&CreateFirmware::signature, "Ed25519 over the 32 bytes of the SHA-256, in base64");
}

struct Firmware {
  std::int64_t id = 0;
  std::string version;
  std::optional<std::string> description;
  std::string file_url;  ///< of an uploaded file: where people fetch it
  std::optional<std::int64_t> file_size_bytes;
  std::optional<std::string> checksum_sha256, device_type, signature;
  bool uploaded = false;
  Time created_at;
  std::optional<std::string> created_by;
};
BOOST_DESCRIBE_STRUCT(Firmware, (),
                      (id, version, description, file_url, file_size_bytes, checksum_sha256,
                       device_type, signature, uploaded, created_at, created_by))

struct FirmwarePage {
  std::vector<Firmware> versions;
  std::int64_t total = 0;
};
Task<FirmwarePage> firmware_page(tenancy::TenantDb db, std::optional<std::string> device_type,
                                 std::int64_t limit, std::int64_t offset);
Task<std::optional<Firmware>> find_firmware(tenancy::TenantDb db, std::int64_t id);
/// Where the file of a version lies in the storage; nothing when it is elsewhere.
Task<std::optional<std::string>> firmware_key(tenancy::TenantDb db, std::int64_t id);
/// Nothing when the device type has the version already.
Task<std::optional<Firmware>> insert_firmware(tenancy::TenantDb db, std::string tenant_id,
                                              std::string created_by, CreateFirmware firmware);
enum class FirmwareRemoval { removed, missing, in_use };
struct RemovedFirmware {
  FirmwareRemoval outcome = FirmwareRemoval::missing;
  std::string version;
  std::optional<std::string> unused_key;  ///< of the storage: no version has it any more
};
Task<RemovedFirmware> remove_firmware(tenancy::TenantDb db, std::int64_t id);

// ---- signatures ----

/// The tenant's public key, 32 bytes; nothing when there is none.
Task<std::optional<std::string>> signing_key(tenancy::TenantDb db);
bool is_signed(const std::string& public_key, const std::optional<std::string>& checksum_sha256,
               const std::optional<std::string>& signature);
/// Throws 400 unless a signature fits the tenant's key. Without a key nothing is asked for.
void check_signature(const std::optional<std::string>& public_key,
                     const std::optional<std::string>& checksum_sha256,
                     const std::optional<std::string>& signature);

// ---- uploads ----

struct BeginUpload {
  std::string version;
  std::optional<std::string> description, device_type;
  std::int64_t size_bytes = 0;
  std::optional<std::string> checksum_sha256, signature;
};
BOOST_DESCRIBE_STRUCT(BeginUpload, (),
                      (version, description, device_type, size_bytes, checksum_sha256, signature))
inline auto constraints(json::As<BeginUpload>) {
  return json::rules<BeginUpload>()
      .length(&BeginUpload::version, 1, 50)
      .length(&BeginUpload::description, 0, 2000)
      .length(&BeginUpload::device_type, 0, 50)
      .range(&BeginUpload::size_bytes, 1, 1e15)
      .length(&BeginUpload::signature, 1, 200)
      .describe(&BeginUpload::checksum_sha256, "64 hex digits; what is uploaded must have it")
      .check("checksum_sha256", [](const BeginUpload& b) {
        if (!b.checksum_sha256) return "";
        const bool hex =
            b.checksum_sha256->size() == 64 &&
            b.checksum_sha256->find_first_not_of("0123456789abcdef") == std::string::npos;
        return hex ? "" : "must be 64 lower-case hex digits";
      });
}

struct FirmwareUpload {
  std::string upload_id, version;
  std::optional<std::string> description, device_type;
  std::int64_t size_bytes = 0, part_bytes = storage::part_bytes, parts = 0;
  std::vector<std::int64_t> received;  ///< parts that are there
  std::optional<std::string> checksum_sha256;
  Time created_at, expires_at;
};
BOOST_DESCRIBE_STRUCT(FirmwareUpload, (),
                      (upload_id, version, description, device_type, size_bytes, part_bytes, parts,
                       received, checksum_sha256, created_at, expires_at))

/// An upload with what its answers don't show.
struct StoredUpload : FirmwareUpload {
  std::string storage_upload;
  std::optional<std::string> signature, created_by;
  std::vector<storage::Part> put;
  std::int64_t received_bytes = 0;
};
BOOST_DESCRIBE_STRUCT(StoredUpload, (FirmwareUpload), (storage_upload, signature, created_by))

/// Key of a file on its way, and of one that is there.
std::string upload_key(const std::string& tenant_id, const std::string& upload_id);
std::string content_key(const std::string& tenant_id, const std::string& checksum_sha256);

Task<bool> version_is_taken(tenancy::TenantDb db, std::string version,
                            std::optional<std::string> device_type);
/// The bytes that the tenant's files take, with those of uploads as they were announced.
Task<std::int64_t> stored_bytes(tenancy::TenantDb db);
/// False when the tenant would store more than `bytes_max` with it; uploads that begin at once are
/// counted one after the other.
Task<bool> insert_upload(tenancy::TenantDb db, std::string tenant_id, std::string upload_id,
                         std::string storage_upload, std::string created_by, BeginUpload upload,
                         std::int64_t bytes_max);
Task<std::optional<StoredUpload>> find_upload(tenancy::TenantDb db, std::string upload_id);
Task<> note_part(tenancy::TenantDb db, std::string tenant_id, std::string upload_id,
                 std::int64_t part, std::int64_t bytes, std::string tag);
Task<> note_checksum(tenancy::TenantDb db, std::string upload_id, std::string checksum_sha256);
Task<bool> remove_upload(tenancy::TenantDb db, std::string upload_id);
/// The upload becomes a version; nothing when the device type has it by now.
Task<std::optional<Firmware>> upload_to_firmware(tenancy::TenantDb db, std::string tenant_id,
                                                 std::string upload_id,
                                                 std::string checksum_sha256);

/// Removes all files of a tenant.
Task<> remove_files_of(storage::Storage& files, std::string tenant_id);

/// Every minute: forgets uploads that nobody finished. Of all tenants.
Task<> remove_expired_uploads(pg::Pool& pool, storage::Storage& files);

}  // namespace pulse::fleet
