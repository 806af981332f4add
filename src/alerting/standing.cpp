#include "alerting/standing.hpp"

#include <algorithm>

#include "alerting/alerts.hpp"
#include "alerting/evaluator_store.hpp"
#include "platform/json/write.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::alerting {

namespace {

constexpr std::int64_t certificates_ms = 3'600'000;
constexpr std::int64_t all_ms = 3'600'000, again_ms = 60'000, overlap_ms = 60'000,
                       week_ms = 7 * 24 * 3'600'000LL;
constexpr int at_once = 5000;  // as in the statements

// A silence begins with what the device sent last: an alert that knows of that is of this silence,
// open or closed. What silence or maintenance holds back is found again afterwards.
constexpr const char* fell_silent = R"sql(
  SELECT s.tenant_id, s.device_id, coalesce(r.site_id, ''), coalesce(r.device_type, ''),
    'NO_HEARTBEAT:' || s.device_id, 4, 0.9,
    coalesce(r.name, s.device_id) || ' has sent nothing since ' ||
      to_char(s.last_seen_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC',
    jsonb_build_object('last_seen_at', s.last_seen_at, 'status', s.status)::text,
    (extract(epoch FROM s.last_seen_at) * 1000000)::bigint
  FROM device_state s JOIN device_registry r USING (tenant_id, device_id)
  WHERE s.status <> 'ONLINE' AND r.status = 'ACTIVE' AND s.last_seen_at IS NOT NULL
    AND s.last_state_change_at > $1::timestamptz
    AND NOT EXISTS (SELECT FROM fleet_alert a WHERE a.tenant_id = s.tenant_id
                    AND a.fingerprint = 'NO_HEARTBEAT:' || s.device_id
                    AND a.event_at >= s.last_seen_at)
    AND NOT EXISTS (SELECT FROM fleet_alert a WHERE a.tenant_id = s.tenant_id
                    AND a.fingerprint = 'NO_HEARTBEAT:' || s.device_id
                    AND a.silenced_until > now())
    AND NOT pulse_in_maintenance(s.tenant_id, coalesce(r.site_id, ''),
                                 coalesce(r.device_type, ''), now())
  ORDER BY s.last_state_change_at LIMIT 5000
)sql";

constexpr const char* came_back = R"sql(
  SELECT a.tenant_id, a.fingerprint
  FROM fleet_alert a JOIN device_state s USING (tenant_id, device_id)
  WHERE a.alert_type = 'NO_HEARTBEAT' AND a.status IN ('OPEN', 'ACKNOWLEDGED')
    AND s.status = 'ONLINE'
)sql";

constexpr const char* expire_soon = R"sql(
  SELECT c.tenant_id, c.device_id, coalesce(r.site_id, ''), coalesce(r.device_type, ''),
    'CERT_EXPIRING:' || c.id, 4, 1.0,
    'The certificate of ' || coalesce(r.name, c.device_id) || ' expires on ' ||
      to_char(c.not_after AT TIME ZONE 'UTC', 'YYYY-MM-DD'),
    jsonb_build_object('certificate_id', c.id, 'not_after', c.not_after,
                       'fingerprint', c.fingerprint_sha256)::text,
    (extract(epoch FROM c.not_after) * 1000000)::bigint
  FROM device_certificates c JOIN device_registry r USING (tenant_id, device_id)
  WHERE c.status = 'ACTIVE' AND r.status = 'ACTIVE' AND c.not_after > now()
    AND c.not_after < now() + interval '30 days'
    AND NOT EXISTS (SELECT FROM fleet_alert a WHERE a.tenant_id = c.tenant_id
                    AND a.fingerprint = 'CERT_EXPIRING:' || c.id)
    AND NOT pulse_in_maintenance(c.tenant_id, coalesce(r.site_id, ''),
                                 coalesce(r.device_type, ''), now())
  ORDER BY c.not_after LIMIT 5000
)sql";

constexpr const char* expire_no_more = R"sql(
  SELECT a.tenant_id, a.fingerprint
  FROM fleet_alert a LEFT JOIN device_certificates c
    ON c.tenant_id = a.tenant_id AND 'CERT_EXPIRING:' || c.id = a.fingerprint
  WHERE a.alert_type = 'CERT_EXPIRING' AND a.status IN ('OPEN', 'ACKNOWLEDGED')
    AND coalesce(c.status, '') <> 'ACTIVE'
)sql";

std::vector<Finding> findings_of(const pg::Result& rows, const char* alert_type) {
  std::vector<Finding> out;
  for (int i = 0; i < rows.rows(); ++i) {
    Finding f;
    f.tenant_id = rows.text(i, 0);
    f.device_id = rows.text(i, 1);
    f.site_id = rows.text(i, 2);
    f.device_type = rows.text(i, 3);
    f.alert_type = alert_type;
    f.fingerprint = rows.text(i, 4);
    f.severity = static_cast<int>(rows.int64(i, 5));
    f.confidence = rows.float8(i, 6);
    f.summary = rows.text(i, 7);
    f.details_json = rows.text(i, 8);
    f.event_us = rows.int64(i, 9);
    out.push_back(std::move(f));
  }
  return out;
}

std::vector<Recovery> recoveries_of(const pg::Result& rows, const char* reason) {
  std::vector<Recovery> out;
  for (int i = 0; i < rows.rows(); ++i) {
    Recovery r;
    r.tenant_id = rows.text(i, 0);
    r.fingerprint = rows.text(i, 1);
    r.reason = reason;
    out.push_back(std::move(r));
  }
  return out;
}

int count_opened(const std::vector<Raised>& raised) {
  return static_cast<int>(
      std::count_if(raised.begin(), raised.end(), [](const Raised& r) { return r.opened; }));
}

}  // namespace

Task<int> StandingAlerts::look(pg::Pool& pool) {
  int transitions = 0;
  // Every minute those of the last week: a change may be committed later than it says, and what
  // held an alert back may be over. Every hour, and first of all, those before: no silence is too
  // old. In between the latest ones.
  const bool all = steady_ms() >= all_due_ms_, week = all || steady_ms() >= week_due_ms_;
  const auto since = from_ms(all ? 0 : now_ms() - (week ? week_ms : overlap_ms));
  auto tx = co_await pool.begin(worker_scope());
  const auto silent = co_await tx.query(fell_silent, pg::Params::of(iso8601(since)));
  const auto silences = findings_of(silent, "NO_HEARTBEAT");
  const auto opened = co_await raise_alerts(tx, silences);
  transitions += count_opened(opened);
  const auto back = co_await tx.query(came_back);
  const auto recovered = recoveries_of(back, "recovered");
  transitions += co_await clear_alerts(tx, recovered);
  const bool certificates = steady_ms() >= certificates_due_ms_;
  if (certificates) {
    const auto soon = co_await tx.query(expire_soon);
    const auto expiring = findings_of(soon, "CERT_EXPIRING");
    const auto warned = co_await raise_alerts(tx, expiring);
    transitions += count_opened(warned);
    const auto over = co_await tx.query(expire_no_more);
    const auto ended = recoveries_of(over, "certificate_ended");
    transitions += co_await clear_alerts(tx, ended);
  }
  co_await tx.commit();
  if (silent.rows() < at_once) {
    if (all) all_due_ms_ = steady_ms() + all_ms;
    if (week) week_due_ms_ = steady_ms() + again_ms;
  }
  if (certificates) certificates_due_ms_ = steady_ms() + certificates_ms;
  co_return transitions;
}

}  // namespace pulse::alerting
