#include "alerting/notifications/direct.hpp"

#include "alerting/notifications/jobs.hpp"
#include "platform/errors.hpp"
#include "platform/json/write.hpp"

namespace pulse::alerting::notifications {

namespace {

std::string place_of(const std::string& tenant_id) {
  return "escalation_levels.notify_webhook:" + tenant_id;
}

}  // namespace

std::string shown_webhook(const std::string& url) {
  const auto host = url.find("://");
  const auto path = url.find_first_of("/?", host == std::string::npos ? 0 : host + 3);
  if (path == std::string::npos || path + 1 == url.size()) return url;
  return url.substr(0, path) + "/***";
}

std::string seal_webhook(const crypto::Sealer& sealer, const std::string& tenant_id,
                         const std::string& url) {
  if (!sealer.ready()) throw HttpError(503, "Secrets can't be kept: PULSE_SECRET_KEY is not set");
  return sealer.seal(url, place_of(tenant_id));
}

std::string open_webhook(const crypto::Sealer& sealer, const std::string& tenant_id,
                         const std::string& sealed) {
  return sealer.open(sealed, place_of(tenant_id));
}

pg::Statement enqueue_direct(const std::vector<DirectMessage>& messages) {
  boost::json::array rows;
  for (const auto& m : messages) {
    boost::json::object row{{"tenant_id", m.tenant_id},
                            {"alert_id", m.alert_id},
                            {"event", m.event},
                            {"key", m.key},
                            {"note", m.note}};
    if (m.channel_id) {
      row["channel_id"] = *m.channel_id;
    } else {
      boost::json::object target{{"kind", m.kind}, {"address", m.address}};
      if (!m.sealed.empty()) target["sealed"] = m.sealed;
      row["target"] = std::move(target);
    }
    rows.push_back(std::move(row));
  }
  // A channel that went meanwhile tells nobody.
  return {R"sql(
    INSERT INTO notification_jobs (tenant_id, alert_id, channel_id, target, deliver_on_event,
                                   event_key, payload_json)
    SELECT m.tenant_id, m.alert_id, m.channel_id, m.target, m.event, m.key,
           pulse_notice(a, m.event, now(), NULL, m.note)
    FROM jsonb_to_recordset($1::jsonb) AS m(tenant_id text, alert_id bigint, channel_id integer,
                                            target jsonb, event text, key text, note text)
    JOIN fleet_alert a ON a.tenant_id = m.tenant_id AND a.id = m.alert_id
    WHERE m.channel_id IS NULL OR EXISTS (
      SELECT FROM notification_channels c
      WHERE c.tenant_id = m.tenant_id AND c.channel_id = m.channel_id)
    ON CONFLICT DO NOTHING
  )sql",
          pg::Params::of(json::to_text(rows))};
}

void jobs_waiting(nats::Client& nats) { nats.publish(jobs_subject, ""); }

}  // namespace pulse::alerting::notifications
