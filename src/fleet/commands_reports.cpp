// Acknowledgements by MQTT, what waits for a device, and the end of commands.
#include <set>

#include "fleet/commands.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

/// So many are handed to a device that subscribes; the sweeper brings what is beyond.
constexpr int most_at_once = 100;

constexpr const char* expire = R"sql(
  WITH due AS (
    SELECT tenant_id, command_id FROM device_commands
    WHERE status = 'queued' AND expires_at <= now()
    ORDER BY created_at, command_id LIMIT 10000 FOR UPDATE SKIP LOCKED
  )
  UPDATE device_commands c
  SET status = CASE WHEN c.published_at IS NULL THEN 'expired' ELSE 'missed' END
  FROM due WHERE c.tenant_id = due.tenant_id AND c.command_id = due.command_id
  RETURNING c.tenant_id, c.device_id
)sql";

constexpr const char* forget = R"sql(
  DELETE FROM device_commands WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM device_commands
    WHERE created_at < now() - interval '90 days' AND status <> 'queued' LIMIT 10000))
)sql";

/// What is wrong with an acknowledgement, or empty.
std::string read_ack(const DeviceReport& report, CommandAck& out) {
  const auto* id = report.payload.if_contains("command_id");
  if (!id || !id->is_string() || id->get_string().empty()) return "INVALID_PAYLOAD:command_id";
  const auto* status = report.payload.if_contains("status");
  if (status && !(status->is_string() && json::utf8_length(status->get_string()) <= 100))
    return "INVALID_PAYLOAD:status";
  const auto* details = report.payload.if_contains("details");
  if (details && !details->is_object() && !details->is_null()) return "INVALID_PAYLOAD:details";
  out.tenant_id = report.tenant_id;
  out.device_id = report.device_id;
  out.command_id = std::string(id->get_string());
  out.details = ack_details(status ? std::string(status->get_string()) : "ok",
                            details ? *details : boost::json::value());
  out.received_ms = report.received_ms;
  return {};
}

void tell_all(nats::Client& nats, const pg::Result& rows) {
  std::set<std::pair<std::string, std::string>> devices;
  for (int i = 0; i < rows.rows(); ++i) devices.emplace(rows.text(i, 0), rows.text(i, 1));
  for (const auto& [tenant, device] : devices) tell_commands(nats, tenant, device);
}

}  // namespace

void tell_commands(nats::Client& nats, const std::string& tenant, const std::string& device) {
  nats.publish("live." + tenant, "{\"type\":\"changed\",\"what\":\"commands:" + device + "\"}");
}

Task<ReportsTaken> take_command_acks(pg::Transaction& tx, std::vector<DeviceReport> reports,
                                     nats::Client* nats) {
  ReportsTaken out;
  std::vector<CommandAck> acks;
  std::vector<std::size_t> places;
  std::set<std::pair<std::string, std::string>> seen;  // the first one of a batch counts
  for (std::size_t i = 0; i < reports.size(); ++i) {
    CommandAck ack;
    if (auto fault = read_ack(reports[i], ack); !fault.empty()) {
      out.refused[i] = std::move(fault);
      continue;
    }
    if (!seen.emplace(ack.tenant_id, ack.command_id).second) continue;
    acks.push_back(std::move(ack));
    places.push_back(i);
  }
  if (acks.empty()) co_return out;
  std::vector<pg::Statement> statements;
  statements.push_back(ack_statement(acks));
  std::vector<std::string> tenants, devices, ids;
  for (const auto& ack : acks) {
    tenants.push_back(ack.tenant_id);
    devices.push_back(ack.device_id);
    ids.push_back(ack.command_id);
  }
  statements.emplace_back(
      "SELECT g.place - 1 FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY "
      "AS g (tenant_id, device_id, command_id, place) WHERE NOT EXISTS (SELECT FROM "
      "device_commands c WHERE c.tenant_id = g.tenant_id AND c.device_id = g.device_id "
      "AND c.command_id = g.command_id)",
      pg::Params::of(tenants, devices, ids));
  auto results = co_await tx.batch(std::move(statements));
  for (int i = 0; i < results[1].rows(); ++i)
    out.refused[places[static_cast<std::size_t>(results[1].int64(i, 0))]] = "UNKNOWN_COMMAND";
  std::set<std::pair<std::string, std::string>> told;
  for (int i = 0; i < results[0].rows(); ++i)
    told.emplace(results[0].text(i, 0), results[0].text(i, 1));
  out.after_commit = [nats, told = std::move(told)] {
    for (const auto& [tenant, device] : told) tell_commands(*nats, tenant, device);
  };
  co_return out;
}

Task<std::vector<CommandToSend>> hand_out_unless_acked(tenancy::TenantDb db, nats::Client* nats,
                                                       std::string tenant, std::string device,
                                                       int most) {
  const auto any = co_await db.query(
      "SELECT 1 FROM device_commands WHERE device_id = $1 AND status = 'queued' LIMIT 1",
      pg::Params::of(device));
  if (any.empty()) co_return std::vector<CommandToSend>();
  const bool stored = co_await acks_are_stored(nats, std::move(tenant));
  if (!stored) co_return std::vector<CommandToSend>();
  co_return co_await hand_out_commands(db, std::move(device), most);
}

Task<std::vector<DeviceMessage>> pending_commands(pg::Pool* pool, nats::Client* nats,
                                                  std::string tenant, std::string device) {
  const auto db = tenancy::TenantDb::for_worker(*pool, tenant, "a device subscribed");
  const auto commands = co_await hand_out_unless_acked(db, nats, tenant, device, most_at_once);
  std::vector<DeviceMessage> out;
  for (const auto& command : commands) {
    DeviceMessage message;
    message.payload = command_message(command);
    out.push_back(std::move(message));
  }
  co_return out;
}

Task<int> expire_commands(pg::Pool& pool, nats::Client& nats) {
  pg::Scope scope;
  scope.role = "pulse_ingest";
  int expired = 0;
  int last = 10'000;
  while (last >= 10'000) {
    const auto rows = co_await pool.query(scope, expire);
    tell_all(nats, rows);
    last = rows.rows();
    expired += last;
  }
  co_await pool.query(scope, forget);
  co_return expired;
}

}  // namespace pulse::fleet
