#pragma once
// What the devices' endpoint of a loop shows in /metrics.
#include <string>

#include "platform/metrics/metrics.hpp"
#include "platform/mqtt/stats.hpp"

namespace pulse::telemetry {

/// Sets pulse_mqtt_* of one endpoint; `loop` tells it from the others of the process.
void set_mqtt_metrics(metrics::Registry& metrics, const mqtt::Stats& stats,
                      const std::string& loop);

}  // namespace pulse::telemetry
