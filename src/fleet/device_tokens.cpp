// Device credentials: list, rotate, revoke. A token is shown once and stored as its SHA-256.
#include "fleet/device_import.hpp"
#include "fleet/devices.hpp"
#include "fleet/mounts.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/ids.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;

struct DeviceToken {
  std::string id, client_id, label;
  Time created_at;
  std::optional<Time> revoked_at, expires_at, last_used_at;
};
BOOST_DESCRIBE_STRUCT(DeviceToken, (),
                      (id, client_id, label, created_at, revoked_at, expires_at, last_used_at))
struct DeviceTokenList {
  std::string device_id;
  std::vector<DeviceToken> tokens;
  std::int64_t total = 0;
};
BOOST_DESCRIBE_STRUCT(DeviceTokenList, (), (device_id, tokens, total))

struct RotateToken {
  std::string label = "rotated";
};
BOOST_DESCRIBE_STRUCT(RotateToken, (), (label))
inline auto constraints(json::As<RotateToken>) {
  return json::rules<RotateToken>().length(&RotateToken::label, 1, 100);
}
inline std::vector<std::string_view> optional_members(json::As<RotateToken>) { return {"label"}; }

struct RotateQuery {
  std::int64_t grace_hours = 0;
};
BOOST_DESCRIBE_STRUCT(RotateQuery, (), (grace_hours))
inline auto constraints(json::As<RotateQuery>) {
  return json::rules<RotateQuery>()
      .range(&RotateQuery::grace_hours, 0, 720)
      .describe(&RotateQuery::grace_hours, "How long the earlier tokens still work");
}

struct NewCredential {
  std::string client_id, password, broker_url, username;
};
BOOST_DESCRIBE_STRUCT(NewCredential, (), (client_id, password, broker_url, username))

Task<DeviceTokenList> list_tokens(FleetDeps, TenantCaller caller, http::Path<"device_id"> id) {
  co_await require_device(caller.db, id.value);
  const auto rows = co_await caller.db.query(
      "SELECT id, client_id, label, created_at, revoked_at, expires_at, last_used_at "
      "FROM device_api_tokens WHERE device_id = $1 AND revoked_at IS NULL "
      "AND (expires_at IS NULL OR expires_at > now()) ORDER BY created_at DESC",
      pg::Params::of(id.value));
  DeviceTokenList out;
  out.device_id = id.value;
  out.tokens = pg::rows_as<DeviceToken>(rows);
  out.total = static_cast<std::int64_t>(out.tokens.size());
  co_return out;
}

Task<http::NoContent> revoke_token(FleetDeps d, TenantCaller caller, http::Path<"device_id"> id,
                                   http::Path<"token_id"> token_id) {
  const auto rows = co_await caller.db.query(
      "UPDATE device_api_tokens SET revoked_at = now() "
      "WHERE device_id = $1 AND id::text = $2 AND revoked_at IS NULL RETURNING id",
      pg::Params::of(id.value, token_id.value));
  if (rows.empty()) throw not_found("Token not found");
  changed(d, caller.tenant(), id.value);
  auto event = AuditLog::of(caller, "device.token_revoked", "revoke", "device", id.value,
                            "A token of device " + id.value + " was revoked");
  event.details["token_id"] = token_id.value;
  d.audit->write(std::move(event));
  co_return http::NoContent{};
}

Task<http::Created<NewCredential>> rotate_token(FleetDeps d, TenantCaller caller,
                                                http::Path<"device_id"> id,
                                                http::Query<RotateQuery> query,
                                                http::Body<RotateToken> body) {
  NewCredential out;
  out.client_id = new_client_id(caller.tenant(), id.value);
  out.password = crypto::random_token(32);
  out.username = caller.tenant() + "/" + id.value;
  out.broker_url =
      "mqtt://" + d.connection.mqtt_host + ":" + std::to_string(d.connection.mqtt_port);
  const auto rows = co_await caller.db.query(
      R"sql(
    WITH device AS (
      SELECT tenant_id, device_id FROM device_registry
      WHERE device_id = $1 AND status <> 'DELETED'
    ), earlier AS (
      UPDATE device_api_tokens t SET
        revoked_at = CASE WHEN $5::integer = 0 THEN now() END,
        expires_at = CASE WHEN $5::integer = 0 THEN t.expires_at
                          ELSE least(t.expires_at, now() + make_interval(hours => $5::integer)) END
      FROM device WHERE t.tenant_id = device.tenant_id AND t.device_id = device.device_id
        AND t.revoked_at IS NULL
    )
    INSERT INTO device_api_tokens (tenant_id, device_id, client_id, token_hash, label)
    SELECT tenant_id, device_id, $2, $3, $4 FROM device RETURNING id
  )sql",
      pg::Params::of(id.value, out.client_id, crypto::sha256_hex(out.password), body->label,
                     query->grace_hours));
  if (rows.empty()) throw not_found("Device not found");
  changed(d, caller.tenant(), id.value);
  auto event = AuditLog::of(caller, "device.token_rotated", "rotate", "device", id.value,
                            "Device " + id.value + " got a new token");
  event.details["client_id"] = out.client_id;
  event.details["grace_hours"] = query->grace_hours;
  d.audit->write(std::move(event));
  co_return http::Created<NewCredential>{std::move(out)};
}

}  // namespace

void mount_device_tokens(http::Router& api, const FleetDeps& d) {
  const std::string base = "/api/v1/customer/devices/{device_id}/tokens";
  api.get(base, http::bound(d, list_tokens))
      .customers()
      .tag("Device tokens")
      .summary("Live tokens of a device")
      .fails(404, "Device not found");
  api.del(base + "/{token_id}", http::bound(d, revoke_token))
      .needs("devices.tokens.revoke")
      .tag("Device tokens")
      .summary("Revoke a token")
      .fails(404, "Token not found");
  api.post(base + "/rotate", http::bound(d, rotate_token))
      .needs("devices.tokens.rotate")
      .secret()
      .tag("Device tokens")
      .summary("Make a new token; the earlier ones end")
      .description(
          "The password is shown once. It is the device's `X-Provision-Token` by HTTP and "
          "its password by MQTT (user name `{tenant}/{device}`).")
      .fails(404, "Device not found")
      .example(boost::json::object{{"label", "field kit"}});
}

}  // namespace pulse::fleet
