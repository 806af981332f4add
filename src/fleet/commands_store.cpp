#include <algorithm>
#include <tuple>

#include "fleet/commands.hpp"
#include "fleet/documents.hpp"
#include "fleet/json_schema.hpp"
#include "platform/ids.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

const std::string columns =
    "command_id, command_type, command_params, status, published_at, acked_at, ack_details, "
    "expires_at, created_by, created_at, attempts, cancelled_at, retry_of";
const std::string to_send =
    "c.tenant_id, c.device_id, c.command_id, c.command_type, c.command_params, c.expires_at, "
    "c.created_at";

/// By whom nobody acknowledges, a command is sent again after 10 s, then ever later, up to 10 min.
const std::string note_sent = R"sql(
  published_at = coalesce(c.published_at, now()), attempts = c.attempts + 1,
  publish_at = now() + least(interval '10 minutes',
                             interval '10 seconds' * power(2, least(c.attempts, 10)))
)sql";

/// As they were made.
std::vector<CommandToSend> in_order(const pg::Result& rows) {
  auto out = pg::rows_as<CommandToSend>(rows);
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return std::tie(a.created_at, a.command_id) < std::tie(b.created_at, b.command_id);
  });
  return out;
}

}  // namespace

std::string command_message(const CommandToSend& c) {
  std::string out = "{\"command_id\":";
  json::write(out, c.command_id);
  out += ",\"type\":";
  json::write(out, c.command_type);
  out += ",\"params\":" + c.command_params.text + ",\"expires_at\":";
  json::write(out, c.expires_at);
  return out + "}";
}

Task<> check_parameters(tenancy::TenantDb db, std::vector<std::string> device_ids,
                        std::string command_type, boost::json::object params) {
  checked_document(params, "command_params");
  const auto rows = co_await db.query(R"sql(
    SELECT DISTINCT c.id, t.name, c.parameters_schema
    FROM device_registry r JOIN device_templates t ON t.id = r.template_id
    JOIN template_commands c ON c.template_id = t.id AND c.command_key = $2
    WHERE r.device_id = ANY ($1::text[]) AND c.parameters_schema IS NOT NULL ORDER BY c.id
  )sql",
                                      pg::Params::of(device_ids, command_type));
  const boost::json::value value(params);
  for (int i = 0; i < rows.rows(); ++i) {
    const auto schema = boost::json::parse(rows.text(i, 2));
    auto faults = faults_by_schema(schema, value, {"body", "command_params"});
    if (faults.empty()) continue;
    if (rows.rows() > 1)
      for (auto& fault : faults) fault.msg += " (template " + std::string(rows.text(i, 1)) + ")";
    throw ValidationError(std::move(faults));
  }
}

Task<std::vector<CommandToSend>> insert_commands(tenancy::TenantDb db,
                                                 std::vector<std::string> device_ids,
                                                 CommandCreate command, CommandOrigin origin) {
  std::vector<std::string> ids(device_ids.size());
  for (auto& id : ids) id = uuid7();
  // The first look of the sweeper comes after the publish that follows this commit.
  const auto rows =
      co_await db.query(R"sql(
    INSERT INTO device_commands AS c (tenant_id, device_id, command_id, command_type,
      command_params, expires_at, publish_at, created_by, retry_of)
    SELECT $1, r.device_id, d.command_id, $4, $5::jsonb,
           now() + make_interval(mins => $6::integer), now() + interval '10 seconds', $7, $8
    FROM unnest($2::text[], $3::text[]) AS d (device_id, command_id)
    JOIN device_registry r ON r.device_id = d.device_id AND r.status = 'ACTIVE'
    RETURNING )sql" + to_send,
                        pg::Params::of(origin.tenant_id, device_ids, ids, command.command_type,
                                       json::to_text(command.command_params),
                                       command.expires_in_minutes, origin.actor, origin.retry_of));
  co_return in_order(rows);
}

Task<bool> publish_commands(tenancy::TenantDb db, nats::Client* nats,
                            std::vector<CommandToSend> commands) {
  std::vector<std::string> sent;
  const Time at = now();
  for (const auto& c : commands)
    if (send_to_device(*nats, c.tenant_id, c.device_id, "commands", command_message(c)))
      sent.push_back(c.command_id);
  if (!sent.empty())
    co_await db.query(
        "UPDATE device_commands SET published_at = coalesce(published_at, $2::timestamptz), "
        "attempts = attempts + 1 WHERE command_id = ANY ($1::text[])",
        pg::Params::of(sent, iso8601(at)));
  co_return sent.size() == commands.size();
}

Task<std::vector<DeviceCommand>> commands_of(tenancy::TenantDb db, std::string device_id,
                                             std::string status, std::int64_t limit,
                                             std::int64_t offset) {
  const auto rows =
      co_await db.query("SELECT " + columns +
                            " FROM device_commands WHERE device_id = $1 "
                            "AND ($2 = '' OR status = $2) ORDER BY created_at DESC, command_id "
                            "DESC LIMIT $3::integer OFFSET $4::integer",
                        pg::Params::of(device_id, status, limit, offset));
  co_return pg::rows_as<DeviceCommand>(rows);
}

Task<std::optional<DeviceCommand>> find_command(tenancy::TenantDb db, std::string device_id,
                                                std::string command_id) {
  const auto rows = co_await db.query(
      "SELECT " + columns + " FROM device_commands WHERE device_id = $1 AND command_id = $2",
      pg::Params::of(device_id, command_id));
  co_return pg::first_as<DeviceCommand>(rows);
}

Task<std::optional<DeviceCommand>> cancel_command(tenancy::TenantDb db, std::string device_id,
                                                  std::string command_id) {
  const auto rows = co_await db.query(
      "UPDATE device_commands SET status = 'expired', cancelled_at = now() "
      "WHERE device_id = $1 AND command_id = $2 AND status = 'queued' "
      "RETURNING " +
          columns,
      pg::Params::of(device_id, command_id));
  co_return pg::first_as<DeviceCommand>(rows);
}

Task<std::vector<CommandToSend>> hand_out_commands(tenancy::TenantDb db, std::string device_id,
                                                   int most) {
  const auto rows = co_await db.query(R"sql(
    WITH due AS (
      SELECT tenant_id, command_id FROM device_commands
      WHERE device_id = $1 AND status = 'queued' AND expires_at > now()
      ORDER BY created_at, command_id LIMIT $2::integer FOR UPDATE
    )
    UPDATE device_commands c SET )sql" + note_sent +
                                          R"sql(
    FROM due WHERE c.tenant_id = due.tenant_id AND c.command_id = due.command_id
    RETURNING )sql" + to_send,
                                      pg::Params::of(device_id, most));
  co_return in_order(rows);
}

std::string ack_details(const std::string& status, const boost::json::value& details) {
  std::string out = "{\"status\":";
  json::write(out, status);
  out += ",\"details\":";
  json::write(out, details);
  return out + "}";
}

pg::Statement ack_statement(const std::vector<CommandAck>& acks) {
  std::vector<std::string> tenants, devices, ids, details;
  std::vector<std::int64_t> received;
  for (const auto& ack : acks) {
    tenants.push_back(ack.tenant_id);
    devices.push_back(ack.device_id);
    ids.push_back(ack.command_id);
    details.push_back(ack.details);
    received.push_back(ack.received_ms);
  }
  return {R"sql(
    WITH due AS (
      SELECT c.tenant_id, c.command_id, g.details::jsonb AS details, g.at
      FROM (SELECT tenant_id, device_id, command_id, details,
                   to_timestamp(received_ms / 1000.0) AS at
            FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])
              AS u (tenant_id, device_id, command_id, details, received_ms)) g
      JOIN device_commands c USING (tenant_id, device_id, command_id)
      WHERE c.status = 'queued' OR (c.status IN ('missed', 'expired') AND g.at <= c.expires_at)
      ORDER BY c.created_at, c.command_id FOR UPDATE OF c
    )
    UPDATE device_commands c SET status = 'delivered', acked_at = due.at,
      ack_details = due.details, published_at = coalesce(c.published_at, due.at)
    FROM due WHERE c.tenant_id = due.tenant_id AND c.command_id = due.command_id
    RETURNING c.tenant_id, c.device_id, c.command_id
  )sql",
          pg::Params::of(tenants, devices, ids, details, received)};
}

Task<int> sweep_commands(pg::Pool& pool, nats::Client& nats) {
  if (!nats.connected()) co_return 0;
  pg::Scope scope;
  scope.role = "pulse_ingest";
  const auto waiting =
      co_await pool.query(scope,
                          "SELECT DISTINCT tenant_id FROM device_commands WHERE status = 'queued' "
                          "AND publish_at <= now() AND expires_at > now()");
  if (waiting.empty()) co_return 0;
  auto tenants = pg::texts(waiting);
  // One tenant's backlog holds up its own commands only.
  const auto behind = co_await tenants_with_unstored_acks(&nats, tenants);
  static const std::string sweep = R"sql(
    WITH due AS (
      SELECT tenant_id, command_id FROM device_commands
      WHERE status = 'queued' AND publish_at <= now() AND expires_at > now()
        AND tenant_id = ANY ($1::text[])
      ORDER BY publish_at LIMIT 5000 FOR UPDATE SKIP LOCKED
    )
    UPDATE device_commands c SET )sql" +
                                   note_sent +
                                   R"sql(
    FROM due WHERE c.tenant_id = due.tenant_id AND c.command_id = due.command_id
    RETURNING )sql" + to_send;
  // A tenant whose first command became due only now was not looked at.
  std::erase_if(tenants, [&](const auto& tenant) {
    return std::find(behind.begin(), behind.end(), tenant) != behind.end();
  });
  if (tenants.empty()) co_return 0;
  const auto rows = co_await pool.query(scope, sweep, pg::Params::of(tenants));
  for (const auto& c : in_order(rows))
    send_to_device(nats, c.tenant_id, c.device_id, "commands", command_message(c));
  co_return rows.rows();
}

}  // namespace pulse::fleet
