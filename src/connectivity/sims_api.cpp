// What a device's carrier says of its SIM, and what is done with it.
#include <cmath>

#include "connectivity/sims.hpp"

namespace pulse::connectivity {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;
using DeviceId = http::Path<"device_id">;

constexpr double megabyte = 1024.0 * 1024.0;

struct SimDetails {
  std::string carrier_device_id;
  std::optional<std::string> iccid, sim_status, network_status, ip_address, network_type,
      last_connection;
  std::optional<double> signal_strength;
};
BOOST_DESCRIBE_STRUCT(SimDetails, (),
                      (carrier_device_id, iccid, sim_status, network_status, ip_address,
                       network_type, last_connection, signal_strength))
struct CarrierDeviceStatus {
  bool linked = true;
  std::optional<std::string> carrier_name;
  std::optional<SimDetails> device_info;
  std::optional<std::vector<std::string>> capabilities;
};
BOOST_DESCRIBE_STRUCT(CarrierDeviceStatus, (), (linked, carrier_name, device_info, capabilities))
struct SimUsageDetails {
  double data_used_bytes = 0;
  std::optional<double> data_limit_bytes;
  double data_used_mb = 0;
  std::optional<double> data_limit_mb;
  double usage_pct = 0;
  std::optional<std::string> billing_cycle_start, billing_cycle_end;
  std::int64_t sms_count = 0;
};
BOOST_DESCRIBE_STRUCT(SimUsageDetails, (),
                      (data_used_bytes, data_limit_bytes, data_used_mb, data_limit_mb, usage_pct,
                       billing_cycle_start, billing_cycle_end, sms_count))
struct CarrierDeviceUsage {
  bool linked = true;
  std::optional<std::string> carrier_name;
  std::optional<SimUsageDetails> usage;
};
BOOST_DESCRIBE_STRUCT(CarrierDeviceUsage, (), (linked, carrier_name, usage))
struct CarrierDiagnostics {
  bool linked = true;
  std::optional<std::string> carrier_name, carrier_device_id;
  std::optional<boost::json::object> diagnostics;
};
BOOST_DESCRIBE_STRUCT(CarrierDiagnostics, (),
                      (linked, carrier_name, carrier_device_id, diagnostics))
BOOST_DEFINE_ENUM_CLASS(SimAction, activate, suspend, deactivate, reboot)
/// Found by http::Path.
void read_text(std::string_view text, SimAction& out, json::Loc& loc, Faults& faults) {
  if (!boost::describe::enum_from_string(std::string(text).c_str(), out))
    json::fault(faults, loc, "must be one of activate, suspend, deactivate, reboot", "enum");
}
struct SimActionQuery {
  std::optional<std::string> confirm_iccid;
};
BOOST_DESCRIBE_STRUCT(SimActionQuery, (), (confirm_iccid))
inline auto constraints(json::As<SimActionQuery>) {
  using T = SimActionQuery;
  return json::rules<T>()
      .length(&T::confirm_iccid, 0, 40)
      .describe(&T::confirm_iccid, "The SIM's ICCID, which deactivating asks for");
}
struct CarrierActionResult {
  std::string action;
  bool success = false;
  std::string carrier_name;
};
BOOST_DESCRIBE_STRUCT(CarrierActionResult, (), (action, success, carrier_name))

http::Response not_linked() { return http::Response::json(200, R"({"linked":false})"); }

double rounded(double v, double steps) { return std::round(v * steps) / steps; }

/// The integration when it may be used. Throws 400 otherwise.
const StoredIntegration& usable(const LinkedSim& sim) {
  if (!sim.integration) throw bad_request("Carrier integration not found");
  if (!sim.integration->enabled) throw bad_request("Carrier integration is disabled");
  return *sim.integration;
}

SimDetails details_of(const LinkedSim& sim, const SimInfo& info) {
  SimDetails out;
  out.carrier_device_id = sim.carrier_device_id;
  out.iccid = info.iccid;
  out.sim_status = info.sim_status;
  out.network_status = info.network_status;
  out.ip_address = info.ip_address;
  out.network_type = info.network_type;
  out.last_connection = info.last_connection;
  out.signal_strength = info.signal_strength;
  return out;
}

Task<http::Response> status(ConnectivityDeps d, TenantCaller caller, DeviceId id) {
  const auto sim = co_await linked_sim(caller.db, id.value);
  if (!sim || !sim->integration) co_return not_linked();
  const auto& integration = usable(*sim);
  const auto& carrier = carrier_named(integration.carrier_name);
  const auto call = call_of(d, integration);
  const auto info = co_await carrier.info(call, sim->carrier_device_id);
  CarrierDeviceStatus out;
  out.carrier_name = integration.carrier_name;
  out.device_info = details_of(*sim, info);
  out.capabilities = capabilities_of(carrier);
  co_return http::Response::json(200, json::to_text(out));
}

Task<http::Response> usage(ConnectivityDeps d, TenantCaller caller, DeviceId id) {
  const auto sim = co_await linked_sim(caller.db, id.value);
  if (!sim || !sim->integration) co_return not_linked();
  const auto& integration = usable(*sim);
  const auto& carrier = carrier_named(integration.carrier_name);
  const auto call = call_of(d, integration);
  auto told = co_await carrier.usage(call, sim->carrier_device_id);
  if (!told.limit_bytes && sim->data_limit_mb) told.limit_bytes = *sim->data_limit_mb * megabyte;
  SimUsageDetails u;
  u.data_used_bytes = std::round(told.used_bytes);
  u.data_used_mb = rounded(told.used_bytes / megabyte, 100);
  if (told.limit_bytes) {
    u.data_limit_bytes = std::round(*told.limit_bytes);
    u.data_limit_mb = rounded(*told.limit_bytes / megabyte, 100);
    if (*told.limit_bytes > 0) u.usage_pct = rounded(100 * told.used_bytes / *told.limit_bytes, 10);
  }
  u.billing_cycle_start = told.cycle_start;
  u.billing_cycle_end = told.cycle_end;
  u.sms_count = told.sms_count;
  CarrierDeviceUsage out;
  out.carrier_name = integration.carrier_name;
  out.usage = std::move(u);
  co_return http::Response::json(200, json::to_text(out));
}

Task<http::Response> diagnostics(ConnectivityDeps d, TenantCaller caller, DeviceId id) {
  const auto sim = co_await linked_sim(caller.db, id.value);
  if (!sim || !sim->integration) co_return not_linked();
  const auto& integration = usable(*sim);
  const auto& carrier = carrier_named(integration.carrier_name);
  const auto ask_for = able(carrier, carrier.diagnostics, "diagnostics");
  const auto call = call_of(d, integration);
  CarrierDiagnostics out;
  out.carrier_name = integration.carrier_name;
  out.carrier_device_id = sim->carrier_device_id;
  out.diagnostics = co_await ask_for(call, sim->carrier_device_id);
  co_return http::Response::json(200, json::to_text(out));
}

/// Deactivating can't be undone, so the caller names the SIM that they mean.
Task<> require_confirmation(const Carrier& carrier, CarrierCall call, LinkedSim sim,
                            std::optional<std::string> confirmed) {
  if (!confirmed || confirmed->empty())
    throw bad_request(
        "Deactivating a SIM can't be undone: repeat its ICCID as confirm_iccid to confirm");
  const auto info = co_await carrier.info(call, sim.carrier_device_id);
  const auto iccid = info.iccid ? info.iccid : sim.sim_iccid;
  if (!iccid || *iccid != *confirmed)
    throw bad_request("confirm_iccid is not the ICCID of this device's SIM");
}

Task<bool> perform(const Carrier& carrier, CarrierCall call, LinkedSim sim, SimAction action) {
  const auto& id = sim.carrier_device_id;
  if (action == SimAction::activate)
    co_return co_await able(carrier, carrier.activate, "activate")(call, id);
  if (action == SimAction::suspend)
    co_return co_await able(carrier, carrier.suspend, "suspend")(call, id);
  if (action == SimAction::deactivate)
    co_return co_await able(carrier, carrier.deactivate, "deactivate")(call, id);
  const auto send = able(carrier, carrier.send_sms, "reboot");
  std::string text = "reboot";
  if (const auto* own = sim.integration->config.if_contains("reboot_sms"); own && own->is_string())
    text = std::string(own->get_string());
  co_return co_await send(call, id, text);
}

Task<CarrierActionResult> act(ConnectivityDeps d, TenantCaller caller, DeviceId id,
                              http::Path<"action", SimAction> action,
                              http::Query<SimActionQuery> query) {
  const auto sim = co_await linked_sim(caller.db, id.value);
  if (!sim) throw bad_request("Device is not linked to a carrier integration");
  const auto& integration = usable(*sim);
  const auto& carrier = carrier_named(integration.carrier_name);
  const auto call = call_of(d, integration);
  if (action.value == SimAction::deactivate) {
    able(carrier, carrier.deactivate, "deactivate");
    co_await require_confirmation(carrier, call, *sim, query->confirm_iccid);
  }
  CarrierActionResult out;
  out.action = boost::describe::enum_to_string(action.value, "");
  out.carrier_name = integration.carrier_name;
  out.success = co_await perform(carrier, call, *sim, action.value);
  // Told before anything else can fail: it is done.
  boost::json::object told{{"device_id", id.value},
                           {"carrier_device_id", sim->carrier_device_id},
                           {"success", out.success}};
  auto event = AuditLog::of(
      caller, "config_changed", "execute", "carrier_action", id.value,
      "SIM of device " + id.value + ": " + out.action + " at " + std::string(carrier.title),
      std::move(told));
  event.category = "config";
  event.entity_name = integration.carrier_name + ":" + out.action;
  if (action.value == SimAction::deactivate) event.severity = "warning";
  d.audit->write(std::move(event));
  if (out.success && action.value != SimAction::reboot) {
    const std::string now = action.value == SimAction::activate  ? "active"
                            : action.value == SimAction::suspend ? "suspended"
                                                                 : "deactivated";
    co_await store_sim_status(caller.db, sim->transport_id, now);
  }
  tell_pages(*d.nats, caller.tenant(), "devices");
  co_return out;
}

}  // namespace

void mount_sims(http::Router& api, const ConnectivityDeps& d) {
  const std::string base = "/api/v1/customer/devices/{device_id}/carrier";
  const auto told = [](http::Endpoint e) {
    return e.customers()
        .tag("Carriers")
        .fails(400, "Unsupported carrier provider")
        .fails(404, "Device not found")
        .fails(502, "Carrier API error: {status}");
  };
  told(api.get(base + "/status", http::bound(d, status))
           .returns<CarrierDeviceStatus>()
           .summary("A device's SIM as its carrier sees it now")
           .description("`{\"linked\": false}` for a device without one. `capabilities`: what can "
                        "be done with it."));
  told(api.get(base + "/usage", http::bound(d, usage))
           .returns<CarrierDeviceUsage>()
           .summary("What a device's SIM used in the running billing cycle")
           .description("A MB has 1,048,576 bytes. The limit is the carrier's, else the "
                        "`data_limit_mb` of the device's connection."));
  told(api.get(base + "/diagnostics", http::bound(d, diagnostics))
           .returns<CarrierDiagnostics>()
           .summary("What the carrier tells for finding faults"))
      .fails(501, "diagnostics is not supported by {carrier}");
  api.post(base + "/actions/{action}", http::bound(d, act))
      .needs("carrier.actions.execute")
      .tag("Carriers")
      .summary("Activate, suspend or deactivate a device's SIM, or restart the device by SMS")
      .description("Deactivating can't be undone, and asks for the ICCID as `confirm_iccid`.")
      .fails(400, "Device is not linked to a carrier integration")
      .fails(404, "Device not found")
      .fails(501, "{action} is not supported by {carrier}")
      .fails(502, "Carrier API error: {status}");
}

}  // namespace pulse::connectivity
