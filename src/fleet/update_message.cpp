#include "fleet/update_message.hpp"

#include <optional>

#include "platform/json/write.hpp"

namespace pulse::fleet {

namespace {

constexpr long link_seconds = 24 * 3600;

struct UpdateMessage {
  std::int64_t campaign_id = 0;
  std::string firmware_url, version;
  std::optional<std::string> checksum;
  std::string action = "update";
  std::optional<std::int64_t> size_bytes;
  std::optional<std::string> signature;
};
BOOST_DESCRIBE_STRUCT(UpdateMessage, (),
                      (campaign_id, firmware_url, version, checksum, action, size_bytes, signature))

}  // namespace

const std::string update_columns =
    "c.id AS campaign_id, f.id AS firmware_id, f.version, f.checksum_sha256, f.file_url, "
    "f.storage_key, f.file_size_bytes, f.signature";

std::string update_joins(const std::string& row) {
  return "JOIN ota_campaigns c ON c.tenant_id = " + row + ".tenant_id AND c.id = " + row +
         ".campaign_id JOIN firmware_versions f ON f.tenant_id = c.tenant_id "
         "AND f.id = c.firmware_version_id";
}

std::string update_message(const pg::Result& rows, int row, const storage::Storage& files) {
  const auto at = [&](std::string_view name) { return rows.column(name); };
  UpdateMessage out;
  out.campaign_id = rows.int64(row, at("campaign_id"));
  out.version = rows.text(row, at("version"));
  out.checksum = rows.opt_text(row, at("checksum_sha256"));
  out.signature = rows.opt_text(row, at("signature"));
  if (!rows.null(row, at("file_size_bytes")))
    out.size_bytes = rows.int64(row, at("file_size_bytes"));
  if (rows.null(row, at("storage_key")))
    out.firmware_url = rows.text(row, at("file_url"));
  else
    out.firmware_url =
        files.signed_url(rows.text(row, at("storage_key")), link_seconds,
                         "firmware-" + std::string(rows.text(row, at("firmware_id"))) + ".bin");
  return json::to_text(out);
}

}  // namespace pulse::fleet
