// Activation codes: an installer's system registers a device and hands out a code; the device
// changes it for its token.
#include "fleet/device_import.hpp"
#include "fleet/devices.hpp"
#include "fleet/provisioning.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/loop.hpp"
#include "platform/pg/clauses.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

struct ActivateDevice {
  std::string tenant_id, device_id, activation_code;
};
BOOST_DESCRIBE_STRUCT(ActivateDevice, (), (tenant_id, device_id, activation_code))
inline auto constraints(json::As<ActivateDevice>) {
  return json::rules<ActivateDevice>()
      .identifier(&ActivateDevice::tenant_id)
      .identifier(&ActivateDevice::device_id)
      .length(&ActivateDevice::activation_code, 1, 200);
}
struct ActivatedDevice {
  std::string tenant_id, device_id, provision_token;
};
BOOST_DESCRIBE_STRUCT(ActivatedDevice, (), (tenant_id, device_id, provision_token))

struct RegisterDevice {
  std::string tenant_id, device_id, site_id;
  std::optional<std::string> fw_version;
  boost::json::object metadata;
};
BOOST_DESCRIBE_STRUCT(RegisterDevice, (), (tenant_id, device_id, site_id, fw_version, metadata))
inline auto constraints(json::As<RegisterDevice>) {
  return json::rules<RegisterDevice>()
      .identifier(&RegisterDevice::tenant_id)
      .identifier(&RegisterDevice::device_id)
      .identifier(&RegisterDevice::site_id)
      .length(&RegisterDevice::fw_version, 0, 64)
      .check("metadata", [](const RegisterDevice& r) -> std::string {
        return boost::json::serialize(r.metadata).size() > 16 * 1024 ? "must be at most 16 KiB"
                                                                     : "";
      });
}
inline std::vector<std::string_view> optional_members(json::As<RegisterDevice>) {
  return {"metadata"};
}
struct RegisteredDevice {
  std::string tenant_id, device_id, site_id, activation_code;
  Time expires_at;
};
BOOST_DESCRIBE_STRUCT(RegisteredDevice, (),
                      (tenant_id, device_id, site_id, activation_code, expires_at))

struct AdminDeviceQuery {
  std::optional<std::string> tenant_id, site_id, status;
  std::int64_t limit = 100;
};
BOOST_DESCRIBE_STRUCT(AdminDeviceQuery, (), (tenant_id, site_id, status, limit))
inline auto constraints(json::As<AdminDeviceQuery>) {
  return json::rules<AdminDeviceQuery>()
      .one_of(&AdminDeviceQuery::status, {"ACTIVE", "INACTIVE", "SUSPENDED", "REVOKED", "DELETED"})
      .range(&AdminDeviceQuery::limit, 1, 1000);
}
struct AdminDevice {
  std::string tenant_id, device_id, site_id, status;
  std::optional<std::string> fw_version;
  boost::json::object metadata;
  bool activated = false;  ///< it has a live token
  Time created_at, updated_at;
};
BOOST_DESCRIBE_STRUCT(AdminDevice, (),
                      (tenant_id, device_id, site_id, status, fw_version, metadata, activated,
                       created_at, updated_at))
struct AdminDeviceList {
  std::vector<AdminDevice> devices;
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(AdminDeviceList, (), (devices, count))
struct AdminRevoked {
  std::string tenant_id, device_id, status = "REVOKED";
};
BOOST_DESCRIBE_STRUCT(AdminRevoked, (), (tenant_id, device_id, status))
struct AdminRotated {
  std::string tenant_id, device_id, new_provision_token;
};
BOOST_DESCRIBE_STRUCT(AdminRotated, (), (tenant_id, device_id, new_provision_token))

/// What each attempt waits for while its device is guessed at.
constexpr long guessed_at_ms = 1'000;

std::string new_token() { return "tok-" + crypto::random_token(24); }

tenancy::TenantDb tenant_db(const ProvisioningDeps& d, const std::string& tenant_id) {
  return tenancy::TenantDb::for_worker(*d.pool, tenant_id, "its device, proven by code or key");
}

/// Throws 401 without the key. Both are hashed, so that the time tells nothing of either.
void require_admin(const ProvisioningDeps& d, const http::Request& request) {
  const auto from = "admin " + request.client_address;
  check_attempts(d, from);
  const auto given = request.headers.get("X-Admin-Key");
  const bool right = crypto::equal(crypto::sha256(given), crypto::sha256(d.admin_key));
  if (right && !d.admin_key.empty()) return;
  d.failures->failed(from);
  throw HttpError(401, "Unauthorized");
}

/// Locks the code, so that of two that come at once one finds it used.
constexpr const char* find_code = R"sql(
  SELECT c.used_at IS NOT NULL AS used, c.expires_at <= now() AS expired
  FROM activation_codes c
  JOIN device_registry r ON r.tenant_id = c.tenant_id AND r.device_id = c.device_id
    AND r.status = 'ACTIVE'
  JOIN tenants t ON t.tenant_id = c.tenant_id AND t.status = 'ACTIVE'
  WHERE c.device_id = $1 AND c.code_hash = $2 FOR UPDATE OF c
)sql";

/// Why the code does not open the door; empty: it does, and is used up.
Task<std::string> use_code(pg::Transaction& tx, std::string device_id, std::string hash) {
  const auto rows = co_await tx.query(find_code, pg::Params::of(device_id, hash));
  if (rows.empty()) co_return "Invalid activation code";
  if (rows.boolean(0, 0)) co_return "Activation code already used";
  if (rows.boolean(0, 1)) co_return "Activation code expired";
  co_await tx.query(
      "UPDATE activation_codes SET used_at = now() WHERE device_id = $1 AND code_hash = $2",
      pg::Params::of(device_id, hash));
  co_return "";
}

/// Whoever guesses is shut out: the address, for this device, and after more failures for all, as
/// who calls may name any device. A device that is guessed at by many
/// is only slowed down: the right code opens it however many wrong ones come.
Task<ActivatedDevice> activate(ProvisioningDeps d, http::Raw request,
                               http::Body<ActivateDevice> body) {
  const std::string device = "activate " + body->tenant_id + "/" + body->device_id,
                    guesser = device + " from " + request->client_address;
  const auto address = "activate from " + request->client_address;
  if (const int wait = d.address_failures->blocked_for(address))
    throw too_many("Too many attempts", wait);
  check_attempts(d, guesser);
  if (d.failures->blocked_for(device)) co_await sleep_ms(guessed_at_ms);
  auto tx = co_await tenant_db(d, body->tenant_id).begin();
  auto problem = co_await use_code(tx, body->device_id, crypto::sha256_hex(body->activation_code));
  if (!problem.empty()) {
    d.failures->failed(guesser);
    d.failures->failed(device);
    d.address_failures->failed(address);
    throw bad_request(std::move(problem));
  }
  ActivatedDevice out{body->tenant_id, body->device_id, new_token()};
  auto token = only_token(out.tenant_id, out.device_id, out.provision_token, "activation");
  co_await tx.query(std::move(token.first), std::move(token.second));
  co_await tx.commit();
  changed(d.fleet, out.tenant_id, out.device_id);
  tell_provisioned(d.fleet, *request.request, "device", out.tenant_id, out.device_id,
                   "device.activated", "activate", "Device " + out.device_id + " activated itself");
  co_return out;
}

/// Registers the device, or makes a known one ready to be activated again.
Task<> put_device(pg::Transaction& tx, RegisterDevice wanted) {
  co_await tx.query(
      "INSERT INTO sites (tenant_id, site_id, name) VALUES ($1, $2, $2) ON CONFLICT DO NOTHING",
      pg::Params::of(wanted.tenant_id, wanted.site_id));
  const auto known = co_await tx.query(
      "SELECT 1 FROM device_registry WHERE device_id = $1 AND status <> 'DELETED' FOR NO KEY "
      "UPDATE",
      pg::Params::of(wanted.device_id));
  if (known.empty()) {
    std::vector<ImportRow> rows(1);
    rows[0].row = 1;
    rows[0].device_id = wanted.device_id;
    rows[0].site_id = wanted.site_id;
    rows[0].plan_id = "basic";
    ImportOptions options;
    const auto made = co_await import_devices(tx, wanted.tenant_id, std::move(rows), options);
    if (made[0].status != "ok") throw conflict(made[0].message.value_or(""));
  }
  co_await tx.query(
      "UPDATE device_registry SET site_id = $2, status = 'ACTIVE', decommissioned_at = NULL, "
      "fw_version = coalesce($3, fw_version), metadata = metadata || $4::jsonb, updated_at = now() "
      "WHERE device_id = $1",
      pg::Params::of(wanted.device_id, wanted.site_id, wanted.fw_version,
                     boost::json::serialize(wanted.metadata)));
}

// The key is looked at before the body: who has none learns nothing of what is wrong with it.
Task<RegisteredDevice> register_device(ProvisioningDeps d, http::Raw request) {
  require_admin(d, *request.request);
  http::require_json(*request.request);
  const auto wanted = json::from_text<RegisterDevice>(request->body);
  RegisteredDevice out;
  out.tenant_id = wanted.tenant_id;
  out.device_id = wanted.device_id;
  out.site_id = wanted.site_id;
  out.activation_code = crypto::random_token(18);
  auto tx = co_await tenant_db(d, out.tenant_id).begin();
  const auto tenant = co_await tx.query("SELECT 1 FROM tenants WHERE status = 'ACTIVE'");
  if (tenant.empty()) throw not_found("Tenant not found");
  co_await put_device(tx, wanted);
  // One code at a time: a new one ends those that nobody used.
  co_await tx.query("DELETE FROM activation_codes WHERE device_id = $1 AND used_at IS NULL",
                    pg::Params::of(out.device_id));
  const auto made = co_await tx.query(
      "INSERT INTO activation_codes (tenant_id, device_id, code_hash, expires_at) "
      "VALUES ($1, $2, $3, now() + make_interval(mins => $4::integer)) RETURNING expires_at",
      pg::Params::of(out.tenant_id, out.device_id, crypto::sha256_hex(out.activation_code),
                     d.code_minutes));
  co_await tx.commit();
  pg::read_value(made, 0, 0, out.expires_at);
  changed(d.fleet, out.tenant_id, out.device_id);
  tell_provisioned(d.fleet, *request.request, "admin key", out.tenant_id, out.device_id,
                   "device.registered", "create",
                   "Device " + out.device_id + " registered, waiting for its activation");
  co_return out;
}

Task<AdminDeviceList> admin_devices(ProvisioningDeps d, http::Raw request,
                                    http::Query<AdminDeviceQuery> query) {
  require_admin(d, *request.request);
  pg::Clauses where(" AND ");
  if (query->tenant_id) where.add("r.tenant_id = ?", *query->tenant_id);
  if (query->site_id) where.add("r.site_id = ?", *query->site_id);
  if (query->status) where.add("r.status = ?", *query->status);
  const auto limit = where.parameter(query->limit);
  pg::Scope scope;
  scope.role = "pulse_operator_read";
  const auto rows = co_await d.pool->query(
      scope,
      "SELECT r.tenant_id, r.device_id, r.site_id, r.status, r.fw_version, r.metadata, "
      "r.created_at, r.updated_at, EXISTS (SELECT FROM device_api_tokens t WHERE t.tenant_id = "
      "r.tenant_id AND t.device_id = r.device_id AND t.revoked_at IS NULL "
      "AND (t.expires_at IS NULL OR t.expires_at > now())) AS activated FROM device_registry r" +
          where.where() + " ORDER BY r.tenant_id, r.device_id LIMIT " + limit,
      where.params());
  AdminDeviceList out;
  out.devices = pg::rows_as<AdminDevice>(rows);
  out.count = static_cast<std::int64_t>(out.devices.size());
  co_return out;
}

Task<AdminRevoked> revoke_device(ProvisioningDeps d, http::Raw request, http::Path<"tenant_id"> t,
                                 http::Path<"device_id"> id) {
  require_admin(d, *request.request);
  const auto db = tenant_db(d, t.value);
  co_await require_device(db, id.value);
  co_await decommission(db, id.value);
  co_await db.query("DELETE FROM activation_codes WHERE device_id = $1 AND used_at IS NULL",
                    pg::Params::of(id.value));
  changed(d.fleet, t.value, id.value);
  tell_provisioned(d.fleet, *request.request, "admin key", t.value, id.value, "device.revoked",
                   "revoke", "Device " + id.value + " revoked; its tokens are, too");
  AdminRevoked out;
  out.tenant_id = t.value;
  out.device_id = id.value;
  co_return out;
}

Task<AdminRotated> rotate_device_token(ProvisioningDeps d, http::Raw request,
                                       http::Path<"tenant_id"> t, http::Path<"device_id"> id) {
  require_admin(d, *request.request);
  const auto db = tenant_db(d, t.value);
  AdminRotated out{t.value, id.value, new_token()};
  auto token = only_token(out.tenant_id, out.device_id, out.new_provision_token, "rotated");
  const auto made = co_await db.query(std::move(token.first), std::move(token.second));
  if (made.empty()) throw not_found("Device not found");
  changed(d.fleet, t.value, id.value);
  tell_provisioned(d.fleet, *request.request, "admin key", t.value, id.value,
                   "device.token_rotated", "rotate", "Device " + id.value + " got a new token");
  co_return out;
}

}  // namespace

pg::Statement only_token(const std::string& tenant_id, const std::string& device_id,
                         const std::string& token, const std::string& label) {
  return {R"sql(
    WITH device AS (
      SELECT tenant_id, device_id FROM device_registry
      WHERE device_id = $1 AND status <> 'DELETED'
    ), earlier AS (
      UPDATE device_api_tokens t SET revoked_at = now() FROM device
      WHERE t.tenant_id = device.tenant_id AND t.device_id = device.device_id
        AND t.revoked_at IS NULL
    )
    INSERT INTO device_api_tokens (tenant_id, device_id, client_id, token_hash, label)
    SELECT tenant_id, device_id, $2, $3, $4 FROM device RETURNING id
  )sql",
          pg::Params::of(device_id, new_client_id(tenant_id, device_id), crypto::sha256_hex(token),
                         label)};
}

void check_attempts(const ProvisioningDeps& deps, const std::string& key) {
  if (const int wait = deps.failures->blocked_for(key)) throw too_many("Too many attempts", wait);
}

void tell_provisioned(const FleetDeps& d, const http::Request& request, const std::string& actor,
                      const std::string& tenant_id, const std::string& device_id,
                      const std::string& event_type, const std::string& action,
                      const std::string& message) {
  tenancy::AuditEvent event;
  event.tenant_id = tenant_id;
  event.event_type = event_type;
  event.category = "device";
  event.entity_type = "device";
  event.entity_id = event.entity_name = device_id;
  event.action = action;
  event.message = message;
  event.actor_name = actor;
  event.ip_address = request.client_address;
  event.request_id = request.request_id;
  d.audit->write(std::move(event));
}

void mount_activation(http::Router& api, const ProvisioningDeps& d) {
  const std::string base = "/api/admin/devices";
  const std::string one = base + "/{tenant_id}/{device_id}";
  const auto admin = [](http::Endpoint endpoint) {
    return endpoint.open("X-Admin-Key is looked at by the handler")
        .tag("Provisioning")
        .header("X-Admin-Key", "The key of PROVISION_ADMIN_KEY", true)
        .fails(401, "Unauthorized");
  };
  api.post("/api/device/activate", http::bound(d, activate))
      .open("the activation code is the proof")
      .secret()
      .tag("Provisioning")
      .summary("Change an activation code for the device's token")
      .description(
          "The token is shown once. It is the device's `X-Provision-Token` by HTTP and its "
          "password "
          "by MQTT (user name `{tenant}/{device}`). Its earlier tokens end.")
      .fails(400, "Invalid activation code; Activation code already used; Activation code expired")
      .fails(429, "Too many attempts");
  admin(api.post(base, http::bound(d, register_device)))
      .secret()
      .summary("Register a device, or let it be activated again")
      .description("A site that is not there yet is made.")
      .body<RegisterDevice>()
      .fails(415, "Content-Type must be application/json")
      .fails(404, "Tenant not found");
  admin(api.get(base, http::bound(d, admin_devices))).summary("Devices of all tenants");
  admin(api.post(one + "/revoke", http::bound(d, revoke_device)))
      .summary("Take a device out of service")
      .fails(404, "Device not found");
  admin(api.post(one + "/rotate-token", http::bound(d, rotate_device_token)))
      .secret()
      .summary("Make a new token for a device; the earlier ones end")
      .fails(404, "Device not found");
}

}  // namespace pulse::fleet
