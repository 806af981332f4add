#include "tenancy/permissions.hpp"

#include <algorithm>
#include <array>

namespace pulse::tenancy {

namespace {

/// Sorted, so that look-ups are binary searches.
constexpr std::string_view catalogue[] = {
    "alert-rules.create", "alert-rules.delete", "alert-rules.templates", "alert-rules.update",
    "alerts.acknowledge", "alerts.close", "alerts.digest.write", "alerts.read",
    "alerts.rules.read", "alerts.rules.write", "alerts.silence", "carrier.actions.execute",
    "carrier.integrations.read", "carrier.integrations.write", "carrier.links.write",
    "dashboard.read", "dashboard.share", "dashboard.write", "devices.commands",
    "devices.commands.send", "devices.create", "devices.decommission", "devices.delete",
    "devices.groups.write", "devices.import", "devices.read", "devices.tags.write",
    "devices.tokens.revoke", "devices.tokens.rotate", "devices.twin.write", "devices.update",
    "devices.write", "escalation.create", "escalation.delete", "escalation.update",
    "integrations.read", "integrations.routes", "integrations.write", "maintenance.create",
    "maintenance.delete", "maintenance.read", "maintenance.update", "maintenance.write",
    "notifications.create", "notifications.delete", "notifications.routing.create",
    "notifications.routing.delete", "notifications.routing.update", "notifications.test",
    "notifications.update", "oncall.create", "oncall.delete", "oncall.layers.write",
    "oncall.overrides.write", "oncall.update", "reports.export", "reports.read", "settings.read",
    "sites.read", "sites.write", "subscriptions.read", "subscriptions.write", "users.edit",
    "users.invite", "users.read", "users.remove", "users.roles"};

bool of_a_customer(std::string_view permission) {
  return permission.starts_with("devices.") || permission.starts_with("sites.") ||
         permission.ends_with(".read") || permission == "dashboard.write";
}

}  // namespace

bool known_permission(std::string_view permission) {
  return std::binary_search(std::begin(catalogue), std::end(catalogue), permission);
}

bool holds(const Caller& caller, std::string_view permission) {
  if (!known_permission(permission)) return false;
  if (caller.has_role("tenant-admin") || caller.is_operator()) return true;
  return caller.has_role("customer") && of_a_customer(permission);
}

}  // namespace pulse::tenancy
