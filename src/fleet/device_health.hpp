#pragma once
// What a device tells of its own condition: battery, signal, memory, position.
#include <optional>
#include <string>

#include "fleet/deps.hpp"

namespace pulse::fleet {

/// Signal in dBm and dB, percentages 0 to 100, volts, degrees Celsius, seconds, bytes.
struct HealthReading {
  Time time;
  std::optional<double> rssi, rsrp, rsrq, sinr, signal_quality;
  std::optional<std::string> network_type, cell_id;
  std::optional<double> battery_pct, battery_voltage;
  std::optional<std::string> power_source;
  std::optional<bool> charging;
  std::optional<double> cpu_temp_c, memory_used_pct, storage_used_pct;
  std::optional<std::int64_t> uptime_seconds, reboot_count, error_count, data_tx_bytes,
      data_rx_bytes, data_session_bytes;
  std::optional<double> gps_lat, gps_lon, gps_accuracy_m;
  std::optional<bool> gps_fix;
};
BOOST_DESCRIBE_STRUCT(HealthReading, (),
                      (time, rssi, rsrp, rsrq, sinr, signal_quality, network_type, cell_id,
                       battery_pct, battery_voltage, power_source, charging, cpu_temp_c,
                       memory_used_pct, storage_used_pct, uptime_seconds, reboot_count, error_count,
                       data_tx_bytes, data_rx_bytes, data_session_bytes, gps_lat, gps_lon,
                       gps_accuracy_m, gps_fix))

}  // namespace pulse::fleet
