#pragma once
// Escalation policies: who is told next, and when, while nobody reacts to an alert.
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "platform/clock.hpp"
#include "platform/json/rules.hpp"
#include "tenancy/caller.hpp"

namespace pulse::alerting {

struct EscalationLevelIn {
  std::int64_t level_number = 1, delay_minutes = 15;
  std::optional<std::string> notify_email, notify_webhook;
  std::optional<std::int32_t> oncall_schedule_id;
};
BOOST_DESCRIBE_STRUCT(EscalationLevelIn, (),
                      (level_number, delay_minutes, notify_email, notify_webhook,
                       oncall_schedule_id))
inline std::vector<std::string_view> optional_members(json::As<EscalationLevelIn>) {
  return {"delay_minutes"};
}
/// Empty, or what is wrong with the address. An empty text is none at all.
std::string fault_of_notify_email(const std::optional<std::string>& email);
std::string fault_of_notify_webhook(const std::optional<std::string>& url);
inline auto constraints(json::As<EscalationLevelIn>) {
  using T = EscalationLevelIn;
  return json::rules<T>()
      .range(&T::level_number, 1, 5)
      .range(&T::delay_minutes, 1, 10'080)
      .check("notify_email", [](const T& v) { return fault_of_notify_email(v.notify_email); })
      .check("notify_webhook", [](const T& v) { return fault_of_notify_webhook(v.notify_webhook); })
      .describe(&T::delay_minutes, "After the level before it, or after the alert was opened")
      .describe(&T::oncall_schedule_id, "Whoever is on call there at that moment is told");
}

struct EscalationPolicyIn {
  std::string name;
  std::optional<std::string> description;
  bool is_default = false;
  std::int64_t repeat_count = 0;
  std::vector<EscalationLevelIn> levels;
};
BOOST_DESCRIBE_STRUCT(EscalationPolicyIn, (), (name, description, is_default, repeat_count, levels))
inline std::vector<std::string_view> optional_members(json::As<EscalationPolicyIn>) {
  return {"is_default", "repeat_count", "levels"};
}
inline auto constraints(json::As<EscalationPolicyIn>) {
  using T = EscalationPolicyIn;
  return json::rules<T>()
      .length(&T::name, 1, 200)
      .length(&T::description, 0, 2000)
      .range(&T::repeat_count, 0, 10)
      .items(&T::levels, 0, 5)
      .check("levels",
             [](const T& v) -> std::string {
               std::set<std::int64_t> numbers;
               for (const auto& l : v.levels) numbers.insert(l.level_number);
               return numbers.size() == v.levels.size() ? "" : "must not have a level_number twice";
             })
      .describe(&T::is_default,
                "Of all alerts whose rule names no policy; one policy at most is it")
      .describe(&T::repeat_count, "How often the levels begin again after the last");
}

struct EscalationLevel {
  std::int64_t level_id = 0, level_number = 1, delay_minutes = 15;
  std::optional<std::string> notify_email, notify_webhook;
  std::optional<std::int64_t> oncall_schedule_id;
};
BOOST_DESCRIBE_STRUCT(EscalationLevel, (),
                      (level_id, level_number, delay_minutes, notify_email, notify_webhook,
                       oncall_schedule_id))

struct EscalationPolicy {
  std::int64_t policy_id = 0;
  std::string tenant_id, name;
  std::optional<std::string> description;
  bool is_default = false;
  std::int64_t repeat_count = 0;
  std::vector<EscalationLevel> levels;  ///< by their numbers
  Time created_at, updated_at;
};
BOOST_DESCRIBE_STRUCT(EscalationPolicy, (),
                      (policy_id, tenant_id, name, description, is_default, repeat_count, levels,
                       created_at, updated_at))

/// A level as it is stored: `notify_webhook` as people see it, and the whole of it sealed.
struct StoredLevel : EscalationLevelIn {
  std::optional<std::string> sealed_webhook;
};
BOOST_DESCRIBE_STRUCT(StoredLevel, (EscalationLevelIn), (sealed_webhook))

/// scheme://host of a URL: what may stand in logs of one whose path may be a secret.
std::string origin_of(const std::string& url);

Task<std::vector<EscalationPolicy>> escalation_policies(tenancy::TenantDb db);
Task<std::optional<EscalationPolicy>> find_escalation_policy(tenancy::TenantDb db, std::int64_t id);
/// The webhooks of a policy's levels, as they are stored.
struct KeptWebhook {
  std::int64_t level_number = 0;
  std::string notify_webhook;
  std::optional<std::string> sealed_webhook;
};
BOOST_DESCRIBE_STRUCT(KeptWebhook, (), (level_number, notify_webhook, sealed_webhook))
Task<std::vector<KeptWebhook>> kept_webhooks(tenancy::TenantDb db, std::int64_t policy_id);

/// Writes a policy (without an id: a new one) and its levels (those of `policy` count for nothing);
/// the levels that stay keep their ids. Returns its id; nothing when there is no such policy.
/// Throws ValidationError for an unknown on-call schedule.
Task<std::optional<std::int64_t>> write_escalation_policy(tenancy::TenantDb db,
                                                          std::string tenant_id,
                                                          std::optional<std::int64_t> id,
                                                          EscalationPolicyIn policy,
                                                          std::vector<StoredLevel> levels);
/// Alerts that follow it escalate no further.
Task<bool> remove_escalation_policy(tenancy::TenantDb db, std::int64_t id);

}  // namespace pulse::alerting
