#pragma once
// Which metrics tell of the device itself: battery, signal, memory and the like.
#include <string_view>

#include "telemetry/envelope.hpp"

namespace pulse::telemetry {

/// The column of device_health_telemetry that a reading belongs into; empty: none, or a value that
/// the column can't hold.
std::string_view health_column(const Reading& reading);

}  // namespace pulse::telemetry
