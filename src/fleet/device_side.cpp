#include "fleet/device_side.hpp"

namespace pulse::fleet {

PendingByKind pending_for_devices(pg::Pool&) { return {}; }

ReportHandlers shadow_reports(nats::Client&) { return {}; }

ReportHandlers command_reports(nats::Client&) { return {}; }

}  // namespace pulse::fleet
