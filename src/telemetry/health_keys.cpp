#include "telemetry/health_keys.hpp"

#include <algorithm>
#include <cmath>

namespace pulse::telemetry {

namespace {

enum class Holds { number, count, text, truth };

struct HealthKey {
  std::string_view key, column;
  Holds holds;
};

/// Sorted by key. Devices name the same thing differently.
constexpr HealthKey keys[] = {{"battery", "battery_pct", Holds::number},
                              {"battery_pct", "battery_pct", Holds::number},
                              {"battery_percent", "battery_pct", Holds::number},
                              {"battery_v", "battery_voltage", Holds::number},
                              {"battery_voltage", "battery_voltage", Holds::number},
                              {"cell_id", "cell_id", Holds::text},
                              {"charging", "charging", Holds::truth},
                              {"cpu_temp", "cpu_temp_c", Holds::number},
                              {"cpu_temp_c", "cpu_temp_c", Holds::number},
                              {"data_rx_bytes", "data_rx_bytes", Holds::count},
                              {"data_session_bytes", "data_session_bytes", Holds::count},
                              {"data_tx_bytes", "data_tx_bytes", Holds::count},
                              {"error_count", "error_count", Holds::count},
                              {"gps_accuracy_m", "gps_accuracy_m", Holds::number},
                              {"gps_fix", "gps_fix", Holds::truth},
                              {"gps_lat", "gps_lat", Holds::number},
                              {"gps_lon", "gps_lon", Holds::number},
                              {"memory_pct", "memory_used_pct", Holds::number},
                              {"memory_used_pct", "memory_used_pct", Holds::number},
                              {"network_type", "network_type", Holds::text},
                              {"power_source", "power_source", Holds::text},
                              {"reboot_count", "reboot_count", Holds::count},
                              {"rsrp", "rsrp", Holds::number},
                              {"rsrq", "rsrq", Holds::number},
                              {"rssi", "rssi", Holds::number},
                              {"rssi_dbm", "rssi", Holds::number},
                              {"signal_quality", "signal_quality", Holds::number},
                              {"signal_rssi", "rssi", Holds::number},
                              {"sinr", "sinr", Holds::number},
                              {"storage_pct", "storage_used_pct", Holds::number},
                              {"storage_used_pct", "storage_used_pct", Holds::number},
                              {"uptime_seconds", "uptime_seconds", Holds::count}};

bool fits(const Reading& r, Holds holds) {
  switch (holds) {
    case Holds::number:
      return r.kind == Reading::Kind::number;
    case Holds::count:
      // A bigint; numbers beyond 2^53 are not whole numbers any more.
      return r.kind == Reading::Kind::number && std::abs(r.number) <= 9e15 &&
             std::trunc(r.number) == r.number;
    case Holds::text:
      return r.kind == Reading::Kind::text;
    case Holds::truth:
      return r.kind == Reading::Kind::boolean;
  }
  return false;
}

}  // namespace

std::string_view health_column(const Reading& reading) {
  const auto at = std::lower_bound(std::begin(keys), std::end(keys), reading.key,
                                   [](const HealthKey& k, auto key) { return k.key < key; });
  if (at == std::end(keys) || at->key != reading.key || !fits(reading, at->holds)) return {};
  return at->column;
}

}  // namespace pulse::telemetry
