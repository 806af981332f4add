#include "fleet/demo.hpp"

#include <map>

#include "fleet/devices.hpp"
#include "fleet/sites.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/json/rules.hpp"

namespace pulse::fleet {

namespace {

struct Kind {
  const char *slug, *prefix, *name;
  int share;  ///< of 25 devices
};
constexpr Kind kinds[] = {{"cold-chain-logger", "cold", "Cold store", 6},
                          {"humidity-temperature", "climate", "Room climate", 5},
                          {"energy-meter", "meter", "Energy meter", 3},
                          {"door-contact", "door", "Door", 3},
                          {"tank-level", "tank", "Tank", 2},
                          {"machine-vibration", "machine", "Compressor", 2},
                          {"air-quality", "air", "Air quality", 2},
                          {"gps-tracker", "truck", "Truck", 1},
                          {"gateway", "gateway", "Gateway", 1}};

const std::vector<CreateSite>& demo_sites() {
  static const std::vector<CreateSite> sites{
      {"warehouse-north", "Warehouse North", "Hamburg", 53.5413, 9.9841},
      {"factory-south", "Factory South", "Munich", 48.1857, 11.5631},
      {"store-west", "Store West", "Cologne", 50.9413, 6.9583}};
  return sites;
}

constexpr const char* sites_of_kinds[] = {"warehouse-north", "factory-south", "store-west"};

Task<> ensure_device(pg::Pool& pool, const std::string& tenant, const std::string& id,
                     const std::string& name, const std::string& site, const std::string& slug) {
  const auto db = tenancy::TenantDb::for_worker(pool, tenant, "demo seed");
  const bool known = co_await device_exists(db, id);
  if (known) co_return;
  const auto rows =
      co_await db.query("SELECT id FROM device_templates WHERE slug = $1 AND tenant_id IS NULL",
                        pg::Params::of(slug));
  CreateDevice device;
  device.device_id = id;
  device.site_id = site;
  device.plan_id = "premium";
  device.name = name;
  if (!rows.empty()) device.template_id = rows.int64(0, 0);
  co_await insert_device(db, tenant, device, "");
}

/// A live token: the known one when it still is, else a new one.
Task<std::string> ensure_token(pg::Pool& pool, const std::string& tenant, const std::string& id,
                               const std::string& known) {
  const auto db = tenancy::TenantDb::for_worker(pool, tenant, "demo seed");
  if (!known.empty()) {
    const auto rows = co_await db.query(
        "SELECT 1 FROM device_api_tokens WHERE device_id = $1 AND token_hash = $2 "
        "AND revoked_at IS NULL",
        pg::Params::of(id, crypto::sha256_hex(known)));
    if (!rows.empty()) co_return known;
  }
  const auto token = crypto::random_token(32);
  co_await db.query(
      "INSERT INTO device_api_tokens (tenant_id, device_id, client_id, token_hash, label) "
      "VALUES ($1, $2, $3, $4, 'demo')",
      pg::Params::of(
          tenant, id,
          tenant.substr(0, 8) + "-" + id.substr(0, 8) + "-" + crypto::hex(crypto::random_bytes(4)),
          crypto::sha256_hex(token)));
  co_return token;
}

}  // namespace

Task<bool> create_tenant(pg::Pool& pool, std::string tenant_id, std::string name) {
  if (!json::matches_identifier(tenant_id))
    throw std::invalid_argument("--id: must be 1 to 128 of letters, digits, '_' and '-'");
  pg::Scope scope;
  scope.role = "pulse_operator_write";
  const auto rows = co_await pool.query(
      scope,
      "INSERT INTO tenants (tenant_id, name, account_tier_id) VALUES ($1, $2, 'growth') "
      "ON CONFLICT DO NOTHING RETURNING tenant_id",
      pg::Params::of(tenant_id, name));
  co_return !rows.empty();
}

Task<DemoDevice> create_device_with_token(pg::Pool& pool, std::string tenant_id,
                                          std::string device_id, std::string site_id) {
  const auto db = tenancy::TenantDb::for_worker(pool, tenant_id, "pulse admin");
  CreateDevice device;
  device.device_id = device_id;
  if (!site_id.empty()) {
    CreateSite site;
    site.site_id = site.name = site_id;
    co_await insert_site(db, tenant_id, site);
    device.site_id = site_id;
  }
  co_await insert_device(db, tenant_id, device, "");
  const auto token = co_await ensure_token(pool, tenant_id, device_id, "");
  co_return DemoDevice{tenant_id, device_id, site_id.empty() ? "default-site" : site_id, token, ""};
}

Task<std::vector<DemoDevice>> seed_demo(pg::Pool& pool, DemoOptions o) {
  co_await create_tenant(pool, o.tenant_id, o.name);
  const auto db = tenancy::TenantDb::for_worker(pool, o.tenant_id, "demo seed");
  for (const auto& site : demo_sites()) co_await insert_site(db, o.tenant_id, site);
  std::map<std::string, std::string> known;
  for (const auto& d : o.known) known[d.device_id] = d.token;
  std::vector<DemoDevice> out;
  std::map<std::string, int> numbers;
  for (int n = 0; n < o.devices; ++n) {
    // Kinds in the proportions of the table, however many devices there are.
    int place = n % 25;
    const Kind* kind = kinds;
    while (place >= kind->share) place -= (kind++)->share;
    const int number = ++numbers[kind->prefix];
    char id[64], name[64];
    std::snprintf(id, sizeof id, "%s-%02d", kind->prefix, number);
    std::snprintf(name, sizeof name, "%s %d", kind->name, number);
    DemoDevice device;
    device.tenant_id = o.tenant_id;
    device.device_id = id;
    device.site_id = sites_of_kinds[n % 3];
    device.template_ = kind->slug;
    co_await ensure_device(pool, o.tenant_id, id, name, device.site_id, kind->slug);
    device.token = co_await ensure_token(pool, o.tenant_id, id, known[id]);
    out.push_back(std::move(device));
  }
  co_return out;
}

}  // namespace pulse::fleet
