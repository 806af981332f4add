#include <charconv>
#include <cmath>
#include <functional>
#include <map>
#include <stdexcept>

#include "simulator/profile.hpp"
#include "simulator/simulate.hpp"

namespace pulse::simulator {

namespace {

[[noreturn]] void refuse(const std::string& flag, const std::string& why) {
  throw std::invalid_argument(flag + ": " + why);
}

double number(const std::string& flag, const std::string& text, double least, double most) {
  double value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    refuse(flag, "'" + text + "' is not a number");
  if (value < least || value > most)
    refuse(flag, "must be from " + std::to_string(static_cast<long long>(least)) + " to " +
                     std::to_string(static_cast<long long>(most)));
  return value;
}

std::uint64_t integer(const std::string& flag, const std::string& text, std::uint64_t least,
                      std::uint64_t most) {
  std::uint64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size())
    refuse(flag, "'" + text + "' is not a whole number");
  if (value < least || value > most)
    refuse(flag, "must be from " + std::to_string(least) + " to " + std::to_string(most));
  return value;
}

template <class E>
E choice(const std::string& flag, const std::string& text,
         const std::map<std::string, E>& choices) {
  if (const auto found = choices.find(text); found != choices.end()) return found->second;
  std::string names;
  for (const auto& [name, value] : choices) names += (names.empty() ? "" : ", ") + name;
  refuse(flag, "'" + text + "' is none of " + names);
}

void read_mqtt(Options& options, const std::string& flag, const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) refuse(flag, "must be host:port");
  options.mqtt_host = text.substr(0, colon);
  options.mqtt_port = static_cast<std::uint16_t>(integer(flag, text.substr(colon + 1), 1, 65'535));
}

void read_profile(Options& options, const std::string& flag, const std::string& text) {
  if (!find_profile(text)) {
    std::string names;
    for (const auto& profile : profiles())
      names.append(names.empty() ? "" : ", ").append(profile.slug);
    refuse(flag, "'" + text + "' is none of " + names);
  }
  options.profile = text;
}

void read_faults(Options& options, const std::string& flag, const std::string& text) {
  const std::map<std::string, Fault> names{{"malformed", Fault::malformed},
                                           {"dropouts", Fault::dropouts},
                                           {"bursts", Fault::bursts},
                                           {"skew", Fault::skew}};
  for (std::size_t at = 0; at <= text.size();) {
    const auto comma = std::min(text.find(',', at), text.size());
    options.faults.insert(choice(flag, text.substr(at, comma - at), names));
    at = comma + 1;
  }
}

using Reader = std::function<void(Options&, const std::string& flag, const std::string& value)>;

const std::map<std::string, Reader>& readers() {
  static const std::map<std::string, Reader> all{
      {"--url",
       [](Options& o, const std::string& f, const std::string& v) {
         if (!v.starts_with("http://")) refuse(f, "must begin with http://");
         o.url = v;
         while (o.url.ends_with('/')) o.url.pop_back();
       }},
      {"--mqtt", read_mqtt},
      {"--devices-file",
       [](Options& o, const std::string&, const std::string& v) { o.devices_file = v; }},
      {"--devices", [](Options& o, const std::string& f,
                       const std::string& v) { o.devices = integer(f, v, 1, 1'000'000); }},
      {"--profile", read_profile},
      {"--rate", [](Options& o, const std::string& f,
                    const std::string& v) { o.rate = number(f, v, 0, 1'000'000); }},
      {"--protocol",
       [](Options& o, const std::string& f, const std::string& v) {
         o.protocol = choice(
             f, v,
             std::map<std::string, Protocol>{
                 {"http", Protocol::http}, {"mqtt", Protocol::mqtt}, {"mixed", Protocol::mixed}});
       }},
      {"--batch", [](Options& o, const std::string& f,
                     const std::string& v) { o.batch = static_cast<int>(integer(f, v, 1, 100)); }},
      {"--duration", [](Options& o, const std::string& f,
                        const std::string& v) { o.duration_s = number(f, v, 0, 1e9); }},
      {"--drain", [](Options& o, const std::string& f,
                     const std::string& v) { o.drain_s = number(f, v, 0, 3'600); }},
      {"--qos", [](Options& o, const std::string& f,
                   const std::string& v) { o.qos = static_cast<int>(integer(f, v, 0, 2)); }},
      {"--twin",
       [](Options& o, const std::string& f, const std::string& v) {
         o.twin = choice(f, v, std::map<std::string, bool>{{"on", true}, {"off", false}});
       }},
      {"--fail-commands", [](Options& o, const std::string& f,
                             const std::string& v) { o.fail_commands = number(f, v, 0, 100); }},
      {"--updates",
       [](Options& o, const std::string& f, const std::string& v) {
         o.updates = choice(f, v, std::map<std::string, bool>{{"on", true}, {"off", false}});
       }},
      {"--ota-fail", [](Options& o, const std::string& f,
                        const std::string& v) { o.ota_fail = number(f, v, 0, 100); }},
      {"--faults", read_faults},
      {"--seed", [](Options& o, const std::string& f,
                    const std::string& v) { o.seed = integer(f, v, 0, UINT64_MAX); }},
      {"--report",
       [](Options& o, const std::string& f, const std::string& v) {
         o.report = choice(f, v,
                           std::map<std::string, ReportFormat>{{"text", ReportFormat::text},
                                                               {"json", ReportFormat::json}});
       }},
      {"--acked-log",
       [](Options& o, const std::string&, const std::string& v) { o.acked_log = v; }},
      {"--in-flight", [](Options& o, const std::string& f, const std::string& v) {
         o.in_flight = integer(f, v, 1, 1'000'000);
       }}};
  return all;
}

}  // namespace

Options parse_options(std::span<const std::string> args) {
  Options options;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const auto equals = args[i].find('=');
    const std::string flag = args[i].substr(0, equals);
    const auto reader = readers().find(flag);
    if (reader == readers().end()) refuse(flag, "no such flag");
    std::string value;
    if (equals != std::string::npos) {
      value = args[i].substr(equals + 1);
    } else if (++i < args.size()) {
      value = args[i];
    }
    if (value.empty()) refuse(flag, "needs a value");
    reader->second(options, flag, value);
  }
  if (options.devices_file.empty()) refuse("--devices-file", "is needed");
  if (options.protocol != Protocol::mqtt && options.url.empty())
    refuse("--url", "is needed for HTTP");
  if (options.protocol != Protocol::http && options.mqtt_host.empty())
    refuse("--mqtt", "is needed for MQTT");
  return options;
}

std::string usage() {
  return R"(pulse simulate: a fleet of devices over real HTTP and MQTT

  --devices-file FILE    JSON lines {tenant_id, device_id, site_id, token, profile?, template?};
                         `pulse admin seed-demo --devices N --tokens-file FILE` makes devices and
                         such a file, ./dev up that of its demo fleet: .dev/devices.jsonl
  --devices N            only the first N devices of the file
  --profile NAME         only devices of this profile, e.g. gps-tracker
  --url URL              http://host:port of the gateway
  --mqtt HOST:PORT       the MQTT endpoint
  --protocol WHICH       http, mqtt or mixed (default: half of the devices each)
  --rate N               messages/s in all; 0: as fast as they are acknowledged; without it each
                         device sends at its profile's interval
  --batch N              messages in an HTTP request (1 to 100, default 1)
  --qos N                MQTT quality of service (default 1)
  --in-flight N          unacknowledged messages at most, for each protocol (default 1000)
  --duration S           seconds; 0 (default): until SIGINT or SIGTERM
  --drain S              seconds that the end waits for acknowledgements (default 10)
  --twin WHICH           on: MQTT devices report what is desired, and acknowledge commands; off
                         (default)
  --fail-commands P      per cent of the commands that are acknowledged as failed (default 0)
  --updates WHICH        on: MQTT devices download firmware, verify its checksum and report their
                         progress; off (default)
  --ota-fail P           per cent of the updates that fail (default 0)
  --faults LIST          of malformed, dropouts, bursts, skew, separated by commas
  --seed N               the same seed gives the same values (default 1)
  --acked-log FILE       append "tenant device seq protocol" for each acknowledged message
  --report FORMAT        text (default) or json
)";
}

}  // namespace pulse::simulator
