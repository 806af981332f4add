// Firmware files on their way in: in parts, in any order, through any process, resumable.
#include "fleet/firmware.hpp"
#include "fleet/mounts.hpp"
#include "fleet/optional_body.hpp"
#include "fleet/stored.hpp"
#include "platform/ids.hpp"

namespace pulse::fleet {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;

/// The bytes of a part, as they are.
struct PartBytes {
  std::string bytes;
};

struct UploadedPart {
  std::int64_t part = 0, size_bytes = 0, received_bytes = 0;
};
BOOST_DESCRIBE_STRUCT(UploadedPart, (), (part, size_bytes, received_bytes))

Task<StoredUpload> known_upload(tenancy::TenantDb db, std::string upload_id) {
  auto upload = co_await find_upload(db, std::move(upload_id));
  if (!upload) throw not_found("Upload not found");
  co_return std::move(*upload);
}

/// Rounded up.
std::string mebibytes(std::int64_t bytes) {
  return std::to_string((bytes + 1024 * 1024 - 1) / 1024 / 1024);
}

Task<http::Created<FirmwareUpload>> begin_upload(FleetDeps d, TenantCaller caller,
                                                 http::Body<BeginUpload> body) {
  if (body->size_bytes > d.firmware_bytes_max)
    throw HttpError(413, "Firmware too large (max " +
                             std::to_string(d.firmware_bytes_max / 1024 / 1024) + " MiB)");
  const auto key = co_await signing_key(caller.db);
  if (key && !body->signature) check_signature(key, body->checksum_sha256, body->signature);
  const bool taken = co_await version_is_taken(caller.db, body->version, body->device_type);
  if (taken) throw conflict("Firmware version already exists for this device type");
  const auto id = short_id("upl-", 24);
  const auto key_of_it = upload_key(caller.tenant(), id);
  const auto begun = co_await stored(d.storage->begin(key_of_it));
  const bool fits = co_await insert_upload(caller.db, caller.tenant(), id, begun,
                                           creator_of(caller.who), body.value, d.stored_bytes_max);
  if (!fits) {
    co_await stored(d.storage->abandon(key_of_it, begun));
    const auto used = co_await stored_bytes(caller.db);
    throw HttpError(413, "Storage is full: " + mebibytes(used) + " of " +
                             mebibytes(d.stored_bytes_max) + " MiB are taken, this file needs " +
                             mebibytes(body->size_bytes) + ". Delete firmware or uploads");
  }
  d.audit->write(AuditLog::of(caller, "firmware.upload_begun", "create", "firmware_upload", id,
                              "Upload of firmware " + body->version + " begun"));
  auto upload = co_await known_upload(caller.db, id);
  co_return http::Created<FirmwareUpload>{std::move(upload)};
}

Task<FirmwareUpload> get_upload(FleetDeps, TenantCaller caller, http::Path<"upload_id"> id) {
  co_return co_await known_upload(caller.db, id.value);
}

Task<UploadedPart> put_part(FleetDeps d, TenantCaller caller, http::Path<"upload_id"> id,
                            http::Path<"part", std::int64_t> part, PartBytes body) {
  const auto upload = co_await known_upload(caller.db, id.value);
  if (part.value < 1 || part.value > upload.parts)
    throw bad_request("Part must be between 1 and " + std::to_string(upload.parts));
  const auto expected =
      std::min(storage::part_bytes, upload.size_bytes - (part.value - 1) * storage::part_bytes);
  const auto bytes = static_cast<std::int64_t>(body.bytes.size());
  if (bytes != expected)
    throw bad_request("Part " + std::to_string(part.value) + " must have " +
                      std::to_string(expected) + " bytes");
  const auto tag = co_await stored(
      d.storage->put_part(upload_key(caller.tenant(), id.value), upload.storage_upload,
                          static_cast<int>(part.value), std::move(body.bytes)));
  co_await note_part(caller.db, caller.tenant(), id.value, part.value, bytes, tag);
  const auto after = co_await known_upload(caller.db, id.value);
  UploadedPart out;
  out.part = part.value;
  out.size_bytes = bytes;
  out.received_bytes = after.received_bytes;
  co_return out;
}

Task<> forget_upload(FleetDeps d, TenantCaller caller, StoredUpload upload) {
  const auto key = upload_key(caller.tenant(), upload.upload_id);
  co_await d.storage->abandon(key, upload.storage_upload);
  co_await d.storage->remove(key);
  co_await remove_upload(caller.db, upload.upload_id);
}

/// The upload's file at the place that its content names; gives its checksum. May be begun again
/// wherever it broke off. Throws 400 when the file is not what was announced.
Task<std::string> settle(FleetDeps d, TenantCaller caller, StoredUpload upload) {
  const auto key = upload_key(caller.tenant(), upload.upload_id);
  if (upload.checksum_sha256) {
    // The same content is there already: moved before an interruption, or uploaded before.
    const auto there =
        co_await d.storage->size(content_key(caller.tenant(), *upload.checksum_sha256));
    const auto here = co_await d.storage->size(key);
    if (there == upload.size_bytes && !here) {
      const auto known = co_await storage::sha256_of(
          *d.storage, content_key(caller.tenant(), *upload.checksum_sha256), upload.size_bytes);
      if (known == *upload.checksum_sha256) {
        const auto public_key = co_await signing_key(caller.db);
        check_signature(public_key, known, upload.signature);
        co_await d.storage->abandon(key, upload.storage_upload);
        co_return known;
      }
    }
  }
  const auto put_together = co_await d.storage->size(key);
  if (put_together != upload.size_bytes)
    co_await d.storage->finish(key, upload.storage_upload, upload.put);
  auto checksum = co_await storage::sha256_of(*d.storage, key, upload.size_bytes);
  if (upload.checksum_sha256 && *upload.checksum_sha256 != checksum) {
    const auto announced = *upload.checksum_sha256;
    co_await forget_upload(d, caller, std::move(upload));
    throw bad_request("Checksum mismatch: announced " + announced + ", received " + checksum);
  }
  const auto public_key = co_await signing_key(caller.db);
  check_signature(public_key, checksum, upload.signature);
  co_await note_checksum(caller.db, upload.upload_id, checksum);
  co_await d.storage->move(key, content_key(caller.tenant(), checksum));
  co_return checksum;
}

Task<http::Created<Firmware>> complete_upload(FleetDeps d, TenantCaller caller,
                                              http::Path<"upload_id"> id) {
  auto upload = co_await known_upload(caller.db, id.value);
  if (static_cast<std::int64_t>(upload.received.size()) < upload.parts)
    throw conflict("Upload is incomplete: " + std::to_string(upload.received.size()) + " of " +
                   std::to_string(upload.parts) + " parts received");
  const bool taken = co_await version_is_taken(caller.db, upload.version, upload.device_type);
  if (taken) throw conflict("Firmware version already exists for this device type");
  const auto checksum = co_await stored(settle(d, caller, std::move(upload)));
  auto made = co_await upload_to_firmware(caller.db, caller.tenant(), id.value, checksum);
  if (!made) throw conflict("Firmware version already exists for this device type");
  tell_pages(d, caller.tenant(), "firmware");
  boost::json::object details{{"checksum_sha256", checksum},
                              {"size_bytes", made->file_size_bytes.value_or(0)}};
  d.audit->write(AuditLog::of(caller, "firmware.created", "create", "firmware",
                              std::to_string(made->id), "Firmware " + made->version + " uploaded",
                              std::move(details)));
  co_return http::Created<Firmware>{std::move(*made)};
}

Task<http::NoContent> delete_upload(FleetDeps d, TenantCaller caller, http::Path<"upload_id"> id) {
  auto upload = co_await known_upload(caller.db, id.value);
  co_await stored(forget_upload(d, caller, std::move(upload)));
  d.audit->write(AuditLog::of(caller, "firmware.upload_abandoned", "delete", "firmware_upload",
                              id.value, "An upload of firmware was abandoned"));
  co_return http::NoContent{};
}

}  // namespace
}  // namespace pulse::fleet

namespace pulse::http {
template <>
struct Extract<fleet::PartBytes> {
  static fleet::PartBytes from(Request& r, Faults&) { return {std::move(r.body)}; }
  static void describe(OperationDoc& doc) {
    doc.request_body = boost::json::object{
        {"required", true},
        {"content",
         {{"application/octet-stream", {{"schema", {{"type", "string"}, {"format", "binary"}}}}}}}};
    doc.any_body_type = true;
  }
};
}  // namespace pulse::http

namespace pulse::fleet {

void mount_firmware_uploads(http::Router& api, const FleetDeps& d) {
  const std::string base = "/api/v1/customer/firmware/uploads";
  const std::string taken = "Firmware version already exists for this device type";
  api.post(base, http::bound(d, begin_upload))
      .needs("devices.update")
      .tag("Firmware")
      .summary("Begin to upload a firmware file")
      .description(
          "Then put each part, all but the last of `part_bytes`, in any order and as often as "
          "needed, and complete the upload. `GET` tells which parts are there. An upload that "
          "nobody completes is forgotten after a day.")
      .fails(400, "Signature required: the organization has a signing key")
      .fails(409, taken)
      .fails(413, "Firmware too large (max 512 MiB)")
      .fails(413,
             "Storage is full: 10200 of 10240 MiB are taken, this file needs 64. Delete firmware "
             "or uploads")
      .fails(503, "Object storage unavailable")
      .example({{"version", "2.1.0"}, {"device_type", "cold-chain"}, {"size_bytes", 7340032}});
  api.get(base + "/{upload_id}", http::bound(d, get_upload))
      .needs("devices.update")
      .tag("Firmware")
      .summary("How far an upload is")
      .fails(404, "Upload not found");
  api.put(base + "/{upload_id}/parts/{part}", http::bound(d, put_part))
      .needs("devices.update")
      .tag("Firmware")
      .summary("Put one part of the file")
      .max_body(static_cast<std::size_t>(storage::part_bytes))
      .fails(400, "Part must be between 1 and 7")
      .fails(400, "Part 1 must have 5242880 bytes")
      .fails(404, "Upload not found")
      .fails(503, "Object storage unavailable");
  api.post(base + "/{upload_id}/complete", http::bound(d, complete_upload))
      .needs("devices.update")
      .tag("Firmware")
      .summary("Check the whole file and add it as a version")
      .fails(400, "Checksum mismatch: announced ..., received ...")
      .fails(400, "Signature does not fit the file's checksum and the signing key")
      .fails(404, "Upload not found")
      .fails(409, "Upload is incomplete: 2 of 7 parts received")
      .fails(409, taken)
      .fails(503, "Object storage unavailable");
  api.del(base + "/{upload_id}", http::bound(d, delete_upload))
      .needs("devices.update")
      .tag("Firmware")
      .summary("Abandon an upload")
      .fails(404, "Upload not found")
      .fails(503, "Object storage unavailable");
}

}  // namespace pulse::fleet
