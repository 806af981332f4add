#pragma once
// `pulse simulate`: a fleet of devices over real HTTP and MQTT.
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>

namespace pulse::simulator {

enum class Protocol : std::uint8_t { http, mqtt, mixed };
enum class Fault : std::uint8_t { malformed, dropouts, bursts, skew };
enum class ReportFormat : std::uint8_t { text, json };

struct Options {
  std::string url;        ///< http://host:port; needed for http and mixed
  std::string mqtt_host;  ///< needed for mqtt and mixed
  std::uint16_t mqtt_port = 0;
  std::string devices_file;    ///< JSON lines, see fleet.hpp
  std::size_t devices = 0;     ///< the first so many of the file; 0: all
  std::string profile;         ///< only the devices of this profile; empty: all
  std::optional<double> rate;  ///< messages/s in all; 0: as fast as acknowledged; absent: as
                               ///< each device's profile says
  Protocol protocol = Protocol::mixed;
  int batch = 1;             ///< messages in an HTTP request, 1 to 100
  double duration_s = 0;     ///< 0: until a signal
  double drain_s = 10;       ///< how long the end waits for acknowledgements
  int qos = 1;               ///< MQTT
  bool twin = false;         ///< over MQTT: report what is desired, acknowledge commands
  double fail_commands = 0;  ///< per cent of the commands that are acknowledged as failed
  bool updates = false;      ///< over MQTT: download firmware, check it, report progress
  double ota_fail = 0;       ///< per cent of the updates that fail
  std::set<Fault> faults;
  std::uint64_t seed = 1;
  ReportFormat report = ReportFormat::text;
  std::string acked_log;          ///< file, see AckedLog; empty: none
  std::size_t in_flight = 1'000;  ///< unacknowledged messages at most, for each protocol
};

/// Reads `--flag value` and `--flag=value`. Throws std::invalid_argument that names the flag.
Options parse_options(std::span<const std::string> args);

/// What the flags mean, for --help.
std::string usage();

/// Runs until the duration is over or SIGINT or SIGTERM comes, then waits for acknowledgements and
/// writes the report to stdout (progress goes to stderr). 0; 1 when messages were sent and not one
/// was acknowledged. Throws std::runtime_error for files that can't be read or written.
int run(const Options& options);

}  // namespace pulse::simulator
