#pragma once
// What this room sends to devices and takes from them, by kind of message; a new kind adds its line
// in device_side.cpp.
#include "fleet/reports.hpp"
#include "fleet/to_device.hpp"
#include "platform/nats/client.hpp"
#include "platform/pg/pool.hpp"
#include "platform/storage/storage.hpp"

namespace pulse::fleet {

/// What waits for a device that subscribes, by kind; for a loop, whose pool it is.
PendingByKind pending_for_devices(pg::Pool& pool, nats::Client& nats,
                                  std::shared_ptr<storage::Storage> files);

/// Handlers of the stream SHADOW and of the stream COMMANDS, by message type.
ReportHandlers shadow_reports(nats::Client& nats);
ReportHandlers command_reports(nats::Client& nats);

}  // namespace pulse::fleet
