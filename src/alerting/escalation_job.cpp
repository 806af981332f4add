#include "alerting/escalation_job.hpp"

#include "alerting/alert_outbox.hpp"
#include "alerting/escalation_targets.hpp"
#include "alerting/evaluator_store.hpp"
#include "platform/log.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::alerting {

namespace {

constexpr int at_once = 1'000;

// Due alerts with the level that is next (n), of a further round where the last was reached. Held
// back while silenced or in maintenance.
const std::string due_alerts = R"sql(
  fleet_alert a
  JOIN escalation_policies p ON p.tenant_id = a.tenant_id AND p.policy_id = a.escalation_policy_id
  CROSS JOIN LATERAL (
    SELECT l.level_id, l.level_number, (l.level_number <= a.escalation_level)::integer AS again
    FROM escalation_levels l
    WHERE l.tenant_id = p.tenant_id AND l.policy_id = p.policy_id
      AND (l.level_number > a.escalation_level OR a.escalation_round < p.repeat_count)
    ORDER BY l.level_number <= a.escalation_level, l.level_number LIMIT 1) n
  WHERE a.status = 'OPEN' AND a.next_escalation_at <= now()
    AND (a.silenced_until IS NULL OR a.silenced_until <= now())
    AND NOT pulse_in_maintenance(a.tenant_id, a.site_id, coalesce((
      SELECT r.device_type FROM device_registry r
      WHERE r.tenant_id = a.tenant_id AND r.device_id = a.device_id), ''), now())
)sql";

const std::string due_levels = R"sql(
  SELECT l.tenant_id, l.level_id, l.level_number, p.name AS policy_name, l.notify_email,
    l.notify_webhook, l.sealed_webhook, l.oncall_schedule_id
  FROM escalation_levels l
  JOIN escalation_policies p ON p.tenant_id = l.tenant_id AND p.policy_id = l.policy_id
  WHERE l.level_id IN (SELECT n.level_id FROM )sql" +
                               due_alerts + ") ORDER BY l.level_id";

// One level up, to what comes after it (m). A level that was changed since it was looked at waits
// for the next round.
const std::string move_up = R"sql(
  WITH targets AS (
    SELECT * FROM unnest($1::bigint[], $2::text[]) AS t (level_id, targets)
  ), due AS (
    SELECT a.tenant_id, a.id, a.severity AS before, n.level_id, n.level_number, n.again,
      p.policy_id, p.name AS policy_name, p.repeat_count
    FROM )sql" + due_alerts +
                            R"sql(
      AND n.level_id IN (SELECT level_id FROM targets)
    ORDER BY a.tenant_id, a.fingerprint LIMIT $3::integer FOR NO KEY UPDATE OF a SKIP LOCKED
  ), moved AS (
    UPDATE fleet_alert a SET escalation_level = d.level_number,
      escalation_round = a.escalation_round + d.again,
      severity = least(5, a.severity + 1), escalated_at = now(),
      next_escalation_at = now() + make_interval(mins => (
        SELECT l.delay_minutes FROM escalation_levels l
        WHERE l.tenant_id = d.tenant_id AND l.policy_id = d.policy_id
          AND (l.level_number > d.level_number OR a.escalation_round + d.again < d.repeat_count)
        ORDER BY l.level_number <= d.level_number, l.level_number LIMIT 1))
    FROM due d WHERE a.tenant_id = d.tenant_id AND a.id = d.id
    RETURNING a.tenant_id, a.id, a.severity, a.escalation_round, d.before, d.level_id,
      d.level_number, d.policy_id, d.policy_name
  ), events AS (
    INSERT INTO alert_events (tenant_id, alert_id, event, details)
    SELECT m.tenant_id, m.id, 'ESCALATED', jsonb_build_object('level', m.level_number,
      'round', m.escalation_round, 'policy_id', m.policy_id, 'policy', m.policy_name,
      'severity_before', m.before, 'severity', m.severity, 'targets', t.targets::jsonb)
    FROM moved m JOIN targets t USING (level_id)
  )
  SELECT tenant_id, id AS alert_id, level_id, level_number, escalation_round FROM moved
)sql";

// What is due and has no level left: its policy is gone, or has fewer levels than it had.
constexpr const char* stop_the_rest = R"sql(
  UPDATE fleet_alert a SET next_escalation_at = NULL
  WHERE a.status = 'OPEN' AND a.next_escalation_at <= now() AND NOT EXISTS (
    SELECT FROM escalation_levels l
    JOIN escalation_policies p ON p.tenant_id = l.tenant_id AND p.policy_id = l.policy_id
    WHERE l.tenant_id = a.tenant_id AND l.policy_id = a.escalation_policy_id
      AND (l.level_number > a.escalation_level OR a.escalation_round < p.repeat_count))
)sql";

struct Moved {
  std::string tenant_id;
  std::int64_t alert_id = 0, level_id = 0, level_number = 0, escalation_round = 0;
};
BOOST_DESCRIBE_STRUCT(Moved, (), (tenant_id, alert_id, level_id, level_number, escalation_round))

/// Those whose targets are known. The others' alerts stay due.
Task<std::vector<EscalationTargets>> all_targets(EscalationJob job, std::vector<DueLevel> levels,
                                                 DirectoryState* directory) {
  std::vector<EscalationTargets> out;
  for (const auto& level : levels) {
    std::string problem;
    try {
      auto targets = co_await escalation_targets(job, level, directory);
      out.push_back(std::move(targets));
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (!problem.empty())
      log::error_throttled("who is on call can't be read, trying again",
                           {{"level", level.level_id}, {"error", problem}}, 30);
  }
  co_return out;
}

std::vector<notifications::DirectMessage> messages_for(
    const std::vector<Moved>& moved, const std::vector<EscalationTargets>& targets) {
  std::vector<notifications::DirectMessage> out;
  for (const auto& m : moved)
    for (const auto& t : targets) {
      if (t.level.level_id != m.level_id) continue;
      for (auto message : t.messages) {
        message.alert_id = m.alert_id;
        message.key = "escalation:" + std::to_string(m.escalation_round) + ":" +
                      std::to_string(m.level_number) + ":" + message.kind + ":" + message.address;
        out.push_back(std::move(message));
      }
    }
  return out;
}

/// Moves what is due at these levels.
Task<int> move_to(EscalationJob job, std::vector<EscalationTargets> targets) {
  std::vector<std::int64_t> ids;
  std::vector<std::string> told;
  for (const auto& t : targets) {
    ids.push_back(t.level.level_id);
    told.push_back(json::to_text(t.told));
  }
  auto tx = co_await job.pool->begin(worker_scope());
  const auto rows = co_await tx.query(move_up, pg::Params::of(ids, told, at_once));
  const auto messages = messages_for(pg::rows_as<Moved>(rows), targets);
  if (!messages.empty()) {
    auto statement = notifications::enqueue_direct(messages);
    co_await tx.query(std::move(statement.first), std::move(statement.second));
  }
  co_await tx.query(stop_the_rest);
  co_await tx.commit();
  if (!rows.empty()) {
    alerts_changed(*job.nats);
    notifications::jobs_waiting(*job.nats);
    job.metrics->count("pulse_escalations_total", "Alerts that were moved one level up", {},
                       static_cast<double>(rows.rows()));
  }
  co_return rows.rows();
}

/// Levels without a schedule first: the others may have to wait for the directory.
Task<int> escalate_some(EscalationJob job, DirectoryState* directory) {
  const auto due = co_await job.pool->query(worker_scope(), due_levels);
  std::vector<DueLevel> plain, with_people;
  for (auto& level : pg::rows_as<DueLevel>(due))
    (level.oncall_schedule_id ? with_people : plain).push_back(std::move(level));
  auto targets = co_await all_targets(job, std::move(plain), directory);
  const int moved = co_await move_to(job, std::move(targets));
  if (with_people.empty()) co_return moved;
  targets = co_await all_targets(job, std::move(with_people), directory);
  const int more = co_await move_to(job, std::move(targets));
  co_return moved + more;
}

}  // namespace

Task<int> escalate_alerts(EscalationJob job) {
  DirectoryState directory;
  int all = 0, some = at_once;
  while (some >= at_once) {
    some = co_await escalate_some(job, &directory);
    all += some;
  }
  const int ready = co_await address_waiting_people(job, &directory);
  if (ready > 0) notifications::jobs_waiting(*job.nats);
  co_return all;
}

}  // namespace pulse::alerting
