#pragma once
// What devices report about themselves (shadow/reported, commands/ack, ...), as the ingest role
// hands it to who keeps it.
#include <boost/json.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "platform/pg/pool.hpp"
#include "platform/task.hpp"

namespace pulse::fleet {

/// A report of a device whose identity and standing were checked.
struct DeviceReport {
  std::string tenant_id, device_id;
  boost::json::object payload;
  std::int64_t received_ms = 0;  ///< epoch: when the door took it
};

/// What a handler made of a batch.
struct ReportsTaken {
  /// Why a report can't be taken, by its index ("INVALID_PAYLOAD:version"): it is quarantined.
  std::map<std::size_t, std::string> refused;
  /// Tells others; called once the batch is committed.
  std::function<void()> after_commit;
};

/// Takes reports of one kind, in the order in which they came, within the batch's transaction (role
/// pulse_ingest, which sees every tenant). The same report may come again: that changes nothing.
/// Throws pg::Error: the batch is tried again, or halved where its data are at fault.
using ReportHandler =
    std::function<Task<ReportsTaken>(pg::Transaction& tx, std::vector<DeviceReport> reports)>;
/// By message type: what follows the device in the topic.
using ReportHandlers = std::map<std::string, ReportHandler, std::less<>>;

}  // namespace pulse::fleet
