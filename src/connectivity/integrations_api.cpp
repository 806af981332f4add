// A tenant's carrier integrations, and the plans of their carriers.
#include "connectivity/integrations.hpp"
#include "tenancy/tier.hpp"

namespace pulse::connectivity {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;
using IntegrationId = http::Path<"integration_id", std::int32_t>;

struct CarrierIntegrations {
  std::vector<CarrierIntegration> integrations;
};
BOOST_DESCRIBE_STRUCT(CarrierIntegrations, (), (integrations))
struct CarrierIntegrationDeleted {
  bool deleted = true;
  std::int64_t id = 0;
};
BOOST_DESCRIBE_STRUCT(CarrierIntegrationDeleted, (), (deleted, id))
struct CarrierPlans {
  boost::json::array plans;
  std::string carrier_name;
  std::optional<std::string> note;
};
BOOST_DESCRIBE_STRUCT(CarrierPlans, (), (plans, carrier_name, note))

Task<> require_self_service(TenantCaller caller) {
  co_await tenancy::require_feature(caller, "carrier_self_service", "Carrier self-service");
}

void tell(const ConnectivityDeps& d, const TenantCaller& caller, std::string action,
          std::int64_t id, std::string message, boost::json::object details = {}) {
  tell_pages(*d.nats, caller.tenant(), "carriers");
  const auto event = "carrier.integration_" + action + (action.ends_with("e") ? "d" : "ed");
  d.audit->write(AuditLog::of(caller, event, action, "carrier_integration", std::to_string(id),
                              std::move(message), std::move(details)));
}

Task<CarrierIntegrations> list_integrations(ConnectivityDeps d, TenantCaller caller) {
  CarrierIntegrations out;
  out.integrations = co_await integrations(d, caller.db);
  co_return out;
}

Task<CarrierIntegration> known_integration(ConnectivityDeps d, TenantCaller caller,
                                           std::int64_t id) {
  auto found = co_await find_integration(d, caller.db, id);
  if (!found) throw not_found("Integration not found");
  co_return std::move(*found);
}

Task<CarrierIntegration> create_integration(ConnectivityDeps d, TenantCaller caller,
                                            http::Body<CarrierIntegrationCreate> body) {
  co_await require_self_service(caller);
  if (body->api_base_url && !body->api_base_url->empty())
    check_base_url(*d.access, *body->api_base_url);
  const auto id = co_await insert_integration(d, caller.db, caller.tenant(), body.value);
  if (!id) throw conflict("There is an integration for this carrier already");
  boost::json::object details{{"carrier_name", body->carrier_name}};
  tell(d, caller, "create", *id, "Carrier integration " + body->display_name + " created",
       std::move(details));
  co_return co_await known_integration(d, caller, *id);
}

Task<CarrierIntegration> change_integration(ConnectivityDeps d, TenantCaller caller,
                                            IntegrationId id,
                                            http::Body<CarrierIntegrationUpdate> body) {
  co_await require_self_service(caller);
  const auto& b = body.value;
  if (!b.display_name && !b.enabled && !b.api_key && !b.api_secret && !b.api_base_url &&
      !b.account_id && !b.sync_enabled && !b.sync_interval_minutes && !b.config)
    throw bad_request("No fields to update");
  const auto stored = co_await stored_integration(caller.db, id.value);
  if (!stored) throw not_found("Integration not found");
  if (b.api_base_url) {
    const auto asked = b.api_base_url.value.value_or("");
    if (!asked.empty()) check_base_url(*d.access, asked);
    // A kept key would be sent wherever whoever changes the address wants it.
    if (stored->api_key && !b.api_key && asked != stored->api_base_url.value_or(""))
      throw bad_request("Enter the API key again when you change the address it is sent to");
  }
  auto changes = co_await update_integration(d, caller.db, *stored, b);
  if (!changes) throw not_found("Integration not found");
  tell(d, caller, "update", id.value, "Carrier integration " + stored->carrier_name + " changed",
       std::move(*changes));
  co_return co_await known_integration(d, caller, id.value);
}

Task<CarrierIntegrationDeleted> delete_integration(ConnectivityDeps d, TenantCaller caller,
                                                   IntegrationId id) {
  co_await require_self_service(caller);
  const auto used = co_await remove_integration(caller.db, id.value);
  if (!used) throw not_found("Integration not found");
  if (*used > 0)
    throw bad_request("Integration is used by " + std::to_string(*used) +
                      (*used == 1 ? " device" : " devices") + ": unlink them first");
  tell(d, caller, "delete", id.value,
       "Carrier integration " + std::to_string(id.value) + " deleted");
  CarrierIntegrationDeleted out;
  out.id = id.value;
  co_return out;
}

Task<CarrierPlans> list_plans(ConnectivityDeps d, TenantCaller caller, IntegrationId id) {
  const auto stored = co_await stored_integration(caller.db, id.value);
  if (!stored) throw not_found("Integration not found");
  const auto& carrier = carrier_named(stored->carrier_name);
  CarrierPlans out;
  out.carrier_name = stored->carrier_name;
  if (!carrier.plans) {
    out.note = "Plan listing not supported for this carrier";
    co_return out;
  }
  const auto call = call_of(d, *stored);
  out.plans = co_await carrier.plans(call);
  co_return out;
}

}  // namespace

void mount_integrations(http::Router& api, const ConnectivityDeps& d) {
  const std::string base = "/api/v1/customer/carrier/integrations",
                    one = base + "/{integration_id}";
  const std::string gate =
      "Carrier self-service is not included in tier {name}: ask for a larger tier";
  api.get(base, http::bound(d, list_integrations))
      .customers()
      .tag("Carriers")
      .summary("The tenant's accounts at carriers, keys masked");
  api.post(base, http::bound(d, create_integration))
      .needs("carrier.integrations.write")
      .tag("Carriers")
      .summary("Add an account at a carrier")
      .description(
          "`config` may have `billing_cycle_day` (1 to 28) and `reboot_sms`, the text that makes "
          "the tenant's devices restart.")
      .example({{"carrier_name", "hologram"},
                {"display_name", "Hologram"},
                {"api_key", "your-api-key"},
                {"account_id", "12345"}})
      .fails(400, "api_base_url must begin with https")
      .fails(403, gate)
      .fails(409, "There is an integration for this carrier already")
      .fails(503, "API keys can't be kept: PULSE_SECRET_KEY is not set");
  api.put(one, http::bound(d, change_integration))
      .needs("carrier.integrations.write")
      .tag("Carriers")
      .summary("Change an account at a carrier")
      .description("A key of null stays; an empty one is removed. It is synced soon after.")
      .fails(400, "No fields to update")
      .fails(403, gate)
      .fails(404, "Integration not found")
      .fails(503, "API keys can't be kept: PULSE_SECRET_KEY is not set");
  api.del(one, http::bound(d, delete_integration))
      .needs("carrier.integrations.write")
      .tag("Carriers")
      .summary("Forget an account that no device uses")
      .fails(400, "Integration is used by {count} devices: unlink them first")
      .fails(403, gate)
      .fails(404, "Integration not found");
  api.get(one + "/plans", http::bound(d, list_plans))
      .customers()
      .tag("Carriers")
      .summary("The plans that the carrier offers")
      .fails(400, "Unsupported carrier provider")
      .fails(404, "Integration not found")
      .fails(502, "Carrier API error: {status}");
}

}  // namespace pulse::connectivity
