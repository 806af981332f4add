#include "tenancy/permissions.hpp"

#include <algorithm>
#include <array>

namespace pulse::tenancy {

namespace {

/// Sorted, so that look-ups are binary searches.
constexpr std::string_view catalogue[] = {"alert-rules.create",
                                          "alert-rules.delete",
                                          "alert-rules.templates",
                                          "alert-rules.update",
                                          "alerts.acknowledge",
                                          "alerts.close",
                                          "alerts.digest.write",
                                          "alerts.read",
                                          "alerts.rules.read",
                                          "alerts.rules.write",
                                          "alerts.silence",
                                          "carrier.actions.execute",
                                          "carrier.integrations.read",
                                          "carrier.integrations.write",
                                          "carrier.links.write",
                                          "dashboard.read",
                                          "dashboard.share",
                                          "dashboard.write",
                                          "devices.commands",
                                          "devices.commands.send",
                                          "devices.create",
                                          "devices.decommission",
                                          "devices.delete",
                                          "devices.groups.write",
                                          "devices.import",
                                          "devices.read",
                                          "devices.tags.write",
                                          "devices.tokens.revoke",
                                          "devices.tokens.rotate",
                                          "devices.twin.write",
                                          "devices.update",
                                          "devices.write",
                                          "escalation.create",
                                          "escalation.delete",
                                          "escalation.update",
                                          "integrations.read",
                                          "integrations.routes",
                                          "integrations.write",
                                          "maintenance.create",
                                          "maintenance.delete",
                                          "maintenance.read",
                                          "maintenance.update",
                                          "maintenance.write",
                                          "notifications.create",
                                          "notifications.delete",
                                          "notifications.routing.create",
                                          "notifications.routing.delete",
                                          "notifications.routing.update",
                                          "notifications.test",
                                          "notifications.update",
                                          "oncall.create",
                                          "oncall.delete",
                                          "oncall.layers.write",
                                          "oncall.overrides.write",
                                          "oncall.update",
                                          "reports.export",
                                          "reports.read",
                                          "settings.read",
                                          "sites.read",
                                          "sites.write",
                                          "subscriptions.read",
                                          "subscriptions.write",
                                          "users.edit",
                                          "users.invite",
                                          "users.read",
                                          "users.remove",
                                          "users.roles"};

}  // namespace

bool known_permission(std::string_view permission) {
  return std::binary_search(std::begin(catalogue), std::end(catalogue), permission);
}

std::span<const std::string_view> all_permissions() { return catalogue; }

bool holds(const Caller& caller, const Membership* membership, std::string_view permission) {
  if (!known_permission(permission)) return false;
  const bool in_scopes =
      caller.by_api_token.empty() ||
      std::find(caller.scopes.begin(), caller.scopes.end(), permission) != caller.scopes.end();
  if (!in_scopes) return false;
  if (caller.is_service || caller.is_tenant_admin() || caller.is_operator()) return true;
  return caller.has_role("customer") && membership && membership->allows(permission);
}

std::vector<std::string> held_by(const Caller& caller, const Membership* membership) {
  std::vector<std::string> out;
  for (const auto permission : catalogue)
    if (holds(caller, membership, permission)) out.emplace_back(permission);
  return out;
}

}  // namespace pulse::tenancy
