// Hologram: REST API version 1. The key goes in the query of every call.
#include "connectivity/carrier.hpp"
#include "platform/clock.hpp"

namespace pulse::connectivity {

namespace {

constexpr int page_size = 1'000, pages_max = 500;
constexpr std::size_t devices_max = 200'000;
constexpr std::int64_t longest_ms = 300'000;  // for all pages together

/// A call; an answer that says of itself that it failed is the carrier's error too.
Task<boost::json::value> call_hologram(CarrierCall call, std::string method, std::string target,
                                       boost::json::value body) {
  target += target.find('?') == std::string::npos ? '?' : '&';
  target += "apikey=" + http::percent_encode(call.api_key);
  http::Headers none;
  auto answer = co_await ask(call, method, target, none, std::move(body));
  const auto* success = member(answer, {"success"});
  if (method == "GET" && success && success->is_bool() && !success->get_bool())
    throw CarrierError(200, "Carrier API error: 200");
  co_return answer;
}

bool succeeded(const boost::json::value& answer) {
  const auto* success = member(answer, {"success"});
  return !success || !success->is_bool() || success->get_bool();
}

/// Devices are numbers there.
std::int64_t number_of(const std::string& id) {
  if (id.empty() || id.size() > 18 || id.find_first_not_of("0123456789") != std::string::npos)
    throw bad_request("Devices at Hologram have numbers: " + id + " is none");
  return std::stoll(id);
}

Text sim_status(const Text& state) {
  if (!state) return std::nullopt;
  if (state->starts_with("live") || state->starts_with("LIVE")) return "active";
  if (state->starts_with("pause") || state->starts_with("PAUSE")) return "suspended";
  if (state->starts_with("deactivated") || state->starts_with("DEACTIVATED")) return "deactivated";
  return "unknown";
}

Task<SimInfo> info(CarrierCall call, std::string id) {
  const boost::json::value none;
  const auto answer = co_await call_hologram(call, "GET", "/devices/" + path_part(id), none);
  const boost::json::value empty = boost::json::object();
  const auto* found = member(answer, {"data"});
  const auto& data = found ? *found : empty;
  SimInfo out;
  out.iccid = text_at(data, {"links", "cellular", "0", "sim"});
  out.sim_status = sim_status(text_at(data, {"state"}));
  out.network_type = text_at(data, {"links", "cellular", "0", "networktype"});
  out.last_connection = time_text(text_at(data, {"links", "cellular", "0", "last_connect_time"}));
  const auto* active = member(data, {"lastsession", "active"});
  if (active && active->is_bool())
    out.network_status = active->get_bool() ? "connected" : "disconnected";
  out.ip_address = text_at(data, {"lastsession", "ip"});
  co_return out;
}

/// Sums the sessions of the running cycle, page after page. `whose`: "deviceid=7", "orgid=9".
Task<UsageOfAll> sum_sessions(CarrierCall call, std::string whose, bool by_device) {
  const auto since = std::chrono::duration_cast<std::chrono::seconds>(
                         current_cycle(call.cycle_day).start.at.time_since_epoch())
                         .count();
  const std::string target = "/usage/data?" + whose + "&timestart=" + std::to_string(since) +
                             "&limit=" + std::to_string(page_size);
  std::map<std::string, double> sums;
  std::string after;
  const auto until = steady_ms() + longest_ms;
  for (int page = 0; page < pages_max; ++page) {
    const boost::json::value none;
    std::string asked = target;
    if (!after.empty()) asked += "&startafter=" + after;
    const auto answer = co_await call_hologram(call, "GET", asked, none);
    const auto* data = member(answer, {"data"});
    if (data && data->is_array()) {
      for (const auto& session : data->get_array()) {
        const auto device = by_device ? text_at(session, {"deviceid"}) : Text("");
        if (!device) co_return std::nullopt;
        sums[*device] += number_at(session, {"bytes"}).value_or(0);
        if (sums.size() > devices_max)
          throw CarrierError(200, "Carrier API error: more devices than there can be");
      }
    }
    const auto* more = member(answer, {"continues"});
    const auto last = text_at(answer, {"lastid"});
    if (!more || !more->is_bool() || !more->get_bool()) co_return sums;
    // Another tenant's sync waits behind this one.
    if (steady_ms() > until) throw CarrierError(200, "Carrier API error: pages take too long");
    // The next page must be another one, or this would never end.
    if (!last || *last == after) throw CarrierError(200, "Carrier API error: pages do not end");
    after = http::percent_encode(*last);
  }
  throw CarrierError(200, "Carrier API error: pages do not end");
}

Task<SimUsage> usage(CarrierCall call, std::string id) {
  const auto sums = co_await sum_sessions(call, "deviceid=" + path_part(id), false);
  const auto cycle = current_cycle(call.cycle_day);
  SimUsage out;
  if (sums->contains("")) out.used_bytes = sums->at("");
  out.cycle_start = iso8601(cycle.start);
  out.cycle_end = iso8601(cycle.end);
  co_return out;
}

Task<UsageOfAll> usage_of_all(CarrierCall call) {
  if (call.account_id.empty()) co_return std::nullopt;
  co_return co_await sum_sessions(call, "orgid=" + http::percent_encode(call.account_id), true);
}

Task<boost::json::object> diagnostics(CarrierCall call, std::string id) {
  const boost::json::value none;
  const auto links =
      co_await call_hologram(call, "GET", "/links/cellular?deviceid=" + path_part(id), none);
  const auto device = co_await call_hologram(call, "GET", "/devices/" + path_part(id), none);
  boost::json::object out;
  const auto* found = member(links, {"data"});
  out["links"] = found ? *found : boost::json::value(boost::json::array());
  const auto* session = member(device, {"data", "lastsession"});
  out["last_session"] = session ? *session : boost::json::value(nullptr);
  co_return out;
}

Task<bool> set_state(CarrierCall call, std::string id, std::string state) {
  const boost::json::value body = boost::json::object{{"state", state}};
  const auto answer =
      co_await call_hologram(call, "POST", "/devices/" + path_part(id) + "/state", body);
  co_return succeeded(answer);
}
Task<bool> activate(CarrierCall call, std::string id) { return set_state(call, id, "live"); }
Task<bool> suspend(CarrierCall call, std::string id) { return set_state(call, id, "pause"); }
Task<bool> deactivate(CarrierCall call, std::string id) {
  return set_state(call, id, "deactivate");
}

Task<bool> send_sms(CarrierCall call, std::string id, std::string text) {
  const boost::json::value body =
      boost::json::object{{"deviceid", number_of(id)}, {"body", text}, {"fromnumber", "pulse"}};
  const auto answer = co_await call_hologram(call, "POST", "/sms/incoming", body);
  co_return succeeded(answer);
}

Task<ClaimedSim> claim(CarrierCall call, std::string iccid, std::optional<std::int64_t> plan_id) {
  boost::json::object body{{"sim", iccid}};
  if (plan_id) body["plan"] = *plan_id;
  const boost::json::value sent = body;
  const auto answer = co_await call_hologram(
      call, "POST", "/links/cellular/sim_" + path_part(iccid) + "/claim", sent);
  if (!succeeded(answer)) throw CarrierError(200, "Carrier API error: 200");
  ClaimedSim out;
  if (answer.is_object()) out.answer = answer.get_object();
  const auto* data = member(answer, {"data"});
  if (data && data->is_array()) data = member(*data, {"0"});
  if (!data) co_return out;
  auto id = text_at(*data, {"deviceid"});
  if (!id) id = text_at(*data, {"device_id"});
  if (!id) id = text_at(*data, {"device", "id"});
  if (!id) id = text_at(*data, {"device"});
  out.carrier_device_id = id.value_or("");
  co_return out;
}

Task<boost::json::array> plans(CarrierCall call) {
  const std::string target =
      call.account_id.empty() ? "/plans" : "/plans?orgid=" + http::percent_encode(call.account_id);
  const boost::json::value none;
  const auto answer = co_await call_hologram(call, "GET", target, none);
  const auto* data = member(answer, {"data"});
  if (!data || !data->is_array()) co_return boost::json::array();
  co_return data->get_array();
}

}  // namespace

const Carrier& hologram() {
  static const Carrier carrier{"hologram", "Hologram",   "https://dashboard.hologram.io/api/1",
                               info,       usage,        diagnostics,
                               activate,   suspend,      deactivate,
                               send_sms,   usage_of_all, claim,
                               plans};
  return carrier;
}

}  // namespace pulse::connectivity
