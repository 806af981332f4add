#include "alerting/escalation_policies.hpp"
#include "alerting/mounts.hpp"
#include "alerting/notifications/direct.hpp"
#include "alerting/notifications/sender.hpp"
#include "platform/json/changes.hpp"
#include "tenancy/tier.hpp"

namespace pulse::alerting {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;
using PolicyId = http::Path<"policy_id", std::int64_t>;

struct EscalationPolicyList {
  std::vector<EscalationPolicy> policies;
};
BOOST_DESCRIBE_STRUCT(EscalationPolicyList, (), (policies))

Task<> require_escalation(TenantCaller caller) {
  return tenancy::require_feature(std::move(caller), "alert_escalation", "Escalation of alerts");
}

Task<EscalationPolicy> known_policy(tenancy::TenantDb db, std::int64_t id) {
  auto policy = co_await find_escalation_policy(db, id);
  if (!policy) throw not_found("Escalation policy not found");
  co_return std::move(*policy);
}

/// As the activity log may have it: paths of webhooks are often their secrets.
EscalationPolicy told(EscalationPolicy policy) {
  for (auto& l : policy.levels)
    if (l.notify_webhook) l.notify_webhook = origin_of(*l.notify_webhook);
  return policy;
}

[[noreturn]] void refuse_webhook(std::size_t level, const std::string& why) {
  throw ValidationError({"body", "levels", std::to_string(level), "notify_webhook"}, why,
                        "value_error");
}

/// The stored address that is shown as `shown`, of the same level before any other's; null: there
/// is none, or it may be one of several.
const KeptWebhook* kept_as(const std::vector<KeptWebhook>& kept, const std::string& shown,
                           std::int64_t level_number) {
  const KeptWebhook* found = nullptr;
  int count = 0;
  for (const auto& k : kept) {
    if (notifications::shown_webhook(k.notify_webhook) != shown) continue;
    if (k.level_number == level_number) return &k;
    found = &k;
    ++count;
  }
  return count == 1 ? found : nullptr;
}

/// With what may be secret in webhooks' addresses sealed. An address that is sent back as it was
/// shown stays what it is.
Task<std::vector<StoredLevel>> sealed_levels(AlertingDeps d, TenantCaller caller,
                                             std::optional<std::int64_t> policy_id,
                                             std::vector<EscalationLevelIn> levels) {
  std::vector<KeptWebhook> kept;
  if (policy_id) kept = co_await kept_webhooks(caller.db, *policy_id);
  const auto deps = notifications::send_deps(d);
  std::vector<StoredLevel> out;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    StoredLevel level;
    static_cast<EscalationLevelIn&>(level) = levels[i];
    out.push_back(level);
    auto& stored = out.back();
    if (!stored.notify_webhook || stored.notify_webhook->empty()) continue;
    auto url = *stored.notify_webhook;
    if (url.ends_with("/***")) {
      const auto* same = kept_as(kept, url, stored.level_number);
      if (!same) refuse_webhook(i, "is not stored here: enter the whole address");
      stored.sealed_webhook = same->sealed_webhook;
      if (stored.sealed_webhook) continue;
      url = same->notify_webhook;
    }
    const notifications::Config config{{"url", url}};
    if (const auto wrong = notifications::webhook().fault(deps, config); !wrong.empty())
      refuse_webhook(i, wrong);
    stored.notify_webhook = notifications::shown_webhook(url);
    if (*stored.notify_webhook != url)
      stored.sealed_webhook = notifications::seal_webhook(*d.sealer, caller.tenant(), url);
  }
  co_return out;
}

void tell(const AlertingDeps& d, const TenantCaller& caller, const std::string& event,
          const std::string& action, const EscalationPolicy& policy,
          boost::json::object details = {}) {
  tell_pages(d, caller.tenant(), "escalation-policies");
  d.audit->write(AuditLog::of(caller, "escalation_policy." + event, action, "escalation_policy",
                              std::to_string(policy.policy_id),
                              "Escalation policy " + policy.name + " " + event,
                              std::move(details)));
}

Task<EscalationPolicyList> list_policies(AlertingDeps, TenantCaller caller) {
  EscalationPolicyList out;
  out.policies = co_await escalation_policies(caller.db);
  co_return out;
}

Task<EscalationPolicy> get_policy(AlertingDeps, TenantCaller caller, PolicyId id) {
  co_return co_await known_policy(caller.db, id.value);
}

Task<http::Created<EscalationPolicy>> create_policy(AlertingDeps d, TenantCaller caller,
                                                    http::Body<EscalationPolicyIn> body) {
  co_await require_escalation(caller);
  auto levels = co_await sealed_levels(d, caller, std::nullopt, body->levels);
  const auto id = co_await write_escalation_policy(caller.db, caller.tenant(), std::nullopt,
                                                   std::move(body.value), std::move(levels));
  auto made = co_await known_policy(caller.db, id.value_or(0));
  tell(d, caller, "created", "create", made);
  co_return http::Created<EscalationPolicy>{std::move(made)};
}

Task<EscalationPolicy> put_policy(AlertingDeps d, TenantCaller caller, PolicyId id,
                                  http::Body<EscalationPolicyIn> body) {
  co_await require_escalation(caller);
  const auto before = co_await known_policy(caller.db, id.value);
  auto levels = co_await sealed_levels(d, caller, id.value, body->levels);
  const auto written = co_await write_escalation_policy(caller.db, caller.tenant(), id.value,
                                                        std::move(body.value), std::move(levels));
  if (!written) throw not_found("Escalation policy not found");
  auto after = co_await known_policy(caller.db, id.value);
  tell(d, caller, "updated", "update", after, json::changes_of(told(before), told(after)));
  co_return after;
}

Task<http::NoContent> delete_policy(AlertingDeps d, TenantCaller caller, PolicyId id) {
  const auto before = co_await known_policy(caller.db, id.value);
  const bool known = co_await remove_escalation_policy(caller.db, id.value);
  if (!known) throw not_found("Escalation policy not found");
  tell(d, caller, "deleted", "delete", before);
  co_return http::NoContent{};
}

}  // namespace

void mount_escalation(http::Router& api, const AlertingDeps& d) {
  const std::string base = "/api/v1/customer/escalation-policies", one = base + "/{policy_id}";
  constexpr const char* unsealed = "Secrets can't be kept: PULSE_SECRET_KEY is not set";
  constexpr const char* not_in_tier = "Escalation of alerts is not included in the tier";
  const boost::json::value example{
      {"name", "Operations"},
      {"is_default", true},
      {"repeat_count", 1},
      {"levels",
       {{{"level_number", 1}, {"delay_minutes", 15}, {"notify_email", "shift@example.com"}},
        {{"level_number", 2},
         {"delay_minutes", 30},
         {"notify_webhook", "https://example.com/hook"}}}}};
  api.get(base, http::bound(d, list_policies))
      .customers()
      .tag("Escalation")
      .summary("Escalation policies with their levels");
  api.post(base, http::bound(d, create_policy))
      .needs("escalation.create")
      .tag("Escalation")
      .summary("Create a policy")
      .description(
          "Alerts get their rule's policy when they are opened, or the default one. While an alert "
          "is OPEN, each level raises its severity by one and tells the level's targets. What "
          "follows the host of a webhook's address is sealed and answered as ***, which keeps it.")
      .fails(403, not_in_tier)
      .fails(503, unsealed)
      .example(example);
  api.get(one, http::bound(d, get_policy))
      .customers()
      .tag("Escalation")
      .summary("One policy")
      .fails(404, "Escalation policy not found");
  api.put(one, http::bound(d, put_policy))
      .needs("escalation.update")
      .tag("Escalation")
      .summary("Replace a policy and its levels")
      .fails(403, not_in_tier)
      .fails(404, "Escalation policy not found")
      .fails(503, unsealed)
      .example(example);
  api.del(one, http::bound(d, delete_policy))
      .needs("escalation.delete")
      .tag("Escalation")
      .summary("Delete a policy")
      .description("Alerts that follow it escalate no further.")
      .fails(404, "Escalation policy not found");
}

}  // namespace pulse::alerting
