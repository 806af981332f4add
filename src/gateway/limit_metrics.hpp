#pragma once
#include "platform/config.hpp"
#include "platform/metrics/metrics.hpp"

namespace pulse::gateway {

/// Sets pulse_limit{name}: every bound of limits.hpp, and those that have settings.
void set_limit_metrics(metrics::Registry& metrics, const Config& config);

}  // namespace pulse::gateway
