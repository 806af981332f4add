// Commands for their device, by HTTP.
#include "fleet/commands.hpp"
#include "fleet/device_api.hpp"
#include "fleet/device_mounts.hpp"
#include "fleet/documents.hpp"

namespace pulse::fleet {

namespace {

constexpr int most_pending = 20;

struct PendingCommand {
  std::string command_id, type;
  json::Raw params;
  Time expires_at;
};
BOOST_DESCRIBE_STRUCT(PendingCommand, (), (command_id, type, params, expires_at))
struct PendingCommands {
  std::vector<PendingCommand> commands;
};
BOOST_DESCRIBE_STRUCT(PendingCommands, (), (commands))

struct AckBody {
  std::string status = "ok";
  std::optional<boost::json::object> details;
};
BOOST_DESCRIBE_STRUCT(AckBody, (), (status, details))
inline std::vector<std::string_view> optional_members(json::As<AckBody>) { return {"status"}; }
inline auto constraints(json::As<AckBody>) {
  return json::rules<AckBody>().length(&AckBody::status, 1, 100);
}
struct AckAnswer {
  std::string command_id;
  bool acknowledged = true;
};
BOOST_DESCRIBE_STRUCT(AckAnswer, (), (command_id, acknowledged))

Task<PendingCommands> get_pending(DeviceApiDeps d, http::Raw request) {
  const auto device = co_await device_caller(d, request);
  const auto commands =
      co_await hand_out_unless_acked(device.db, d.nats, device.tenant, device.device, most_pending);
  PendingCommands out;
  for (const auto& c : commands)
    out.commands.push_back({c.command_id, c.command_type, c.command_params, c.expires_at});
  co_return out;
}

Task<AckAnswer> post_ack(DeviceApiDeps d, http::Raw request, http::Path<"command_id"> id) {
  const auto device = co_await device_caller(d, request);
  AckBody body;
  if (!request->body.empty()) {
    http::require_json(*request.request);
    body = json::from_text<AckBody>(request->body);
  }
  boost::json::value details;
  if (body.details) {
    checked_document(*body.details, "details");
    details = *body.details;
  }
  CommandAck ack;
  ack.tenant_id = device.tenant;
  ack.device_id = device.device;
  ack.command_id = id.value;
  ack.details = ack_details(body.status, details);
  ack.received_ms = now_ms();
  std::vector<CommandAck> acks;
  acks.push_back(std::move(ack));
  auto statement = ack_statement(acks);
  const auto rows = co_await device.db.query(statement.first, statement.second);
  if (rows.empty()) throw not_found("Command not found or already acknowledged");
  tell_commands(*d.nats, device.tenant, device.device);
  AckAnswer out;
  out.command_id = id.value;
  co_return out;
}

}  // namespace

void mount_device_commands(http::Router& api, const DeviceApiDeps& d) {
  by_device(api.get("/device/v1/commands/pending", http::bound(d, get_pending)))
      .summary("Commands that wait for this device, oldest first, at most 20");
  by_device(api.post("/device/v1/commands/{command_id}/ack", http::bound(d, post_ack)))
      .summary("Tell that a command was carried out, or that it could not be")
      .body<AckBody>()
      .max_body(64 * 1024)
      .fails(404, "Command not found or already acknowledged")
      .fails(413, "details must have at most 16384 bytes of JSON")
      .example({{"status", "ok"}});
}

}  // namespace pulse::fleet
