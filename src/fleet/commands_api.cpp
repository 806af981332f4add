// Commands for people: send to one device or many, list, retry, cancel.
#include <set>

#include "fleet/commands.hpp"
#include "fleet/devices.hpp"
#include "fleet/mounts.hpp"

namespace pulse::fleet {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;

struct CommandQueued {
  std::string command_id, status = "queued";
  bool mqtt_published = false;  ///< false: it will be, as soon as NATS is within reach
  Time expires_at;
};
BOOST_DESCRIBE_STRUCT(CommandQueued, (), (command_id, status, mqtt_published, expires_at))

struct CommandQuery {
  std::int64_t limit = 50, offset = 0;
  std::optional<std::string> status;
};
BOOST_DESCRIBE_STRUCT(CommandQuery, (), (limit, offset, status))
inline auto constraints(json::As<CommandQuery>) {
  return json::rules<CommandQuery>()
      .range(&CommandQuery::limit, 1, 200)
      .range(&CommandQuery::offset, 0, 1'000'000)
      .describe(&CommandQuery::status, "queued, delivered, missed or expired");
}

struct BulkCommand {
  std::vector<std::string> device_ids;
  std::string command_type;
  boost::json::object command_params;
  std::int32_t expires_in_minutes = 60;
};
BOOST_DESCRIBE_STRUCT(BulkCommand, (),
                      (device_ids, command_type, command_params, expires_in_minutes))
inline std::vector<std::string_view> optional_members(json::As<BulkCommand>) {
  return {"command_params", "expires_in_minutes"};
}
inline auto constraints(json::As<BulkCommand>) {
  return rules_of_command<BulkCommand>().items(&BulkCommand::device_ids, 1, 1'000);
}
struct BulkCommandItem {
  std::string device_id, command_id;
};
BOOST_DESCRIBE_STRUCT(BulkCommandItem, (), (device_id, command_id))
struct BulkCommandAnswer {
  std::vector<BulkCommandItem> commands;
  std::vector<std::string> not_found;  ///< no device of this name in service
  bool mqtt_published = false;
  std::optional<Time> expires_at;
};
BOOST_DESCRIBE_STRUCT(BulkCommandAnswer, (), (commands, not_found, mqtt_published, expires_at))

CommandOrigin origin_of(const TenantCaller& caller) {
  CommandOrigin out;
  out.tenant_id = caller.tenant();
  out.actor = caller.who.username.empty() ? caller.who.email : caller.who.username;
  return out;
}

/// Checks, commits, and sends to one device. Throws HttpError 404, 409.
Task<CommandQueued> send_one(FleetDeps d, TenantCaller caller, std::string device_id,
                             CommandCreate command, CommandOrigin origin) {
  co_await require_device(caller.db, device_id);
  const std::vector<std::string> devices{device_id};
  co_await check_parameters(caller.db, devices, command.command_type, command.command_params);
  auto made = co_await insert_commands(caller.db, devices, command, std::move(origin));
  if (made.empty()) throw conflict("Device is out of service");
  CommandQueued out;
  out.command_id = made.front().command_id;
  out.expires_at = made.front().expires_at;
  out.mqtt_published = co_await publish_commands(caller.db, d.nats, std::move(made));
  tell_commands(*d.nats, caller.tenant(), device_id);
  auto event = AuditLog::of(caller, "device.command_sent", "command", "device", device_id,
                            "Command " + command.command_type + " sent to " + device_id);
  event.details["command_id"] = out.command_id;
  event.details["command_type"] = command.command_type;
  d.audit->write(std::move(event));
  co_return out;
}

Task<http::Created<CommandQueued>> send_command(FleetDeps d, TenantCaller caller,
                                                http::Path<"device_id"> id,
                                                http::Body<CommandCreate> body) {
  auto sent = co_await send_one(d, caller, id.value, body.value, origin_of(caller));
  co_return http::Created<CommandQueued>{std::move(sent)};
}

Task<std::vector<DeviceCommand>> list_commands(FleetDeps, TenantCaller caller,
                                               http::Path<"device_id"> id,
                                               http::Query<CommandQuery> query) {
  const auto status = query->status.value_or("");
  if (!status.empty() && status != "queued" && status != "delivered" && status != "missed" &&
      status != "expired")
    throw bad_request("Invalid status");
  co_await require_device(caller.db, id.value);
  co_return co_await commands_of(caller.db, id.value, status, query->limit, query->offset);
}

Task<DeviceCommand> known_command(tenancy::TenantDb db, std::string device_id,
                                  std::string command_id) {
  auto command = co_await find_command(db, std::move(device_id), std::move(command_id));
  if (!command) throw not_found("Command not found");
  co_return std::move(*command);
}

Task<DeviceCommand> get_command(FleetDeps, TenantCaller caller, http::Path<"device_id"> id,
                                http::Path<"command_id"> command_id) {
  co_return co_await known_command(caller.db, id.value, command_id.value);
}

Task<http::Created<CommandQueued>> retry_command(FleetDeps d, TenantCaller caller,
                                                 http::Path<"device_id"> id,
                                                 http::Path<"command_id"> command_id) {
  const auto earlier = co_await known_command(caller.db, id.value, command_id.value);
  if (earlier.status == "queued") throw conflict("Command is still queued");
  CommandCreate again;
  again.command_type = earlier.command_type;
  again.command_params = earlier.command_params;
  const auto minutes = (to_ms(earlier.expires_at) - to_ms(earlier.created_at)) / 60'000;
  again.expires_in_minutes =
      static_cast<std::int32_t>(std::clamp<std::int64_t>(minutes, 1, 10'080));
  auto origin = origin_of(caller);
  origin.retry_of = earlier.command_id;
  auto sent = co_await send_one(d, caller, id.value, std::move(again), std::move(origin));
  co_return http::Created<CommandQueued>{std::move(sent)};
}

Task<DeviceCommand> delete_command(FleetDeps d, TenantCaller caller, http::Path<"device_id"> id,
                                   http::Path<"command_id"> command_id) {
  auto cancelled = co_await cancel_command(caller.db, id.value, command_id.value);
  if (!cancelled) {
    co_await known_command(caller.db, id.value, command_id.value);
    throw conflict("Only a queued command can be cancelled");
  }
  tell_commands(*d.nats, caller.tenant(), id.value);
  auto event =
      AuditLog::of(caller, "device.command_cancelled", "cancel", "device", id.value,
                   "Command " + cancelled->command_type + " to " + id.value + " cancelled");
  event.details["command_id"] = command_id.value;
  d.audit->write(std::move(event));
  co_return std::move(*cancelled);
}

Task<http::Created<BulkCommandAnswer>> send_bulk(FleetDeps d, TenantCaller caller,
                                                 http::Body<BulkCommand> body) {
  std::set<std::string> wanted(body->device_ids.begin(), body->device_ids.end());
  const std::vector<std::string> devices(wanted.begin(), wanted.end());
  CommandCreate command;
  command.command_type = body->command_type;
  command.command_params = body->command_params;
  command.expires_in_minutes = body->expires_in_minutes;
  co_await check_parameters(caller.db, devices, command.command_type, command.command_params);
  auto made = co_await insert_commands(caller.db, devices, command, origin_of(caller));
  BulkCommandAnswer out;
  for (const auto& c : made) {
    out.commands.push_back({c.device_id, c.command_id});
    out.expires_at = c.expires_at;
    wanted.erase(c.device_id);
    tell_commands(*d.nats, caller.tenant(), c.device_id);
  }
  out.not_found.assign(wanted.begin(), wanted.end());
  if (!made.empty()) {
    out.mqtt_published = co_await publish_commands(caller.db, d.nats, std::move(made));
    auto event = AuditLog::of(caller, "device.commands_sent", "command", "device", "",
                              "Command " + command.command_type + " sent to " +
                                  std::to_string(out.commands.size()) + " devices");
    event.details["command_type"] = command.command_type;
    event.details["devices"] = out.commands.size();
    d.audit->write(std::move(event));
  }
  co_return http::Created<BulkCommandAnswer>{std::move(out)};
}

}  // namespace

void mount_commands(http::Router& api, const FleetDeps& d) {
  const std::string base = "/api/v1/customer/devices/{device_id}/commands";
  api.post(base, http::bound(d, send_command))
      .needs("devices.commands.send")
      .tag("Commands")
      .summary("Send a command to a device")
      .description(
          "It is kept until the device acknowledges it or it expires, and sent again "
          "meanwhile. Devices tell it by its `command_id` from one that they know.")
      .fails(404, "Device not found")
      .fails(409, "Device is out of service")
      .fails(413, "command_params must have at most 16384 bytes of JSON")
      .example({{"command_type", "reboot"},
                {"command_params", boost::json::object{}},
                {"expires_in_minutes", 60}});
  api.get(base, http::bound(d, list_commands))
      .customers()
      .tag("Commands")
      .summary("Commands of a device, newest first")
      .fails(400, "Invalid status")
      .fails(404, "Device not found");
  api.get(base + "/{command_id}", http::bound(d, get_command))
      .customers()
      .tag("Commands")
      .summary("One command")
      .fails(404, "Command not found");
  api.post(base + "/{command_id}/retry", http::bound(d, retry_command))
      .needs("devices.commands.send")
      .tag("Commands")
      .summary("Send a command again that ended")
      .fails(404, "Command not found")
      .fails(409, "Command is still queued")
      .fails(413, "command_params must have at most 16384 bytes of JSON");
  api.del(base + "/{command_id}", http::bound(d, delete_command))
      .needs("devices.commands.send")
      .tag("Commands")
      .summary("Cancel a queued command; one that the device has already can't be called back")
      .fails(404, "Command not found")
      .fails(409, "Only a queued command can be cancelled");
  api.post("/api/v1/customer/devices/commands/bulk", http::bound(d, send_bulk))
      .needs("devices.commands.send")
      .tag("Commands")
      .summary("Send one command to up to 1,000 devices")
      .fails(413, "command_params must have at most 16384 bytes of JSON")
      .example({{"device_ids", {"gw-1", "gw-2"}}, {"command_type", "reboot"}});
}

}  // namespace pulse::fleet
