#pragma once
// Commands to devices. The row is committed before anything is sent; until the device acknowledges
// it, or it expires, it is sent again.
#include <boost/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "fleet/reports.hpp"
#include "fleet/to_device.hpp"
#include "platform/clock.hpp"
#include "platform/json/rules.hpp"
#include "platform/json/write.hpp"
#include "tenancy/caller.hpp"

namespace pulse::fleet {

/// A command as people see it: queued, then delivered (acknowledged), missed (sent, and expired) or
/// expired (never sent, or cancelled).
struct DeviceCommand {
  std::string command_id, command_type;
  boost::json::object command_params;
  std::string status;
  std::optional<Time> published_at, acked_at;
  std::optional<boost::json::object> ack_details;  ///< {"status","details"}
  Time expires_at;
  std::optional<std::string> created_by;
  Time created_at;
  std::int64_t attempts = 0;
  std::optional<Time> cancelled_at;
  std::optional<std::string> retry_of;
};
BOOST_DESCRIBE_STRUCT(DeviceCommand, (),
                      (command_id, command_type, command_params, status, published_at, acked_at,
                       ack_details, expires_at, created_by, created_at, attempts, cancelled_at,
                       retry_of))

/// What is sent.
struct CommandCreate {
  std::string command_type;
  boost::json::object command_params;
  std::int32_t expires_in_minutes = 60;
};
BOOST_DESCRIBE_STRUCT(CommandCreate, (), (command_type, command_params, expires_in_minutes))
inline std::vector<std::string_view> optional_members(json::As<CommandCreate>) {
  return {"command_params", "expires_in_minutes"};
}
template <class T>
auto rules_of_command() {
  return json::rules<T>()
      .length(&T::command_type, 1, 100)
      .range(&T::expires_in_minutes, 1, 10'080)
      .describe(&T::command_params, "As the device's template says, where it defines the command");
}
inline auto constraints(json::As<CommandCreate>) { return rules_of_command<CommandCreate>(); }

/// A command on its way to its device.
struct CommandToSend {
  std::string tenant_id, device_id, command_id, command_type;
  json::Raw command_params;
  Time expires_at, created_at;
};
BOOST_DESCRIBE_STRUCT(CommandToSend, (),
                      (tenant_id, device_id, command_id, command_type, command_params, expires_at,
                       created_at))
/// {"command_id","type","params","expires_at"}
std::string command_message(const CommandToSend& command);

/// Throws ValidationError naming the parameter that a template of one of the devices does not
/// allow.
Task<> check_parameters(tenancy::TenantDb db, std::vector<std::string> device_ids,
                        std::string command_type, boost::json::object params);
/// Who sends, and again for which command.
struct CommandOrigin {
  std::string tenant_id, actor;
  std::optional<std::string> retry_of;
};
/// One command for each of the devices that are in service, by one statement.
Task<std::vector<CommandToSend>> insert_commands(tenancy::TenantDb db,
                                                 std::vector<std::string> device_ids,
                                                 CommandCreate command, CommandOrigin origin);
/// Sends committed commands, and notes it; false when NATS is out of reach: the sweeper will.
Task<bool> publish_commands(tenancy::TenantDb db, nats::Client* nats,
                            std::vector<CommandToSend> commands);
/// Newest first; `status` empty: of any.
Task<std::vector<DeviceCommand>> commands_of(tenancy::TenantDb db, std::string device_id,
                                             std::string status, std::int64_t limit,
                                             std::int64_t offset);
Task<std::optional<DeviceCommand>> find_command(tenancy::TenantDb db, std::string device_id,
                                                std::string command_id);
/// Nothing unless it was queued.
Task<std::optional<DeviceCommand>> cancel_command(tenancy::TenantDb db, std::string device_id,
                                                  std::string command_id);
/// What waits for a device, oldest first, noted as sent.
Task<std::vector<CommandToSend>> hand_out_commands(tenancy::TenantDb db, std::string device_id,
                                                   int most);

/// A device's word that it has a command.
struct CommandAck {
  std::string tenant_id, device_id, command_id;
  std::string details;  ///< JSON text {"status","details"}
  std::int64_t received_ms = 0;
};
/// Rows of the answer: tenant_id, device_id, command_id of what became delivered. A second
/// acknowledgement changes nothing; one that came in before the expiry counts, even when it is
/// looked at later.
pg::Statement ack_statement(const std::vector<CommandAck>& acks);
std::string ack_details(const std::string& status, const boost::json::value& details);

/// The handler of commands/ack.
Task<ReportsTaken> take_command_acks(pg::Transaction& tx, std::vector<DeviceReport> reports,
                                     nats::Client* nats);
/// Waits a little until the acknowledgements that the tenant's devices got accepted are in the
/// table, which the worker does some milliseconds later. False: they still are not, so who sends
/// what the table calls queued might send again what was acknowledged.
Task<bool> acks_are_stored(nats::Client* nats, std::string tenant);
/// Those of the tenants for which they still are not; all of them when it can't be known.
Task<std::vector<std::string>> tenants_with_unstored_acks(nats::Client* nats,
                                                          std::vector<std::string> tenants);
/// What waits for a device, noted as sent; nothing while acknowledgements wait to be stored.
Task<std::vector<CommandToSend>> hand_out_unless_acked(tenancy::TenantDb db, nats::Client* nats,
                                                       std::string tenant, std::string device,
                                                       int most);
/// For a device that subscribes.
Task<std::vector<DeviceMessage>> pending_commands(pg::Pool* pool, nats::Client* nats,
                                                  std::string tenant, std::string device);

/// Sends what was not sent or not acknowledged in time, less and less often; returns how many.
Task<int> sweep_commands(pg::Pool& pool, nats::Client& nats);
/// Ends what has expired, and forgets what ended long ago; returns how many expired.
Task<int> expire_commands(pg::Pool& pool, nats::Client& nats);

/// Tells open pages that commands of a device changed.
void tell_commands(nats::Client& nats, const std::string& tenant, const std::string& device);

}  // namespace pulse::fleet
