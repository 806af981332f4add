#include "fleet/device_side.hpp"

#include "fleet/campaigns.hpp"
#include "fleet/commands.hpp"
#include "fleet/jobs.hpp"
#include "fleet/twin.hpp"

namespace pulse::fleet {

PendingByKind pending_for_devices(pg::Pool& pool, nats::Client& nats,
                                  std::shared_ptr<storage::Storage> files) {
  PendingByKind out;
  out["shadow/desired"] = [&pool](std::string tenant, std::string device) {
    return pending_desired(&pool, std::move(tenant), std::move(device));
  };
  out["commands"] = [&pool, &nats](std::string tenant, std::string device) {
    return pending_commands(&pool, &nats, std::move(tenant), std::move(device));
  };
  out["jobs/notify"] = pending_job_notices(pool);
  out["ota"] = pending_updates(pool, std::move(files));
  return out;
}

ReportHandlers shadow_reports(nats::Client& nats) {
  ReportHandlers out;
  out["shadow/reported"] = [&nats](pg::Transaction& tx, std::vector<DeviceReport> reports) {
    return take_shadow_reports(tx, std::move(reports), &nats);
  };
  return out;
}

ReportHandlers command_reports(nats::Client& nats) {
  ReportHandlers out;
  out["commands/ack"] = [&nats](pg::Transaction& tx, std::vector<DeviceReport> reports) {
    return take_command_acks(tx, std::move(reports), &nats);
  };
  out["ota/status"] = update_reports(nats);
  return out;
}

}  // namespace pulse::fleet
