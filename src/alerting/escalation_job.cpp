#include "alerting/escalation_job.hpp"

#include "alerting/alert_outbox.hpp"
#include "alerting/escalation_policies.hpp"
#include "alerting/notifications/direct.hpp"
#include "alerting/oncall_schedules.hpp"
#include "platform/json/write.hpp"
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
    l.notify_webhook, l.oncall_schedule_id
  FROM escalation_levels l
  JOIN escalation_policies p ON p.tenant_id = l.tenant_id AND p.policy_id = l.policy_id
  WHERE l.level_id IN (SELECT n.level_id FROM )sql" +
                               due_alerts + ") ORDER BY l.level_id";

// One level up, to what comes after it (m). A level that was changed since it was looked at waits
// for the next round, as does one whose person could not be looked up.
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

struct DueLevel {
  std::string tenant_id;
  std::int64_t level_id = 0, level_number = 0;
  std::string policy_name;
  std::optional<std::string> notify_email, notify_webhook;
  std::optional<std::int64_t> oncall_schedule_id;
};
BOOST_DESCRIBE_STRUCT(DueLevel, (),
                      (tenant_id, level_id, level_number, policy_name, notify_email, notify_webhook,
                       oncall_schedule_id))

struct Moved {
  std::string tenant_id;
  std::int64_t alert_id = 0, level_id = 0, level_number = 0, escalation_round = 0;
};
BOOST_DESCRIBE_STRUCT(Moved, (), (tenant_id, alert_id, level_id, level_number, escalation_round))

/// A level with whom it tells: `told` is what the alert's timeline says.
struct Targets {
  DueLevel level;
  std::vector<notifications::DirectMessage> messages;
  boost::json::array told;
};

void add_message(Targets& to, const std::string& kind, const std::string& address) {
  notifications::DirectMessage message;
  message.tenant_id = to.level.tenant_id;
  message.kind = kind;
  message.address = address;
  message.note = "Escalated to level " + std::to_string(to.level.level_number) + " of policy " +
                 to.level.policy_name + ": nobody has acknowledged this alert.";
  to.messages.push_back(std::move(message));
}

/// With whoever is on call in the level's schedule, by an address of their own. Throws when it
/// can't be looked up now.
Task<Targets> with_person(EscalationJob job, Targets to) {
  const auto at = now();
  const auto tenant = to.level.tenant_id;
  const auto db = tenancy::TenantDb::for_worker(*job.pool, tenant, "who is told of an escalation");
  const auto planned = co_await planned_schedules(db, to.level.oncall_schedule_id, at);
  if (planned.empty()) co_return to;  // deleted meanwhile
  boost::json::object told{{"kind", "oncall"},
                           {"schedule_id", planned.front().schedule.schedule_id},
                           {"schedule", planned.front().schedule.name}};
  const auto slot = oncall::on_call_at(planned.front().plan, at.at);
  if (!slot) {
    told["problem"] = "nobody is on call";
  } else {
    told["responder"] = slot->responder;
    std::optional<std::string> address = slot->responder;
    if (slot->responder.find('@') == std::string::npos)
      address = co_await job.email_of(tenant, slot->responder);
    if (address) {
      told["address"] = *address;
      add_message(to, "email", *address);
    } else {
      told["problem"] = "has no email address here";
    }
  }
  if (told.contains("problem"))
    job.metrics->count("pulse_escalations_untold_total",
                       "Escalations whose on-call person could not be told", {});
  to.told.emplace_back(std::move(told));
  co_return to;
}

Task<Targets> targets_of(EscalationJob job, DueLevel level) {
  Targets out;
  out.level = std::move(level);
  if (out.level.notify_email) {
    add_message(out, "email", *out.level.notify_email);
    out.told.push_back({{"kind", "email"}, {"address", *out.level.notify_email}});
  }
  if (out.level.notify_webhook) {
    add_message(out, "webhook", *out.level.notify_webhook);
    // The rest of the address may be its secret.
    out.told.push_back({{"kind", "webhook"}, {"address", origin_of(*out.level.notify_webhook)}});
  }
  if (!out.level.oncall_schedule_id) co_return out;
  co_return co_await with_person(job, std::move(out));
}

/// Those that can be told. The others' alerts stay due.
Task<std::vector<Targets>> all_targets(EscalationJob job, std::vector<DueLevel> levels) {
  std::vector<Targets> out;
  for (const auto& level : levels) {
    std::string problem;
    try {
      auto targets = co_await targets_of(job, level);
      out.push_back(std::move(targets));
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (!problem.empty())
      log::error_throttled("on-call person can't be looked up, trying again",
                           {{"level", level.level_id}, {"error", problem}}, 30);
  }
  co_return out;
}

std::vector<notifications::DirectMessage> messages_for(const std::vector<Moved>& moved,
                                                       const std::vector<Targets>& targets) {
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

Task<int> escalate_some(EscalationJob job) {
  pg::Scope scope;
  scope.role = "pulse_ingest";
  const auto due = co_await job.pool->query(scope, due_levels);
  auto levels = pg::rows_as<DueLevel>(due);
  const auto targets = co_await all_targets(job, std::move(levels));
  std::vector<std::int64_t> ids;
  std::vector<std::string> told;
  for (const auto& t : targets) {
    ids.push_back(t.level.level_id);
    told.push_back(json::to_text(t.told));
  }
  auto tx = co_await job.pool->begin(scope);
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

}  // namespace

Task<int> escalate_alerts(EscalationJob job) {
  int all = 0, some = at_once;
  while (some == at_once) {
    some = co_await escalate_some(job);
    all += some;
  }
  co_return all;
}

}  // namespace pulse::alerting
