// 1NCE: management API version 1. A device's id there is the ICCID of its SIM; SIMs are in the
// account when they are bought, so there is nothing to claim, and no plans.
#include <algorithm>

#include "connectivity/carrier.hpp"

namespace pulse::connectivity {

namespace {

constexpr double megabyte = 1024.0 * 1024.0;

Task<boost::json::value> call_one_nce(CarrierCall call, std::string method, std::string target,
                                      boost::json::value body) {
  http::Headers headers;
  headers.set("Authorization", "Bearer " + call.api_key);
  co_return co_await ask(call, method, target, headers, std::move(body));
}

std::string sim(const std::string& id) { return "/sims/" + path_part(id); }

/// What the connectivity says of a session: by a flag, or by a word.
Text network_status(const boost::json::value& v) {
  const auto* flag = member(v, {"connected"});
  if (flag && flag->is_bool()) return flag->get_bool() ? "connected" : "disconnected";
  const auto word = text_at(v, {"status"});
  if (!word) return std::nullopt;
  const bool on = *word == "ONLINE" || *word == "ATTACHED" || *word == "CONNECTED" ||
                  *word == "Online" || *word == "connected";
  return on ? "connected" : "disconnected";
}

/// Null for a SIM that is attached to nothing, of which 1NCE tells nothing.
Task<boost::json::value> connectivity(CarrierCall call, std::string id) {
  const boost::json::value none;
  try {
    co_return co_await call_one_nce(call, "GET", sim(id) + "/connectivity", none);
  } catch (const CarrierError& e) {
    if (e.upstream != 404) throw;
  }
  co_return nullptr;
}

Task<SimInfo> info(CarrierCall call, std::string id) {
  const boost::json::value none;
  const auto found = co_await call_one_nce(call, "GET", sim(id), none);
  const auto network = co_await connectivity(call, id);
  SimInfo out;
  out.iccid = text_at(found, {"iccid"});
  if (!out.iccid) out.iccid = id;
  const auto status = text_at(found, {"status"});
  if (status)
    out.sim_status = *status == "Enabled"    ? "active"
                     : *status == "Disabled" ? "suspended"
                                             : "unknown";
  out.ip_address = text_at(found, {"ip_address"});
  out.network_status = network_status(network);
  out.network_type = text_at(network, {"rat"});
  if (!out.network_type) out.network_type = text_at(network, {"network_type"});
  out.last_connection = time_text(text_at(network, {"last_connection"}));
  out.signal_strength = number_at(network, {"signal_strength"});
  co_return out;
}

/// `volume` is what is left of `total_volume`, in MB.
Task<SimUsage> usage(CarrierCall call, std::string id) {
  const boost::json::value none;
  const auto quota = co_await call_one_nce(call, "GET", sim(id) + "/quota/data", none);
  const auto left = number_at(quota, {"volume"}), total = number_at(quota, {"total_volume"});
  SimUsage out;
  if (total) out.limit_bytes = *total * megabyte;
  if (total && left) out.used_bytes = std::max(0.0, *total - *left) * megabyte;
  out.cycle_end = time_text(text_at(quota, {"expiry_date"}));
  co_return out;
}

Task<boost::json::object> diagnostics(CarrierCall call, std::string id) {
  const boost::json::value none;
  boost::json::object out;
  out["sim"] = co_await call_one_nce(call, "GET", sim(id), none);
  out["connectivity"] = co_await connectivity(call, id);
  co_return out;
}

Task<bool> set_status(CarrierCall call, std::string id, std::string status) {
  const boost::json::value body = boost::json::object{{"status", status}};
  co_await call_one_nce(call, "PATCH", sim(id), body);
  co_return true;
}
Task<bool> activate(CarrierCall call, std::string id) { return set_status(call, id, "Enabled"); }
Task<bool> suspend(CarrierCall call, std::string id) { return set_status(call, id, "Disabled"); }

Task<bool> send_sms(CarrierCall call, std::string id, std::string text) {
  const boost::json::value body = boost::json::object{{"payload", text}};
  co_await call_one_nce(call, "POST", sim(id) + "/sms", body);
  co_return true;
}

}  // namespace

const Carrier& one_nce() {
  static const Carrier carrier{"1nce",   "1NCE",  "https://api.1nce.com/management/v1",
                               info,     usage,   diagnostics,
                               activate, suspend, nullptr,
                               send_sms, nullptr, nullptr,
                               nullptr};
  return carrier;
}

}  // namespace pulse::connectivity
