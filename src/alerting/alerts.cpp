#include "alerting/alerts.hpp"

#include "platform/pg/rows.hpp"

namespace pulse::alerting {

namespace {

// Sorted, so that two workers lock alerts in one order. xmax 0: the row was inserted here. A worse
// severity than the rule's came by escalation, and stays.
constexpr const char* raise = R"sql(
  WITH found AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
        $7::bigint[], $8::float8[], $9::text[], $10::text[], $11::text[], $12::bigint[],
        $13::bigint[], $14::bigint[], $15::bigint[])
      AS f (tenant_id, device_id, site_id, device_type, alert_type, fingerprint, severity,
            confidence, summary, details, rule_id, policy_id, repeats, event_us, may_open)
  ), ruled AS (
    SELECT r.tenant_id, r.rule_id::text AS rule_id FROM alert_rules r
    WHERE r.enabled AND (r.tenant_id, r.rule_id) IN (
      SELECT tenant_id, rule_id::uuid FROM found WHERE rule_id <> '')
  ), at_work AS (
    SELECT f.* FROM found f
    WHERE f.rule_id = '' OR (f.tenant_id, f.rule_id) IN (SELECT tenant_id, rule_id FROM ruled)
  ), kept_open AS (
    -- Locked and looked at again: one that a person closes meanwhile stays closed.
    SELECT f.*, a.id FROM at_work f JOIN fleet_alert a USING (tenant_id, fingerprint)
    WHERE f.may_open = 0 AND a.status IN ('OPEN', 'ACKNOWLEDGED')
    ORDER BY a.tenant_id, a.fingerprint FOR NO KEY UPDATE OF a
  ), repeated AS (
    UPDATE fleet_alert a SET trigger_count = a.trigger_count + k.repeats,
      last_triggered_at = now(), summary = k.summary, details = k.details::jsonb,
      severity = greatest(a.severity, k.severity),
      event_at = greatest(a.event_at, to_timestamp(k.event_us / 1000000.0))
    FROM kept_open k WHERE a.tenant_id = k.tenant_id AND a.id = k.id
    RETURNING a.tenant_id, a.fingerprint, a.id
  ), allowed AS (
    SELECT f.* FROM at_work f
    WHERE f.may_open = 1
      AND (EXISTS (SELECT FROM fleet_alert a WHERE a.tenant_id = f.tenant_id
                  AND a.fingerprint = f.fingerprint AND a.status IN ('OPEN', 'ACKNOWLEDGED'))
       OR NOT EXISTS (SELECT FROM fleet_alert a WHERE a.tenant_id = f.tenant_id
                      AND a.fingerprint = f.fingerprint AND a.silenced_until > now())
          AND NOT EXISTS (SELECT FROM fleet_alert a WHERE a.tenant_id = f.tenant_id
                          AND a.fingerprint = f.fingerprint
                          AND a.event_at >= to_timestamp(f.event_us / 1000000.0))
          AND NOT pulse_in_maintenance(f.tenant_id, f.site_id, f.device_type, now()))
  ), raised AS (
    INSERT INTO fleet_alert AS a (tenant_id, device_id, site_id, alert_type, fingerprint, severity,
      confidence, summary, details, rule_id, trigger_count, event_at,
      escalation_policy_id, next_escalation_at)
    SELECT f.tenant_id, f.device_id, f.site_id, f.alert_type, f.fingerprint, f.severity,
      f.confidence, f.summary, f.details::jsonb, nullif(f.rule_id, '')::uuid, f.repeats,
      to_timestamp(f.event_us / 1000000.0), p.policy_id, now() + make_interval(mins => l.delay_minutes)
    FROM allowed f
    LEFT JOIN escalation_policies p ON p.tenant_id = f.tenant_id
      AND CASE WHEN f.policy_id > 0 THEN p.policy_id = f.policy_id ELSE p.is_default END
    LEFT JOIN LATERAL (SELECT delay_minutes FROM escalation_levels e
                       WHERE e.tenant_id = p.tenant_id AND e.policy_id = p.policy_id
                       ORDER BY level_number LIMIT 1) l ON true
    ORDER BY f.tenant_id, f.fingerprint
    ON CONFLICT (tenant_id, fingerprint) WHERE status IN ('OPEN', 'ACKNOWLEDGED')
    DO UPDATE SET trigger_count = a.trigger_count + excluded.trigger_count,
      last_triggered_at = now(), summary = excluded.summary, details = excluded.details,
      severity = greatest(a.severity, excluded.severity),
      event_at = greatest(a.event_at, excluded.event_at)
    RETURNING a.tenant_id, a.fingerprint, a.id, a.xmax = 0 AS opened
  ), events AS (
    INSERT INTO alert_events (tenant_id, alert_id, event)
    SELECT tenant_id, id, 'OPEN' FROM raised WHERE opened
  )
  SELECT tenant_id, fingerprint, id, opened FROM raised
  UNION ALL SELECT tenant_id, fingerprint, id, false FROM repeated
)sql";

constexpr const char* clear = R"sql(
  WITH over AS (
    SELECT a.tenant_id, a.id, o.reason, o.details::jsonb AS details,
      to_timestamp(o.event_us / 1000000.0) AS event_at
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])
      AS o (tenant_id, fingerprint, reason, details, event_us)
    JOIN fleet_alert a USING (tenant_id, fingerprint)
    WHERE a.status IN ('OPEN', 'ACKNOWLEDGED')
    ORDER BY a.tenant_id, a.fingerprint FOR NO KEY UPDATE OF a
  ), closed AS (
    UPDATE fleet_alert a SET status = 'CLOSED', closed_at = now(), close_reason = o.reason,
      next_escalation_at = NULL, event_at = greatest(a.event_at, o.event_at)
    FROM over o WHERE a.tenant_id = o.tenant_id AND a.id = o.id
      AND a.status IN ('OPEN', 'ACKNOWLEDGED')
    RETURNING a.tenant_id, a.id, o.reason, o.details
  ), events AS (
    INSERT INTO alert_events (tenant_id, alert_id, event, details)
    SELECT tenant_id, id, 'CLOSED', details || jsonb_build_object('reason', reason) FROM closed
  )
  SELECT count(*) FROM closed
)sql";

constexpr const char* close_of_rule = R"sql(
  WITH closed AS (
    UPDATE fleet_alert SET status = 'CLOSED', closed_at = now(), close_reason = 'rule_removed',
      next_escalation_at = NULL
    WHERE rule_id = $1::uuid AND status IN ('OPEN', 'ACKNOWLEDGED')
    RETURNING tenant_id, id
  )
  INSERT INTO alert_events (tenant_id, alert_id, event, details)
  SELECT tenant_id, id, 'CLOSED', '{"reason": "rule_removed"}' FROM closed
)sql";

}  // namespace

Task<std::vector<Raised>> raise_alerts(pg::Transaction& tx, const std::vector<Finding>& findings) {
  std::vector<Raised> out;
  if (findings.empty()) co_return out;
  std::vector<std::string> tenants, devices, sites, types, kinds, fingerprints, summaries, details,
      rules;
  std::vector<std::int64_t> severities, policies, repeats, times, may_open;
  std::vector<double> confidences;
  for (const auto& f : findings) {
    tenants.push_back(f.tenant_id);
    devices.push_back(f.device_id);
    sites.push_back(f.site_id);
    types.push_back(f.device_type);
    kinds.push_back(f.alert_type);
    fingerprints.push_back(f.fingerprint);
    severities.push_back(f.severity);
    confidences.push_back(f.confidence);
    summaries.push_back(f.summary);
    details.push_back(f.details_json);
    rules.push_back(f.rule_id);
    policies.push_back(f.escalation_policy_id.value_or(0));
    repeats.push_back(f.repeats);
    times.push_back(f.event_us);
    may_open.push_back(f.may_open ? 1 : 0);
  }
  auto params =
      pg::Params::of(tenants, devices, sites, types, kinds, fingerprints, severities, confidences,
                     summaries, details, rules, policies, repeats, times, may_open);
  const auto rows = co_await tx.query(raise, std::move(params));
  for (int i = 0; i < rows.rows(); ++i) {
    Raised raised;
    raised.tenant_id = rows.text(i, 0);
    raised.fingerprint = rows.text(i, 1);
    raised.alert_id = rows.int64(i, 2);
    raised.opened = rows.boolean(i, 3);
    out.push_back(std::move(raised));
  }
  co_return out;
}

Task<int> clear_alerts(pg::Transaction& tx, const std::vector<Recovery>& recoveries) {
  if (recoveries.empty()) co_return 0;
  std::vector<std::string> tenants, fingerprints, reasons, details;
  std::vector<std::int64_t> times;
  for (const auto& r : recoveries) {
    tenants.push_back(r.tenant_id);
    fingerprints.push_back(r.fingerprint);
    reasons.push_back(r.reason);
    details.push_back(r.details_json);
    times.push_back(r.event_us);
  }
  auto params = pg::Params::of(tenants, fingerprints, reasons, details, times);
  const auto rows = co_await tx.query(clear, std::move(params));
  co_return static_cast<int>(rows.int64(0, 0));
}

pg::Statement close_alerts_of_rule(const std::string& rule_id) {
  return {close_of_rule, pg::Params::of(rule_id)};
}

}  // namespace pulse::alerting
