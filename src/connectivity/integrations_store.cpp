#include <utility>

#include "connectivity/integrations.hpp"
#include "platform/pg/described.hpp"

namespace pulse::connectivity {

namespace {

/// Authenticated with a sealed text, so that it opens only where it was put.
std::string place_of(std::string_view column, const std::string& tenant_id,
                     const std::string& carrier_name) {
  return "carrier_integrations." + std::string(column) + ":" + tenant_id + ":" + carrier_name;
}

std::optional<std::string> sealed(const ConnectivityDeps& d, const std::optional<std::string>& text,
                                  std::string_view column, const std::string& tenant_id,
                                  const std::string& carrier_name) {
  if (!text || text->empty()) return std::nullopt;
  if (!d.sealer->ready())
    throw HttpError(503, "API keys can't be kept: PULSE_SECRET_KEY is not set");
  return d.sealer->seal(*text, place_of(column, tenant_id, carrier_name));
}

/// Nothing when no key of this installation opens it.
std::optional<std::string> opened(const ConnectivityDeps& d, const StoredIntegration& i) {
  if (!i.api_key) return std::nullopt;
  try {
    return d.sealer->open(*i.api_key, place_of("api_key", i.tenant_id, i.carrier_name));
  } catch (const crypto::Error&) {
    return std::nullopt;
  }
}

/// Enough to tell keys apart, of those that are long enough to spare it.
std::string masked(const std::optional<std::string>& key) {
  const bool spare = key && key->size() >= 12;
  return spare ? "****" + key->substr(key->size() - 4) : "****";
}

const std::string select_integrations =
    "SELECT i.*, (SELECT count(*) FROM device_transports t JOIN device_registry r "
    "USING (tenant_id, device_id) WHERE t.carrier_integration_id = i.id "
    "AND r.status <> 'DELETED') AS device_count FROM carrier_integrations i ";

std::vector<CarrierIntegration> told(const ConnectivityDeps& d, const pg::Result& rows) {
  auto out = pg::rows_as<CarrierIntegration>(rows);
  const auto stored = pg::rows_as<StoredIntegration>(rows);
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (stored[i].api_key) out[i].api_key_masked = masked(opened(d, stored[i]));
    try {
      out[i].capabilities = capabilities_of(carrier_named(out[i].carrier_name));
    } catch (const HttpError&) {
      out[i].capabilities.clear();  // a carrier that Pulse does not know can nothing
    }
  }
  return out;
}

}  // namespace

std::string fault_of_config(const boost::json::object& config) {
  if (const auto* day = config.if_contains("billing_cycle_day"))
    if (!day->is_int64() || day->get_int64() < 1 || day->get_int64() > 28)
      return "billing_cycle_day must be a day of the month, 1 to 28";
  if (const auto* text = config.if_contains("reboot_sms"))
    if (!text->is_string() || text->get_string().empty() || text->get_string().size() > 160)
      return "reboot_sms must be a text of 1 to 160 bytes";
  return {};
}

Task<std::vector<CarrierIntegration>> integrations(ConnectivityDeps d, tenancy::TenantDb db) {
  const auto rows = co_await db.query(select_integrations + "ORDER BY i.display_name, i.id");
  co_return told(d, rows);
}

Task<std::optional<CarrierIntegration>> find_integration(ConnectivityDeps d, tenancy::TenantDb db,
                                                         std::int64_t id) {
  const auto rows = co_await db.query(select_integrations + "WHERE i.id = $1", pg::Params::of(id));
  auto all = told(d, rows);
  if (all.empty()) co_return std::nullopt;
  co_return std::move(all.front());
}

Task<std::optional<StoredIntegration>> stored_integration(tenancy::TenantDb db, std::int64_t id) {
  const auto rows =
      co_await db.query("SELECT * FROM carrier_integrations WHERE id = $1", pg::Params::of(id));
  co_return pg::first_as<StoredIntegration>(rows);
}

Task<std::optional<std::int64_t>> insert_integration(ConnectivityDeps d, tenancy::TenantDb db,
                                                     std::string tenant_id,
                                                     CarrierIntegrationCreate made) {
  made.api_key = sealed(d, made.api_key, "api_key", tenant_id, made.carrier_name);
  made.api_secret = sealed(d, made.api_secret, "api_secret", tenant_id, made.carrier_name);
  const std::vector<std::pair<std::string, std::string>> also{{"tenant_id", tenant_id}};
  auto statement = pg::insert_of("carrier_integrations", made, also,
                                 "ON CONFLICT (tenant_id, carrier_name) DO NOTHING RETURNING id");
  const auto rows = co_await db.query(statement.first, statement.second);
  if (rows.empty()) co_return std::nullopt;
  co_return rows.int64(0, 0);
}

Task<std::optional<boost::json::object>> update_integration(ConnectivityDeps d,
                                                            tenancy::TenantDb db,
                                                            StoredIntegration known,
                                                            CarrierIntegrationUpdate changes) {
  const auto key = std::exchange(changes.api_key, std::nullopt);
  const auto secret = std::exchange(changes.api_secret, std::nullopt);
  auto change = pg::change_of(changes);
  // Of secrets it is told that they changed, not what they are.
  std::vector<const char*> secrets;
  for (const auto& [column, text] :
       {std::pair{"api_key", &key}, std::pair{"api_secret", &secret}}) {
    if (!*text) continue;
    change.set(column, sealed(d, *text, column, known.tenant_id, known.carrier_name));
    secrets.push_back(column);
  }
  // What was refused may work now.
  change.also("next_sync_at = NULL").also("sync_failures = 0").also("updated_at = now()");
  auto statement = change.in("carrier_integrations", "id = ?", known.id);
  const auto rows = co_await db.query(statement.first, statement.second);
  if (rows.empty()) co_return std::nullopt;
  auto told = pg::RowChange::told(rows);
  for (const char* column : secrets) {
    for (const char* side : {"before", "after"})
      if (auto* members = told.if_contains(side); members && members->is_object())
        members->get_object().erase(column);
    told[std::string(column) + "_changed"] = true;
  }
  co_return told;
}

Task<std::optional<std::int64_t>> remove_integration(tenancy::TenantDb db, std::int64_t id) {
  auto tx = co_await db.begin();
  // Locked: a device that is being linked is either counted, or finds it gone.
  const auto there = co_await tx.query(
      "SELECT 1 FROM carrier_integrations WHERE id = $1 FOR UPDATE", pg::Params::of(id));
  if (there.empty()) co_return std::nullopt;
  const auto used = co_await tx.query(
      "SELECT count(*) FROM device_transports t JOIN device_registry r "
      "USING (tenant_id, device_id) WHERE t.carrier_integration_id = $1 AND r.status <> 'DELETED'",
      pg::Params::of(id));
  const auto count = used.int64(0, 0);
  if (count == 0)
    co_await tx.query("DELETE FROM carrier_integrations WHERE id = $1", pg::Params::of(id));
  co_await tx.commit();
  co_return count;
}

CarrierCall call_of(const ConnectivityDeps& d, const StoredIntegration& integration) {
  const auto& carrier = carrier_named(integration.carrier_name);
  CarrierCall call;
  call.access = d.access;
  call.integration_id = integration.id;
  if (!integration.api_key) throw bad_request("The carrier integration has no API key");
  auto key = opened(d, integration);
  if (!key) throw bad_request("The API key can't be opened any more: enter it again");
  call.api_key = std::move(*key);
  call.base_url = integration.api_base_url.value_or("");
  if (call.base_url.empty()) call.base_url = std::string(carrier.base_url);
  call.account_id = integration.account_id.value_or("");
  if (const auto* day = integration.config.if_contains("billing_cycle_day"); day && day->is_int64())
    call.cycle_day = static_cast<int>(day->get_int64());
  return call;
}

}  // namespace pulse::connectivity
