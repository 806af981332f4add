#include "alerting/notifications/direct.hpp"

#include "alerting/notifications/jobs.hpp"
#include "platform/json/write.hpp"

namespace pulse::alerting::notifications {

pg::Statement enqueue_direct(const std::vector<DirectMessage>& messages) {
  boost::json::array rows;
  for (const auto& m : messages)
    rows.push_back({{"tenant_id", m.tenant_id},
                    {"alert_id", m.alert_id},
                    {"event", m.event},
                    {"key", m.key},
                    {"target", {{"kind", m.kind}, {"address", m.address}}},
                    {"note", m.note}});
  return {R"sql(
    INSERT INTO notification_jobs (tenant_id, alert_id, target, deliver_on_event, event_key,
                                   payload_json)
    SELECT m.tenant_id, m.alert_id, m.target, m.event, m.key,
           pulse_notice(a, m.event, now(), NULL, m.note)
    FROM jsonb_to_recordset($1::jsonb) AS m(tenant_id text, alert_id bigint, target jsonb,
                                            event text, key text, note text)
    JOIN fleet_alert a ON a.tenant_id = m.tenant_id AND a.id = m.alert_id
    ON CONFLICT (tenant_id, alert_id, event_key) WHERE channel_id IS NULL DO NOTHING
  )sql",
          pg::Params::of(json::to_text(rows))};
}

void jobs_waiting(nats::Client& nats) { nats.publish(jobs_subject, ""); }

}  // namespace pulse::alerting::notifications
