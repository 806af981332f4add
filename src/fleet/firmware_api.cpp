// The firmware registry's endpoints.
#include "fleet/firmware.hpp"
#include "fleet/mounts.hpp"
#include "fleet/optional_body.hpp"
#include "fleet/stored.hpp"

namespace pulse::fleet {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;

constexpr long link_seconds = 3600;

struct FirmwareQuery {
  std::optional<std::string> device_type;
  std::int64_t limit = 50, offset = 0;
};
BOOST_DESCRIBE_STRUCT(FirmwareQuery, (), (device_type, limit, offset))
inline auto constraints(json::As<FirmwareQuery>) {
  return json::rules<FirmwareQuery>()
      .range(&FirmwareQuery::limit, 1, 200)
      .range(&FirmwareQuery::offset, 0, 1'000'000'000);
}

struct FirmwareList {
  std::vector<Firmware> firmware_versions;
  std::int64_t total = 0, stored_bytes = 0, stored_bytes_max = 0;  ///< of all files of the tenant
};
BOOST_DESCRIBE_STRUCT(FirmwareList, (), (firmware_versions, total, stored_bytes, stored_bytes_max))

Task<FirmwareList> list_firmware(FleetDeps d, TenantCaller caller,
                                 http::Query<FirmwareQuery> query) {
  auto page = co_await firmware_page(caller.db, query->device_type, query->limit, query->offset);
  FirmwareList out;
  out.firmware_versions = std::move(page.versions);
  out.total = page.total;
  out.stored_bytes = co_await stored_bytes(caller.db);
  out.stored_bytes_max = d.stored_bytes_max;
  co_return out;
}

Task<http::Created<Firmware>> create_firmware(FleetDeps d, TenantCaller caller,
                                              http::Body<CreateFirmware> body) {
  try {
    http::parse_url(body->file_url);
  } catch (const http::ClientError&) {
    throw ValidationError({"body", "file_url"}, "must be an http or https URL", "value_error");
  }
  const auto key = co_await signing_key(caller.db);
  check_signature(key, body->checksum_sha256, body->signature);
  auto made =
      co_await insert_firmware(caller.db, caller.tenant(), creator_of(caller.who), body.value);
  if (!made) throw conflict("Firmware version already exists for this device type");
  tell_pages(d, caller.tenant(), "firmware");
  d.audit->write(AuditLog::of(caller, "firmware.created", "create", "firmware",
                              std::to_string(made->id), "Firmware " + made->version + " added"));
  co_return http::Created<Firmware>{std::move(*made)};
}

Task<Firmware> get_firmware(FleetDeps, TenantCaller caller,
                            http::Path<"firmware_id", std::int64_t> id) {
  auto found = co_await find_firmware(caller.db, id.value);
  if (!found) throw not_found("Firmware version not found");
  co_return std::move(*found);
}

Task<http::Response> download(FleetDeps d, TenantCaller caller,
                              http::Path<"firmware_id", std::int64_t> id) {
  const auto found = co_await find_firmware(caller.db, id.value);
  if (!found) throw not_found("Firmware version not found");
  const auto key = co_await firmware_key(caller.db, id.value);
  if (!key) co_return http::Response::redirect(found->file_url);
  co_return http::Response::redirect(
      d.storage->signed_url(*key, link_seconds, "firmware-" + std::to_string(id.value) + ".bin"));
}

Task<http::NoContent> delete_firmware(FleetDeps d, TenantCaller caller,
                                      http::Path<"firmware_id", std::int64_t> id) {
  const auto gone = co_await remove_firmware(caller.db, id.value);
  if (gone.outcome == FirmwareRemoval::missing) throw not_found("Firmware version not found");
  if (gone.outcome == FirmwareRemoval::in_use)
    throw conflict("Firmware version is used by a campaign");
  if (gone.unused_key) co_await stored(d.storage->remove(*gone.unused_key));
  tell_pages(d, caller.tenant(), "firmware");
  d.audit->write(AuditLog::of(caller, "firmware.deleted", "delete", "firmware",
                              std::to_string(id.value), "Firmware " + gone.version + " deleted"));
  co_return http::NoContent{};
}

}  // namespace

void mount_firmware(http::Router& api, const FleetDeps& d) {
  const std::string base = "/api/v1/customer/firmware";
  api.get(base, http::bound(d, list_firmware))
      .customers()
      .tag("Firmware")
      .summary("List firmware versions, newest first");
  api.post(base, http::bound(d, create_firmware))
      .needs("devices.update")
      .tag("Firmware")
      .summary("Add a version whose file lies elsewhere")
      .description("Files are uploaded by `POST /api/v1/customer/firmware/uploads`.")
      .fails(400, "Signature required: the organization has a signing key")
      .fails(400, "Signature does not fit the file's checksum and the signing key")
      .fails(409, "Firmware version already exists for this device type")
      .example({{"version", "2.1.0"},
                {"device_type", "cold-chain"},
                {"file_url", "https://firmware.example.com/cold-2.1.0.bin"}});
  api.get(base + "/{firmware_id}", http::bound(d, get_firmware))
      .customers()
      .tag("Firmware")
      .summary("One firmware version")
      .fails(404, "Firmware version not found");
  api.get(base + "/{firmware_id}/download", http::bound(d, download))
      .customers()
      .tag("Firmware")
      .summary("Where the file is: a link that works for an hour")
      .success(302)
      .fails(404, "Firmware version not found");
  api.del(base + "/{firmware_id}", http::bound(d, delete_firmware))
      .needs("devices.update")
      .tag("Firmware")
      .summary("Delete a version that no campaign uses")
      .fails(404, "Firmware version not found")
      .fails(409, "Firmware version is used by a campaign");
}

}  // namespace pulse::fleet
