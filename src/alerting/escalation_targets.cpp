#include "alerting/escalation_targets.hpp"

#include "alerting/escalation_policies.hpp"
#include "alerting/evaluator_store.hpp"
#include "alerting/oncall_schedules.hpp"
#include "platform/log.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::alerting {

namespace {

using notifications::DirectMessage;

constexpr int people_at_once = 100;
constexpr const char* no_address = "has no email address here";

// The channels by which a person wants to be told, as their preferences name them.
constexpr const char* own_channels = R"sql(
  SELECT c.channel_id, c.name FROM user_preferences p
  JOIN notification_channels c ON c.tenant_id = p.tenant_id AND c.is_enabled
    AND p.notification_prefs -> 'oncall_channel_ids' @> to_jsonb(c.channel_id)
  WHERE p.tenant_id = $1 AND p.user_id = $2 ORDER BY c.channel_id LIMIT 10
)sql";

constexpr const char* waiting_people = R"sql(
  SELECT DISTINCT tenant_id, target ->> 'address' FROM notification_jobs
  WHERE status = 'PENDING' AND target ->> 'kind' = 'person' LIMIT $1
)sql";

// The message of one who has channels becomes one to each of them.
constexpr const char* to_channels = R"sql(
  WITH waiting AS (
    DELETE FROM notification_jobs WHERE tenant_id = $1 AND status = 'PENDING'
      AND target ->> 'kind' = 'person' AND target ->> 'address' = $2
    RETURNING *
  )
  INSERT INTO notification_jobs (tenant_id, alert_id, channel_id, deliver_on_event, event_key,
                                 payload_json)
  SELECT w.tenant_id, w.alert_id, c, w.deliver_on_event, w.event_key, w.payload_json
  FROM waiting w CROSS JOIN unnest($3::integer[]) c ON CONFLICT DO NOTHING
)sql";
constexpr const char* to_address = R"sql(
  UPDATE notification_jobs SET next_run_at = now(),
    target = jsonb_build_object('kind', 'email', 'address', $3::text)
  WHERE tenant_id = $1 AND status = 'PENDING' AND target ->> 'kind' = 'person'
    AND target ->> 'address' = $2
)sql";
constexpr const char* to_nobody = R"sql(
  UPDATE notification_jobs SET status = 'FAILED', last_error = $3, updated_at = now()
  WHERE tenant_id = $1 AND status = 'PENDING' AND target ->> 'kind' = 'person'
    AND target ->> 'address' = $2
)sql";

bool is_address(const std::string& responder) { return responder.find('@') != std::string::npos; }

void count_untold(const EscalationJob& job) {
  job.metrics->count("pulse_escalations_untold_total",
                     "Escalations whose on-call person could not be told", {});
}

DirectMessage message_of(const DueLevel& level, const std::string& kind,
                         const std::string& address) {
  DirectMessage message;
  message.tenant_id = level.tenant_id;
  message.kind = kind;
  message.address = address;
  message.note = "Escalated to level " + std::to_string(level.level_number) + " of policy " +
                 level.policy_name + ": nobody has acknowledged this alert.";
  return message;
}

/// How a person can be reached.
struct Reach {
  bool known = false;  ///< else the directory could not be asked
  std::optional<std::string> email;
  std::vector<std::int64_t> channels;
  std::vector<std::string> channel_names;
};

Task<Reach> reach_of(EscalationJob job, std::string tenant, std::string name,
                     DirectoryState* directory) {
  Reach out;
  if (is_address(name)) out.email = name;
  if (directory->away) co_return out;
  std::optional<OncallPerson> person;
  std::string problem;
  try {
    person = co_await job.person_of(tenant, name);
  } catch (const std::exception& e) {
    problem = e.what();
  }
  if (!problem.empty()) {
    directory->away = true;
    log::error_throttled("the directory can't be asked for people on call, trying again",
                         {{"error", problem}}, 30);
    co_return out;
  }
  out.known = true;
  if (!person) co_return out;
  if (!out.email && !person->email.empty()) out.email = person->email;
  const auto rows = co_await job.pool->query(worker_scope(), own_channels,
                                             pg::Params::of(tenant, person->user_id));
  for (int i = 0; i < rows.rows(); ++i) {
    out.channels.push_back(rows.int64(i, 0));
    out.channel_names.emplace_back(rows.text(i, 1));
  }
  co_return out;
}

/// By a person's own channels; without any by email.
void tell_person(const EscalationJob& job, EscalationTargets& to, const std::string& responder,
                 const Reach& reach, boost::json::object& told) {
  told["responder"] = responder;
  for (const auto id : reach.channels) {
    auto message = message_of(to.level, "channel", std::to_string(id));
    message.channel_id = id;
    to.messages.push_back(std::move(message));
  }
  if (!reach.channels.empty()) {
    told["channels"] = boost::json::array(reach.channel_names.begin(), reach.channel_names.end());
  } else if (reach.email) {
    told["address"] = *reach.email;
    to.messages.push_back(message_of(to.level, "email", *reach.email));
  } else if (!reach.known) {
    told["waits_for"] = "the directory";
    to.messages.push_back(message_of(to.level, "person", responder));
  } else {
    told["problem"] = no_address;
    count_untold(job);
  }
}

/// With whoever is on call in the level's schedule.
Task<EscalationTargets> with_person(EscalationJob job, EscalationTargets to,
                                    DirectoryState* directory) {
  const auto at = now();
  const auto tenant = to.level.tenant_id;
  const auto db = tenancy::TenantDb::for_worker(*job.pool, tenant, "who is told of an escalation");
  const auto planned = co_await planned_schedules(db, to.level.oncall_schedule_id, at);
  if (planned.empty()) co_return to;  // deleted meanwhile
  boost::json::object told{{"kind", "oncall"},
                           {"schedule_id", planned.front().schedule.schedule_id},
                           {"schedule", planned.front().schedule.name}};
  const auto slot = oncall::on_call_at(planned.front().plan, at.at);
  if (slot) {
    const auto responder = slot->responder;
    const auto reach = co_await reach_of(job, tenant, responder, directory);
    tell_person(job, to, responder, reach, told);
  } else {
    told["problem"] = "nobody is on call";
    count_untold(job);
  }
  to.told.emplace_back(std::move(told));
  co_return to;
}

}  // namespace

Task<EscalationTargets> escalation_targets(EscalationJob job, DueLevel level,
                                           DirectoryState* directory) {
  EscalationTargets out;
  out.level = std::move(level);
  if (out.level.notify_email) {
    out.messages.push_back(message_of(out.level, "email", *out.level.notify_email));
    out.told.push_back({{"kind", "email"}, {"address", *out.level.notify_email}});
  }
  if (out.level.notify_webhook) {
    auto message = message_of(out.level, "webhook", *out.level.notify_webhook);
    if (out.level.sealed_webhook) message.sealed = *out.level.sealed_webhook;
    out.messages.push_back(std::move(message));
    // The rest of the address may be its secret.
    out.told.push_back({{"kind", "webhook"}, {"address", origin_of(*out.level.notify_webhook)}});
  }
  if (!out.level.oncall_schedule_id) co_return out;
  co_return co_await with_person(job, std::move(out), directory);
}

Task<int> address_waiting_people(EscalationJob job, DirectoryState* directory) {
  const auto rows =
      co_await job.pool->query(worker_scope(), waiting_people, pg::Params::of(people_at_once));
  int ready = 0;
  for (int i = 0; i < rows.rows() && !directory->away; ++i) {
    const std::string tenant(rows.text(i, 0)), name(rows.text(i, 1));
    const auto reach = co_await reach_of(job, tenant, name, directory);
    if (!reach.known) break;
    if (!reach.channels.empty()) {
      const auto made = co_await job.pool->query(worker_scope(), to_channels,
                                                 pg::Params::of(tenant, name, reach.channels));
      ready += static_cast<int>(made.affected());
    } else if (reach.email) {
      const auto made = co_await job.pool->query(worker_scope(), to_address,
                                                 pg::Params::of(tenant, name, *reach.email));
      ready += static_cast<int>(made.affected());
    } else {
      co_await job.pool->query(worker_scope(), to_nobody,
                               pg::Params::of(tenant, name, std::string(no_address)));
      count_untold(job);
    }
  }
  co_return ready;
}

}  // namespace pulse::alerting
