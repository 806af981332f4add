#include "fleet/groups.hpp"
#include "fleet/mounts.hpp"

namespace pulse::fleet {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;

struct DeviceGroupList {
  std::vector<DeviceGroup> groups;
  std::int64_t total = 0;
};
BOOST_DESCRIBE_STRUCT(DeviceGroupList, (), (groups, total))
struct DeletedGroup {
  std::string group_id;
  bool deleted = true;
};
BOOST_DESCRIBE_STRUCT(DeletedGroup, (), (group_id, deleted))
struct GroupPageQuery {
  std::int64_t limit = 1000, offset = 0;
};
BOOST_DESCRIBE_STRUCT(GroupPageQuery, (), (limit, offset))
inline auto constraints(json::As<GroupPageQuery>) {
  return json::rules<GroupPageQuery>()
      .range(&GroupPageQuery::limit, 1, 10'000)
      .range(&GroupPageQuery::offset, 0, 10'000'000);
}
struct GroupMemberPage {
  std::string group_id, group_type;
  std::vector<DeviceGroupMember> members;
  std::int64_t total = 0, limit = 0, offset = 0;
};
BOOST_DESCRIBE_STRUCT(GroupMemberPage, (), (group_id, group_type, members, total, limit, offset))
struct GroupMembership {
  std::string group_id, device_id, action;
};
BOOST_DESCRIBE_STRUCT(GroupMembership, (), (group_id, device_id, action))

Task<DeviceGroup> known_group(tenancy::TenantDb db, std::string group_id) {
  auto groups = co_await groups_with_counts(db, std::move(group_id));
  if (groups.empty()) throw not_found("Group not found");
  co_return std::move(groups.front());
}

/// Writes down what happened to a group, and tells pages.
void tell(const FleetDeps& d, const TenantCaller& caller, const std::string& type,
          const std::string& action, const std::string& group_id, std::string message,
          boost::json::object details = {}) {
  tell_pages(d, caller.tenant(), "device-groups");
  d.audit->write(AuditLog::of(caller, "device_group." + type, action, "device_group", group_id,
                              std::move(message), std::move(details)));
}

Task<DeviceGroupList> list_groups(FleetDeps, TenantCaller caller) {
  DeviceGroupList out;
  out.groups = co_await groups_with_counts(caller.db, std::nullopt);
  out.total = static_cast<std::int64_t>(out.groups.size());
  co_return out;
}

Task<http::Created<DeviceGroup>> create_group(FleetDeps d, TenantCaller caller,
                                              http::Body<DeviceGroupCreate> body) {
  const auto id = co_await insert_static_group(caller.db, caller.tenant(), body.value);
  tell(d, caller, "created", "create", id, "Group " + body->name + " created");
  auto made = co_await known_group(caller.db, id);
  co_return http::Created<DeviceGroup>{std::move(made)};
}

Task<http::Created<DeviceGroup>> create_dynamic_group(FleetDeps d, TenantCaller caller,
                                                      http::Body<DynamicGroupCreate> body) {
  const auto id = co_await insert_dynamic_group(caller.db, caller.tenant(), body.value);
  boost::json::object details;
  details["query_filter"] = body->query_filter;
  tell(d, caller, "created", "create", id, "Dynamic group " + body->name + " created",
       std::move(details));
  auto made = co_await known_group(caller.db, id);
  co_return http::Created<DeviceGroup>{std::move(made)};
}

Task<DeviceGroup> patch_group(FleetDeps d, TenantCaller caller, http::Path<"group_id"> id,
                              http::Body<DeviceGroupUpdate> body) {
  auto changes = co_await update_static_group(caller.db, id.value, body.value);
  if (!changes) throw not_found("Group not found");
  tell(d, caller, "updated", "update", id.value, "Group " + id.value + " updated",
       std::move(*changes));
  co_return co_await known_group(caller.db, id.value);
}

Task<DeviceGroup> patch_dynamic_group(FleetDeps d, TenantCaller caller, http::Path<"group_id"> id,
                                      http::Body<DynamicGroupUpdate> body) {
  auto changes = co_await update_dynamic_group(caller.db, id.value, body.value);
  if (!changes) throw not_found("Dynamic group not found");
  tell(d, caller, "updated", "update", id.value, "Dynamic group " + id.value + " updated",
       std::move(*changes));
  co_return co_await known_group(caller.db, id.value);
}

Task<DeletedGroup> remove(FleetDeps d, TenantCaller caller, std::string group_id, bool dynamic) {
  const auto name = co_await remove_group(caller.db, dynamic, group_id);
  if (!name) throw not_found(dynamic ? "Dynamic group not found" : "Group not found");
  tell(d, caller, "deleted", "delete", group_id, "Group " + *name + " deleted");
  DeletedGroup out;
  out.group_id = std::move(group_id);
  co_return out;
}

Task<DeletedGroup> delete_group(FleetDeps d, TenantCaller caller, http::Path<"group_id"> id) {
  co_return co_await remove(d, caller, id.value, false);
}

Task<DeletedGroup> delete_dynamic_group(FleetDeps d, TenantCaller caller,
                                        http::Path<"group_id"> id) {
  co_return co_await remove(d, caller, id.value, true);
}

Task<GroupMemberPage> get_members(FleetDeps, TenantCaller caller, http::Path<"group_id"> id,
                                  http::Query<GroupPageQuery> query) {
  auto page = co_await page_of_members(caller.db, id.value, query->limit, query->offset);
  GroupMemberPage out;
  out.group_id = id.value;
  out.group_type = std::move(page.group_type);
  out.members = std::move(page.members);
  out.total = page.total;
  out.limit = query->limit;
  out.offset = query->offset;
  co_return out;
}

Task<GroupMembership> put_member(FleetDeps d, TenantCaller caller, http::Path<"group_id"> id,
                                 http::Path<"device_id"> device) {
  const bool added = co_await add_member(caller.db, caller.tenant(), id.value, device.value);
  if (added)
    tell(d, caller, "device_added", "update", id.value,
         "Device " + device.value + " added to group " + id.value);
  co_return GroupMembership{id.value, device.value, "added"};
}

Task<GroupMembership> delete_member(FleetDeps d, TenantCaller caller, http::Path<"group_id"> id,
                                    http::Path<"device_id"> device) {
  const bool removed = co_await remove_member(caller.db, id.value, device.value);
  if (!removed) throw not_found("Device not in group");
  tell(d, caller, "device_removed", "update", id.value,
       "Device " + device.value + " removed from group " + id.value);
  co_return GroupMembership{id.value, device.value, "removed"};
}

}  // namespace

void mount_groups(http::Router& api, const FleetDeps& d) {
  const std::string base = "/api/v1/customer/device-groups";
  const std::string one = base + "/{group_id}";
  const auto endpoint = [](http::Endpoint e, const char* summary) {
    return e.tag("Device groups").summary(summary);
  };
  const std::string limit = "Device group limit reached: tier ... allows ... device groups";
  const std::string refused = "A malformed query names its term and the position";
  endpoint(api.get(base, http::bound(d, list_groups)), "List device groups, static and dynamic")
      .customers();
  endpoint(api.post(base, http::bound(d, create_group)), "Create a static group")
      .needs("devices.groups.write")
      .fails(400, "Invalid group_id")
      .fails(403, limit)
      .fails(409, "Group ID already exists")
      .example({{"group_id", "cold-stores"}, {"name", "Cold stores"}});
  endpoint(api.post(base + "/dynamic", http::bound(d, create_dynamic_group)),
           "Create a dynamic group")
      .needs("devices.groups.write")
      .description("Devices belong to it as long as they fit its filter. " + refused + ".")
      .fails(400, "Unsupported filter keys: ... Allowed: " + std::string(filter_keys))
      .fails(403, limit)
      .fails(409, "Group ID already exists")
      .example({{"name", "Warm pilots"},
                {"query_filter", {{"tags", {"pilot"}}, {"query", "temp_c>30"}}}});
  endpoint(api.patch(one, http::bound(d, patch_group)), "Change a static group")
      .needs("devices.groups.write")
      .fails(400, "No fields to update")
      .fails(404, "Group not found");
  endpoint(api.del(one, http::bound(d, delete_group)), "Delete a static group")
      .needs("devices.groups.write")
      .description("Its devices stay.")
      .fails(404, "Group not found");
  endpoint(api.patch(one + "/dynamic", http::bound(d, patch_dynamic_group)),
           "Change a dynamic group")
      .needs("devices.groups.write")
      .fails(400, "No fields to update")
      .fails(404, "Dynamic group not found");
  endpoint(api.del(one + "/dynamic", http::bound(d, delete_dynamic_group)),
           "Delete a dynamic group")
      .needs("devices.groups.write")
      .fails(404, "Dynamic group not found");
  endpoint(api.get(one + "/members", http::bound(d, get_members)), "Members of a group")
      .customers()
      .description("By device id, page by page; decommissioned devices are left out.")
      .fails(404, "Group not found");
  endpoint(api.get(one + "/devices", http::bound(d, get_members)),
           "Members of a group (the same as members)")
      .customers()
      .fails(404, "Group not found");
  endpoint(api.put(one + "/devices/{device_id}", http::bound(d, put_member)),
           "Add a device to a static group")
      .needs("devices.groups.write")
      .fails(404, "Group not found");
  endpoint(api.del(one + "/devices/{device_id}", http::bound(d, delete_member)),
           "Remove a device from a static group")
      .needs("devices.groups.write")
      .fails(404, "Device not in group");
}

}  // namespace pulse::fleet
