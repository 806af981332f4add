#pragma once
// One interface for all carriers: a struct of functions, null where a carrier lacks the ability.
// Each carrier is one file.
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectivity/deps.hpp"
#include "platform/errors.hpp"

namespace pulse::connectivity {

/// What a call to a carrier's API works with: the customer's account there.
struct CarrierCall {
  CarrierCall() = default;
  std::shared_ptr<const CarrierAccess> access;
  std::int64_t integration_id = 0;
  std::string api_key, base_url, account_id;
  int cycle_day = 1;  ///< of the month, on which the billing cycle begins
};

/// The carrier gave no good answer: 502. `upstream` is its status, 0 when it was not reached.
struct CarrierError : HttpError {
  int upstream;
  CarrierError(int upstream_, std::string detail)
      : HttpError(502, std::move(detail)), upstream(upstream_) {}
};

using Text = std::optional<std::string>;
struct SimInfo {
  SimInfo() = default;
  Text iccid, sim_status, network_status, ip_address, network_type, last_connection;
  std::optional<double> signal_strength;
};
struct SimUsage {
  SimUsage() = default;
  double used_bytes = 0;
  std::optional<double> limit_bytes;
  Text cycle_start, cycle_end;
  std::int64_t sms_count = 0;
};
/// A SIM that was claimed: the carrier's id of its device (empty: not told), and its whole answer.
struct ClaimedSim {
  ClaimedSim() = default;
  std::string carrier_device_id;
  boost::json::object answer;
};
/// Bytes by the carrier's device id; nothing when the carrier does not tell whose they are.
using UsageOfAll = std::optional<std::map<std::string, double>>;

/// `id` is the device's at the carrier. All throw HttpError: CarrierError for the carrier's faults.
struct Carrier {
  std::string_view name;   ///< as `carrier_name` says it
  std::string_view title;  ///< as people read it
  std::string_view base_url;
  Task<SimInfo> (*info)(CarrierCall, std::string id);
  Task<SimUsage> (*usage)(CarrierCall, std::string id);
  Task<boost::json::object> (*diagnostics)(CarrierCall, std::string id);
  /// False when the carrier refuses by its answer.
  Task<bool> (*activate)(CarrierCall, std::string id);
  Task<bool> (*suspend)(CarrierCall, std::string id);
  Task<bool> (*deactivate)(CarrierCall, std::string id);
  Task<bool> (*send_sms)(CarrierCall, std::string id, std::string text);
  /// Null: one by one.
  Task<UsageOfAll> (*usage_of_all)(CarrierCall);
  Task<ClaimedSim> (*claim)(CarrierCall, std::string iccid, std::optional<std::int64_t> plan_id);
  Task<boost::json::array> (*plans)(CarrierCall);
};

const Carrier& hologram();
const Carrier& one_nce();

/// Throws 400 "Unsupported carrier provider".
const Carrier& carrier_named(std::string_view name);
/// What this carrier can do, as the pages offer it: activate, suspend, deactivate, reboot, ...
std::vector<std::string> capabilities_of(const Carrier& carrier);
/// Throws 501 with the capability's name when it is missing.
template <class F>
F able(const Carrier& carrier, F function, std::string_view capability) {
  if (!function)
    throw HttpError(501,
                    std::string(capability) + " is not supported by " + std::string(carrier.title));
  return function;
}

/// A call to the carrier's API. `body` empty: none. Throws CarrierError for another status than
/// 2xx ("Carrier API error: ..."), and when there is no answer in JSON ("Failed to reach carrier
/// API: ..."). The key is in no error, and in no answer that repeats it.
Task<boost::json::value> ask(CarrierCall call, std::string method, std::string target,
                             http::Headers headers, boost::json::value body);
/// Throws 400 unless this address may be given for an API.
void check_base_url(const CarrierAccess& access, const std::string& url);
/// A part of a path. Throws 400 for what would lead elsewhere.
std::string path_part(const std::string& id);

/// The member at a path of names and indices, or null.
const boost::json::value* member(const boost::json::value& v,
                                 std::initializer_list<std::string_view> path);
/// Its text; numbers too. Nothing when there is none.
Text text_at(const boost::json::value& v, std::initializer_list<std::string_view> path);
std::optional<double> number_at(const boost::json::value& v,
                                std::initializer_list<std::string_view> path);
/// A carrier's time (UTC) as ISO 8601; what it is not stays as it is.
Text time_text(Text carriers);

/// The billing cycle that is running: begins on `day` of a month (1 to 28).
struct Cycle {
  Time start, end;
};
Cycle current_cycle(int day);

}  // namespace pulse::connectivity
