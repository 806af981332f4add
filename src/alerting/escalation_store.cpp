#include <algorithm>
#include <map>

#include "alerting/escalation_policies.hpp"
#include "alerting/notifications/direct.hpp"
#include "platform/email.hpp"
#include "platform/http/client.hpp"
#include "platform/json/write.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::alerting {

namespace {

constexpr const char* select_policies = R"sql(
  SELECT policy_id, tenant_id, name, description, is_default, repeat_count, created_at, updated_at
  FROM escalation_policies WHERE $1::bigint IS NULL OR policy_id = $1::bigint
  ORDER BY is_default DESC, name, policy_id
)sql";
constexpr const char* select_levels = R"sql(
  SELECT policy_id, level_id, level_number, delay_minutes, notify_email, notify_webhook,
    oncall_schedule_id
  FROM escalation_levels WHERE $1::bigint IS NULL OR policy_id = $1::bigint
  ORDER BY policy_id, level_number
)sql";

// The whole tenant's: two defaults at once would wait for each other.
constexpr const char* lock_policies =
    "SELECT pg_advisory_xact_lock(hashtextextended('escalation:' || $1, 0))";

constexpr const char* write_levels = R"sql(
  INSERT INTO escalation_levels AS e (tenant_id, policy_id, level_number, delay_minutes,
    notify_email, notify_webhook, sealed_webhook, oncall_schedule_id)
  SELECT $1, $2::bigint, l.level_number, l.delay_minutes, nullif(l.notify_email, ''),
    nullif(l.notify_webhook, ''), l.sealed_webhook, l.oncall_schedule_id
  FROM jsonb_to_recordset($3::jsonb) AS l (level_number integer, delay_minutes integer,
    notify_email text, notify_webhook text, sealed_webhook text, oncall_schedule_id integer)
  ON CONFLICT (policy_id, level_number) DO UPDATE SET delay_minutes = excluded.delay_minutes,
    notify_email = excluded.notify_email, notify_webhook = excluded.notify_webhook,
    sealed_webhook = excluded.sealed_webhook, oncall_schedule_id = excluded.oncall_schedule_id
)sql";

Task<std::vector<EscalationPolicy>> policies_where(tenancy::TenantDb db,
                                                   std::optional<std::int64_t> id) {
  std::vector<pg::Statement> work;
  work.emplace_back(select_policies, pg::Params::of(id));
  work.emplace_back(select_levels, pg::Params::of(id));
  const auto rows = co_await db.batch(std::move(work));
  auto out = pg::rows_as<EscalationPolicy>(rows[0]);
  auto levels = pg::rows_as<EscalationLevel>(rows[1]);
  for (auto& l : levels)
    if (l.notify_webhook) l.notify_webhook = notifications::shown_webhook(*l.notify_webhook);
  for (int i = 0; i < rows[1].rows(); ++i)
    for (auto& p : out)
      if (p.policy_id == rows[1].int64(i, 0))
        p.levels.push_back(std::move(levels[static_cast<std::size_t>(i)]));
  co_return out;
}

/// Throws for the first level whose schedule is not among those of the tenant.
Task<> require_schedules(tenancy::TenantDb db, std::vector<StoredLevel> levels) {
  std::vector<std::int64_t> wanted;
  for (const auto& l : levels)
    if (l.oncall_schedule_id) wanted.push_back(*l.oncall_schedule_id);
  if (wanted.empty()) co_return;
  const auto rows = co_await db.query(
      "SELECT schedule_id FROM oncall_schedules WHERE schedule_id = ANY ($1::bigint[])",
      pg::Params::of(wanted));
  std::set<std::int64_t> known;
  for (int i = 0; i < rows.rows(); ++i) known.insert(rows.int64(i, 0));
  Faults faults;
  for (std::size_t i = 0; i < levels.size(); ++i)
    if (levels[i].oncall_schedule_id && !known.contains(*levels[i].oncall_schedule_id))
      faults.push_back({{"body", "levels", std::to_string(i), "oncall_schedule_id"},
                        "is no on-call schedule",
                        "value_error"});
  if (!faults.empty()) throw ValidationError(std::move(faults));
}

}  // namespace

std::string fault_of_notify_email(const std::optional<std::string>& email) {
  return email && !email->empty() ? email_fault(*email) : std::string();
}

std::string fault_of_notify_webhook(const std::optional<std::string>& url) {
  if (!url || url->empty()) return {};
  if (url->size() > 2000) return "must have at most 2000 characters";
  try {
    http::parse_url(*url);
  } catch (const http::ClientError&) {
    return "must be a URL, such as https://example.com/hook";
  }
  return {};
}

std::string origin_of(const std::string& url) {
  const auto parts = http::parse_url(url);
  return parts.scheme + "://" + parts.host;
}

Task<std::vector<EscalationPolicy>> escalation_policies(tenancy::TenantDb db) {
  return policies_where(std::move(db), std::nullopt);
}

Task<std::optional<EscalationPolicy>> find_escalation_policy(tenancy::TenantDb db,
                                                             std::int64_t id) {
  auto found = co_await policies_where(db, id);
  if (found.empty()) co_return std::nullopt;
  co_return std::move(found.front());
}

Task<std::vector<KeptWebhook>> kept_webhooks(tenancy::TenantDb db, std::int64_t policy_id) {
  const auto rows = co_await db.query(
      "SELECT level_number, notify_webhook, sealed_webhook FROM escalation_levels "
      "WHERE policy_id = $1::bigint AND notify_webhook IS NOT NULL ORDER BY level_number",
      pg::Params::of(policy_id));
  co_return pg::rows_as<KeptWebhook>(rows);
}

Task<std::optional<std::int64_t>> write_escalation_policy(tenancy::TenantDb db,
                                                          std::string tenant_id,
                                                          std::optional<std::int64_t> id,
                                                          EscalationPolicyIn policy,
                                                          std::vector<StoredLevel> levels) {
  co_await require_schedules(db, levels);
  auto tx = co_await db.begin();
  co_await tx.query(lock_policies, pg::Params::of(tenant_id));
  if (policy.is_default)
    co_await tx.query(
        "UPDATE escalation_policies SET is_default = false, updated_at = now() "
        "WHERE is_default AND policy_id IS DISTINCT FROM $1::bigint",
        pg::Params::of(id));
  const auto params = pg::Params::of(tenant_id, id, policy.name, policy.description,
                                     policy.is_default, policy.repeat_count);
  const auto written = co_await tx.query(
      id ? "UPDATE escalation_policies SET name = $3, description = $4, is_default = $5, "
           "repeat_count = $6, updated_at = now() WHERE tenant_id = $1 AND policy_id = $2::bigint "
           "RETURNING policy_id"
         : "INSERT INTO escalation_policies (tenant_id, name, description, is_default, "
           "repeat_count) SELECT $1, $3, $4, $5::boolean, $6::integer WHERE $2::bigint IS NULL "
           "RETURNING policy_id",
      params);
  if (written.empty()) co_return std::nullopt;
  const auto policy_id = written.int64(0, 0);
  std::vector<std::int64_t> numbers;
  for (const auto& l : levels) numbers.push_back(l.level_number);
  co_await tx.query(
      "DELETE FROM escalation_levels WHERE policy_id = $1::bigint "
      "AND level_number <> ALL ($2::bigint[])",
      pg::Params::of(policy_id, numbers));
  const auto rows = json::to_text(levels);
  co_await tx.query(write_levels, pg::Params::of(tenant_id, policy_id, rows));
  co_await tx.commit();
  co_return policy_id;
}

Task<bool> remove_escalation_policy(tenancy::TenantDb db, std::int64_t id) {
  std::vector<pg::Statement> work;
  work.emplace_back(
      "UPDATE fleet_alert SET next_escalation_at = NULL "
      "WHERE escalation_policy_id = $1::bigint AND next_escalation_at IS NOT NULL",
      pg::Params::of(id));
  work.emplace_back(
      "DELETE FROM escalation_policies WHERE policy_id = $1::bigint RETURNING policy_id",
      pg::Params::of(id));
  const auto rows = co_await db.batch(std::move(work));
  co_return !rows[1].empty();
}

}  // namespace pulse::alerting
