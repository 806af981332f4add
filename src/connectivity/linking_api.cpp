// Linking a device to a SIM that an integration knows, and claiming a new SIM for it.
#include "connectivity/sims.hpp"
#include "fleet/devices.hpp"
#include "tenancy/tier.hpp"

namespace pulse::connectivity {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;
using DeviceId = http::Path<"device_id">;

struct CarrierLinkRequest {
  std::int32_t carrier_integration_id = 0;
  std::string carrier_device_id;
};
BOOST_DESCRIBE_STRUCT(CarrierLinkRequest, (), (carrier_integration_id, carrier_device_id))
inline auto constraints(json::As<CarrierLinkRequest>) {
  return json::rules<CarrierLinkRequest>().length(&CarrierLinkRequest::carrier_device_id, 1, 200);
}
struct CarrierLinked {
  bool linked = true;
  std::string device_id;
  std::int64_t carrier_integration_id = 0;
};
BOOST_DESCRIBE_STRUCT(CarrierLinked, (), (linked, device_id, carrier_integration_id))
struct ProvisionRequest {
  std::int32_t carrier_integration_id = 0;
  std::string iccid;
  std::optional<std::int64_t> plan_id;
};
BOOST_DESCRIBE_STRUCT(ProvisionRequest, (), (carrier_integration_id, iccid, plan_id))
inline auto constraints(json::As<ProvisionRequest>) {
  return json::rules<ProvisionRequest>().length(&ProvisionRequest::iccid, 15, 22);
}
struct CarrierProvisioned {
  bool provisioned = true;
  std::string device_id, carrier_device_id;
  std::int64_t carrier_integration_id = 0;
  std::string iccid;
  boost::json::object claim_result;
};
BOOST_DESCRIBE_STRUCT(CarrierProvisioned, (),
                      (provisioned, device_id, carrier_device_id, carrier_integration_id, iccid,
                       claim_result))

Task<StoredIntegration> named_integration(TenantCaller caller, std::int32_t id) {
  auto found = co_await stored_integration(caller.db, id);
  if (!found) throw bad_request("Invalid carrier_integration_id");
  co_return std::move(*found);
}

void tell(const ConnectivityDeps& d, const TenantCaller& caller, const std::string& event,
          const std::string& device_id, const SimLink& link) {
  boost::json::object details{{"carrier_integration_id", link.integration_id},
                              {"carrier_device_id", link.carrier_device_id}};
  if (link.iccid) details["iccid"] = *link.iccid;
  const std::string what = link.iccid ? "New SIM claimed for device " : "SIM linked to device ";
  d.audit->write(AuditLog::of(caller, event, "update", "device", device_id,
                              what + device_id + " at " + link.carrier_name, std::move(details)));
}

Task<CarrierLinked> link(ConnectivityDeps d, TenantCaller caller, DeviceId id,
                         http::Body<CarrierLinkRequest> body) {
  co_await fleet::require_device(caller.db, id.value);
  const auto integration = co_await named_integration(caller, body->carrier_integration_id);
  SimLink to;
  to.integration_id = body->carrier_integration_id;
  to.carrier_name = integration.carrier_name;
  to.carrier_device_id = body->carrier_device_id;
  co_await link_sim(caller.db, caller.tenant(), id.value, to);
  tell(d, caller, "device.carrier_linked", id.value, to);
  tell_pages(*d.nats, caller.tenant(), "devices");
  CarrierLinked out;
  out.device_id = id.value;
  out.carrier_integration_id = to.integration_id;
  co_return out;
}

Task<CarrierProvisioned> provision(ConnectivityDeps d, TenantCaller caller, DeviceId id,
                                   http::Body<ProvisionRequest> body) {
  co_await tenancy::require_feature(caller, "carrier_self_service", "Carrier self-service");
  co_await fleet::require_device(caller.db, id.value);
  const auto integration = co_await named_integration(caller, body->carrier_integration_id);
  const auto& carrier = carrier_named(integration.carrier_name);
  if (!integration.enabled) throw bad_request("Carrier integration is disabled");
  const auto claim = able(carrier, carrier.claim, "provision");
  const auto call = call_of(d, integration);
  auto claimed = co_await claim(call, body->iccid, body->plan_id);
  SimLink to;
  to.integration_id = body->carrier_integration_id;
  to.carrier_name = integration.carrier_name;
  to.carrier_device_id = claimed.carrier_device_id;
  to.iccid = body->iccid;
  // Told before anything else can fail: the SIM is the tenant's now.
  tell(d, caller, "device.sim_provisioned", id.value, to);
  if (claimed.carrier_device_id.empty())
    throw HttpError(502, "Carrier claim succeeded but no device ID returned");
  co_await link_sim(caller.db, caller.tenant(), id.value, to);
  tell_pages(*d.nats, caller.tenant(), "devices");
  CarrierProvisioned out;
  out.device_id = id.value;
  out.carrier_device_id = claimed.carrier_device_id;
  out.carrier_integration_id = to.integration_id;
  out.iccid = body->iccid;
  out.claim_result = std::move(claimed.answer);
  co_return out;
}

}  // namespace

void mount_linking(http::Router& api, const ConnectivityDeps& d) {
  const std::string base = "/api/v1/customer/devices/{device_id}/carrier";
  api.post(base + "/link", http::bound(d, link))
      .needs("carrier.links.write")
      .tag("Carriers")
      .summary("Say which SIM a device has")
      .description(
          "In the device's cellular transport, else in its primary one, which becomes cellular.")
      .example({{"carrier_integration_id", 1}, {"carrier_device_id", "1363295"}})
      .fails(400, "Invalid carrier_integration_id")
      .fails(404, "Device not found");
  api.post(base + "/provision", http::bound(d, provision))
      .needs("carrier.links.write")
      .tag("Carriers")
      .summary("Claim a new SIM at the carrier, and link the device to it")
      .example({{"carrier_integration_id", 1}, {"iccid", "89014103211118510720"}})
      .fails(400, "Invalid carrier_integration_id")
      .fails(403, "Carrier self-service is not included in tier {name}: ask for a larger tier")
      .fails(404, "Device not found")
      .fails(501, "provision is not supported by {carrier}")
      .fails(502, "Carrier claim succeeded but no device ID returned");
}

}  // namespace pulse::connectivity
