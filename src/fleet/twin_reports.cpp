// The twin by MQTT, and what keeps both sides of it together.
#include <limits>

#include "fleet/documents.hpp"
#include "fleet/twin.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

struct DesiredToSend {
  std::string tenant_id, device_id;
  json::Raw desired;
  std::int64_t desired_version = 0;
  std::optional<Time> desired_at;
};
BOOST_DESCRIBE_STRUCT(DesiredToSend, (),
                      (tenant_id, device_id, desired, desired_version, desired_at))

/// Waits as long again as the change is old, from half a minute to an hour.
constexpr const char* take_unsynced = R"sql(
  WITH due AS (
    SELECT s.tenant_id, s.device_id
    FROM device_state s JOIN device_registry r USING (tenant_id, device_id)
    WHERE s.desired_version > s.reported_version AND r.status = 'ACTIVE'
      AND s.desired_sent_at < now() - interval '30 seconds'
      AND s.desired_sent_at < now() - least(s.desired_sent_at - s.desired_at, interval '1 hour')
    ORDER BY s.tenant_id, s.device_id
    LIMIT 5000 FOR UPDATE OF s SKIP LOCKED
  )
  UPDATE device_state s SET desired_sent_at = now()
  FROM due WHERE s.tenant_id = due.tenant_id AND s.device_id = due.device_id
  RETURNING s.tenant_id, s.device_id, s.desired_state AS desired, s.desired_version, s.desired_at
)sql";

/// What is wrong with a report, or empty.
std::string read_report(const DeviceReport& report, ReportedState& out) {
  const auto* reported = report.payload.if_contains("reported");
  if (!reported || !reported->is_object()) return "INVALID_PAYLOAD:reported";
  const auto* version = report.payload.if_contains("version");
  boost::system::error_code ec;
  if (!version || !version->is_number()) return "INVALID_PAYLOAD:version";
  out.version = version->to_number<std::int32_t>(ec);
  if (ec || out.version < 0) return "INVALID_PAYLOAD:version";
  out.tenant_id = report.tenant_id;
  out.device_id = report.device_id;
  out.document = json::to_text(*reported);
  out.received_ms = report.received_ms;
  return {};
}

}  // namespace

std::string desired_message(const std::string& desired_json, std::int64_t version, Time since) {
  std::string out = "{\"desired\":" + desired_json + ",\"version\":" + std::to_string(version);
  out += ",\"timestamp\":";
  json::write(out, since);
  return out + "}";
}

void tell_twin(nats::Client& nats, const std::string& tenant, const std::string& device) {
  nats.publish("live." + tenant, "{\"type\":\"changed\",\"what\":\"twin:" + device + "\"}");
}

Task<ReportsTaken> take_shadow_reports(pg::Transaction& tx, std::vector<DeviceReport> reports,
                                       nats::Client* nats) {
  ReportsTaken out;
  // Of several of one device the newest version counts, of that the latest.
  std::map<std::pair<std::string, std::string>, ReportedState> newest;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    ReportedState state;
    if (auto fault = read_report(reports[i], state); !fault.empty()) {
      out.refused[i] = std::move(fault);
      continue;
    }
    auto& best = newest[{state.tenant_id, state.device_id}];
    if (best.device_id.empty() || state.version >= best.version) best = std::move(state);
  }
  if (newest.empty()) co_return out;
  std::vector<ReportedState> states;
  for (auto& [key, state] : newest) states.push_back(std::move(state));
  auto statements = report_statements(states, "mqtt");
  const auto results = co_await tx.batch(std::move(statements));
  std::vector<std::pair<std::string, std::string>> changed;
  for (int i = 0; i < results[1].rows(); ++i)
    changed.emplace_back(results[1].text(i, 0), results[1].text(i, 1));
  out.after_commit = [nats, changed = std::move(changed)] {
    for (const auto& [tenant, device] : changed) tell_twin(*nats, tenant, device);
  };
  co_return out;
}

Task<std::vector<DeviceMessage>> pending_desired(pg::Pool* pool, std::string tenant,
                                                 std::string device) {
  const auto db = tenancy::TenantDb::for_worker(*pool, tenant, "a device subscribed");
  const auto rows = co_await db.query(
      "SELECT s.tenant_id, s.device_id, s.desired_state AS desired, s.desired_version, "
      "s.desired_at FROM device_state s JOIN device_registry r USING (tenant_id, device_id) "
      "WHERE s.device_id = $1 AND s.desired_version > 0 AND r.status = 'ACTIVE'",
      pg::Params::of(device));
  std::vector<DeviceMessage> out;
  for (const auto& row : pg::rows_as<DesiredToSend>(rows)) {
    DeviceMessage message;
    message.payload =
        desired_message(row.desired.text, row.desired_version, row.desired_at.value_or(now()));
    message.retained = true;
    out.push_back(std::move(message));
  }
  co_return out;
}

Task<int> resend_desired(pg::Pool& pool, nats::Client& nats) {
  if (!nats.connected()) co_return 0;
  pg::Scope scope;
  scope.role = "pulse_ingest";
  const auto rows = co_await pool.query(scope, take_unsynced);
  for (const auto& row : pg::rows_as<DesiredToSend>(rows))
    send_to_device(
        nats, row.tenant_id, row.device_id, "shadow/desired",
        desired_message(row.desired.text, row.desired_version, row.desired_at.value_or(now())));
  co_return rows.rows();
}

}  // namespace pulse::fleet
