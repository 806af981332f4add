// Self-registration keys: one key for a batch from the factory; each device claims its own
// credential with it, and lands on the key's template and site.
#include "fleet/device_import.hpp"
#include "fleet/mounts.hpp"
#include "fleet/provisioning.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/ids.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;

struct ProvisioningKey {
  std::string key_id, name, site_id;
  std::optional<std::int64_t> template_id;
  std::optional<std::string> template_name;
  std::int64_t max_devices = 0, claimed = 0;
  std::optional<Time> last_claimed_at, expires_at;
  Time created_at;
};
BOOST_DESCRIBE_STRUCT(ProvisioningKey, (),
                      (key_id, name, site_id, template_id, template_name, max_devices, claimed,
                       last_claimed_at, expires_at, created_at))
struct ProvisioningKeyList {
  std::vector<ProvisioningKey> keys;
  std::int64_t total = 0;
};
BOOST_DESCRIBE_STRUCT(ProvisioningKeyList, (), (keys, total))
struct NewProvisioningKey : ProvisioningKey {
  std::string key;  ///< shown once
};
BOOST_DESCRIBE_STRUCT(NewProvisioningKey, (ProvisioningKey), (key))

struct CreateProvisioningKey {
  std::string name, site_id;
  std::optional<std::int32_t> template_id;
  std::int64_t max_devices = 100;
  std::optional<Time> expires_at;
};
BOOST_DESCRIBE_STRUCT(CreateProvisioningKey, (),
                      (name, site_id, template_id, max_devices, expires_at))
inline auto constraints(json::As<CreateProvisioningKey>) {
  return json::rules<CreateProvisioningKey>()
      .length(&CreateProvisioningKey::name, 1, 100)
      .identifier(&CreateProvisioningKey::site_id)
      .range(&CreateProvisioningKey::max_devices, 1, 1'000'000)
      .check("expires_at",
             [](const CreateProvisioningKey& k) -> std::string {
               return k.expires_at && k.expires_at->at <= now().at ? "must be in the future" : "";
             })
      .describe(&CreateProvisioningKey::max_devices, "How many devices may claim with it")
      .describe(&CreateProvisioningKey::expires_at, "Absent: when it is revoked");
}
inline std::vector<std::string_view> optional_members(json::As<CreateProvisioningKey>) {
  return {"max_devices"};
}

struct ClaimDevice {
  std::string key, device_id;
  std::optional<std::string> name, serial_number;
};
BOOST_DESCRIBE_STRUCT(ClaimDevice, (), (key, device_id, name, serial_number))
inline auto constraints(json::As<ClaimDevice>) {
  return json::rules<ClaimDevice>()
      .length(&ClaimDevice::key, 1, 200)
      .identifier(&ClaimDevice::device_id)
      .length(&ClaimDevice::name, 1, 200)
      .length(&ClaimDevice::serial_number, 1, 128);
}
struct ClaimedDevice {
  std::string tenant_id, device_id, site_id, client_id, username, password, broker_url, http_url;
};
BOOST_DESCRIBE_STRUCT(ClaimedDevice, (),
                      (tenant_id, device_id, site_id, client_id, username, password, broker_url,
                       http_url))

constexpr Rate claims_per_key{10, 100};

const std::string select_keys =
    "SELECT k.key_id, k.name, k.site_id, k.template_id, t.name AS template_name, k.max_devices, "
    "k.claimed, k.last_claimed_at, k.expires_at, k.created_at FROM provisioning_keys k "
    "LEFT JOIN device_templates t ON t.id = k.template_id WHERE k.revoked_at IS NULL";

Task<ProvisioningKeyList> list_keys(FleetDeps, TenantCaller caller) {
  const auto rows = co_await caller.db.query(select_keys + " ORDER BY k.created_at DESC, k.key_id");
  ProvisioningKeyList out;
  out.keys = pg::rows_as<ProvisioningKey>(rows);
  out.total = static_cast<std::int64_t>(out.keys.size());
  co_return out;
}

Task<http::Created<NewProvisioningKey>> create_key(FleetDeps d, TenantCaller caller,
                                                   http::Body<CreateProvisioningKey> body) {
  const auto id = short_id("pk-", 12);
  const auto secret = "claim-" + crypto::random_token(24);
  const auto known = co_await caller.db.query(
      "SELECT EXISTS (SELECT FROM sites WHERE site_id = $1), "
      "$2::integer IS NULL OR EXISTS (SELECT FROM device_templates WHERE id = $2::integer)",
      pg::Params::of(body->site_id, body->template_id));
  if (!known.boolean(0, 0)) throw not_found("Site not found");
  if (!known.boolean(0, 1)) throw not_found("Template not found");
  std::optional<std::chrono::sys_time<std::chrono::microseconds>> expires;
  if (body->expires_at) expires = body->expires_at->at;
  co_await caller.db.query(
      "INSERT INTO provisioning_keys (tenant_id, key_id, name, key_hash, template_id, site_id, "
      "max_devices, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
      pg::Params::of(caller.tenant(), id, body->name, crypto::sha256_hex(secret), body->template_id,
                     body->site_id, body->max_devices, expires));
  const auto made =
      co_await caller.db.query(select_keys + " AND k.key_id = $1", pg::Params::of(id));
  if (made.empty()) throw not_found("Site not found");
  auto out = pg::row_as<NewProvisioningKey>(made, 0);
  out.key = secret;
  boost::json::object details{{"site_id", out.site_id}, {"max_devices", out.max_devices}};
  d.audit->write(AuditLog::of(caller, "provisioning_key.created", "create", "provisioning_key", id,
                              "Provisioning key " + out.name + " created", std::move(details)));
  tell_pages(d, caller.tenant(), "provisioning-keys");
  co_return http::Created<NewProvisioningKey>{std::move(out)};
}

Task<http::NoContent> revoke_key(FleetDeps d, TenantCaller caller, http::Path<"key_id"> id) {
  const auto rows = co_await caller.db.query(
      "UPDATE provisioning_keys SET revoked_at = now() WHERE key_id = $1 AND revoked_at IS NULL "
      "RETURNING name",
      pg::Params::of(id.value));
  if (rows.empty()) throw not_found("Provisioning key not found");
  d.audit->write(AuditLog::of(caller, "provisioning_key.revoked", "revoke", "provisioning_key",
                              id.value,
                              "Provisioning key " + std::string(rows.text(0, 0)) + " revoked"));
  tell_pages(d, caller.tenant(), "provisioning-keys");
  co_return http::NoContent{};
}

/// A key as a claim finds it, locked, so that no more devices claim than it allows.
struct LockedKey {
  std::string key_id, site_id;
  std::optional<std::string> template_ref;
  bool expired = false, used_up = false, revoked = false;
};
BOOST_DESCRIBE_STRUCT(LockedKey, (), (key_id, site_id, template_ref, expired, used_up, revoked))

constexpr const char* lock_key = R"sql(
  SELECT k.key_id, k.site_id, k.template_id::text AS template_ref,
         coalesce(k.expires_at <= now(), false) AS expired, k.claimed >= k.max_devices AS used_up,
         k.revoked_at IS NOT NULL AS revoked
  FROM provisioning_keys k JOIN tenants t ON t.tenant_id = k.tenant_id AND t.status = 'ACTIVE'
  WHERE k.key_hash = $1 FOR UPDATE OF k
)sql";

/// A device that claimed with the key, made just now, and never came: the answer to its claim was
/// lost. Its credential is replaced. $1: tenant, $2: device, $3: the credential's label, $4: client
/// id, $5: hash, $6: minutes.
constexpr const char* claim_again = R"sql(
  WITH again AS (
    SELECT r.tenant_id, r.device_id, r.site_id FROM device_registry r
    WHERE r.tenant_id = $1 AND r.device_id = $2 AND r.status = 'ACTIVE'
      AND r.created_at > now() - make_interval(mins => $6::integer)
      AND EXISTS (SELECT FROM device_api_tokens t WHERE t.tenant_id = r.tenant_id
                  AND t.device_id = r.device_id AND t.label = $3 AND t.revoked_at IS NULL)
      AND NOT EXISTS (SELECT FROM device_api_tokens t WHERE t.tenant_id = r.tenant_id
                      AND t.device_id = r.device_id AND t.created_at >= r.created_at
                      AND (t.label <> $3 OR t.last_used_at IS NOT NULL))
      AND NOT EXISTS (SELECT FROM device_certificates c WHERE c.tenant_id = r.tenant_id
                      AND c.device_id = r.device_id AND c.status = 'ACTIVE')
      AND NOT EXISTS (SELECT FROM device_state s WHERE s.tenant_id = r.tenant_id
                      AND s.device_id = r.device_id AND s.last_seen_at IS NOT NULL)
      AND NOT EXISTS (SELECT FROM device_connection_events e WHERE e.tenant_id = r.tenant_id
                      AND e.device_id = r.device_id AND e."timestamp" >= r.created_at)
    FOR NO KEY UPDATE OF r
  ), revoked AS (
    UPDATE device_api_tokens t SET revoked_at = now()
    FROM again WHERE t.tenant_id = again.tenant_id AND t.device_id = again.device_id
      AND t.revoked_at IS NULL
  ), made AS (
    INSERT INTO device_api_tokens (tenant_id, device_id, client_id, token_hash, label)
    SELECT tenant_id, device_id, $4, $5, $3 FROM again
  )
  SELECT site_id FROM again
)sql";
constexpr std::int64_t claim_again_minutes = 15;

std::vector<ImportRow> row_of(const ClaimDevice& claim, const LockedKey& key) {
  std::vector<ImportRow> rows(1);
  rows[0].row = 1;
  rows[0].device_id = claim.device_id;
  rows[0].name = claim.name.value_or("");
  rows[0].site_id = key.site_id;
  rows[0].plan_id = "basic";
  rows[0].template_ref = key.template_ref;
  rows[0].serial_number = claim.serial_number;
  return rows;
}

Task<http::Created<ClaimedDevice>> claim(ProvisioningDeps d, http::Raw request,
                                         http::Body<ClaimDevice> body) {
  const auto from = "claim " + request->client_address;
  check_attempts(d, from);
  const auto hash = crypto::sha256_hex(body->key);
  pg::Scope scope;
  scope.role = "pulse_ingest";
  const auto owner = co_await d.pool->query(
      scope, "SELECT tenant_id FROM provisioning_keys WHERE key_hash = $1", pg::Params::of(hash));
  std::optional<LockedKey> key;
  ClaimedDevice out;
  out.tenant_id = owner.empty() ? "" : std::string(owner.text(0, 0));
  const auto db = tenancy::TenantDb::for_worker(*d.pool, out.tenant_id, "the key is its own");
  auto tx = co_await db.begin();
  const auto found = co_await tx.query(lock_key, pg::Params::of(hash));
  key = pg::first_as<LockedKey>(found);
  if (!key || key->revoked) {
    d.failures->failed(from);
    throw HttpError(401, "Invalid provisioning key");
  }
  if (const auto wait = d.fleet.creates->take("claim " + key->key_id, claims_per_key))
    throw too_many("Too many claims with this key", static_cast<int>(wait / 1000 + 1));
  if (key->expired) throw forbidden("Provisioning key expired");
  const std::string label = "claim " + key->key_id;
  out.device_id = body->device_id;
  out.client_id = new_client_id(out.tenant_id, out.device_id);
  out.password = crypto::random_token(32);
  // The key is locked, so a claim that is under way is over by now.
  const auto again = co_await tx.query(
      claim_again, pg::Params::of(out.tenant_id, out.device_id, label, out.client_id,
                                  crypto::sha256_hex(out.password), claim_again_minutes));
  if (again.empty()) {
    if (key->used_up) throw forbidden("Provisioning key used up");
    ImportOptions options;
    options.label = label;
    const auto made =
        co_await import_devices(tx, out.tenant_id, row_of(body.value, *key), std::move(options));
    if (made[0].status != "ok") throw conflict(made[0].message.value_or(""));
    co_await tx.query(
        "UPDATE provisioning_keys SET claimed = claimed + 1, last_claimed_at = now() "
        "WHERE key_id = $1",
        pg::Params::of(key->key_id));
    out.client_id = made[0].client_id.value_or("");
    out.password = made[0].password.value_or("");
  }
  co_await tx.commit();
  out.site_id = again.empty() ? key->site_id : std::string(again.text(0, 0));
  out.username = out.tenant_id + "/" + out.device_id;
  const auto& c = d.fleet.connection;
  out.broker_url = "mqtt://" + c.mqtt_host + ":" + std::to_string(c.mqtt_port);
  out.http_url = c.http_url;
  changed(d.fleet, out.tenant_id, out.device_id);
  tell_pages(d.fleet, out.tenant_id, "provisioning-keys");
  const std::string event = again.empty() ? "device.claimed" : "device.claimed_again";
  const std::string action = again.empty() ? "create" : "rotate";
  const std::string what = again.empty() ? " registered itself with key "
                                         : " claimed again, never used, and got a new credential "
                                           "for its first by key ";
  tell_provisioned(d.fleet, *request.request, "provisioning key", out.tenant_id, out.device_id,
                   event, action, "Device " + out.device_id + what + key->key_id);
  co_return http::Created<ClaimedDevice>{std::move(out)};
}

}  // namespace

void mount_provisioning_keys(http::Router& api, const FleetDeps& d) {
  const std::string base = "/api/v1/customer/provisioning-keys";
  api.get(base, http::bound(d, list_keys))
      .needs("devices.import")
      .tag("Provisioning")
      .summary("Keys by which devices register themselves");
  api.post(base, http::bound(d, create_key))
      .needs("devices.import")
      .secret()
      .tag("Provisioning")
      .summary("Make a key for devices that register themselves")
      .description("The key is shown once. Devices change it for a credential of their own.")
      .fails(404, "Site not found; Template not found")
      .example({{"name", "Batch 7"}, {"site_id", "warehouse-7"}, {"max_devices", 500}});
  api.del(base + "/{key_id}", http::bound(d, revoke_key))
      .needs("devices.import")
      .tag("Provisioning")
      .summary("Revoke a key; the devices that claimed with it stay")
      .fails(404, "Provisioning key not found");
}

void mount_claim(http::Router& api, const ProvisioningDeps& d) {
  api.post("/api/device/claim", http::bound(d, claim))
      .open("the provisioning key is the proof")
      .secret()
      .tag("Provisioning")
      .summary("Register a device by a provisioning key")
      .description(
          "The device lands on the key's template and site, and gets a credential, shown once. A "
          "device whose answer was lost may claim again with the same key within 15 minutes, as "
          "long as it never used its credential: it gets a new one, and the first is revoked.")
      .fails(401, "Invalid provisioning key")
      .fails(403, "Provisioning key expired; Provisioning key used up")
      .fails(409, "Device already exists")
      .fails(429, "Too many attempts; Too many claims with this key");
}

}  // namespace pulse::fleet
