#pragma once
// Groups of devices. A static group lists its members; a dynamic one says what its members fit, and
// has them as long as they do. Ids are unique over both kinds.
#include <optional>
#include <string>
#include <vector>

#include "fleet/search_sql.hpp"
#include "platform/json/read.hpp"
#include "platform/pg/pool.hpp"
#include "tenancy/caller.hpp"

namespace pulse::fleet {

struct DeviceGroupCreate {
  std::optional<std::string> group_id;
  std::string name;
  std::optional<std::string> description;
};
BOOST_DESCRIBE_STRUCT(DeviceGroupCreate, (), (group_id, name, description))
inline auto constraints(json::As<DeviceGroupCreate>) {
  return json::rules<DeviceGroupCreate>()
      .describe(&DeviceGroupCreate::group_id, "Made when not given: grp- and 8 hex digits")
      .length(&DeviceGroupCreate::name, 1, 128)
      .length(&DeviceGroupCreate::description, 0, 1000);
}

struct DeviceGroupUpdate {
  json::Patch<std::string> name, description;
};
BOOST_DESCRIBE_STRUCT(DeviceGroupUpdate, (), (name, description))
inline auto constraints(json::As<DeviceGroupUpdate>) {
  return json::rules<DeviceGroupUpdate>()
      .length(&DeviceGroupUpdate::name, 1, 128)
      .length(&DeviceGroupUpdate::description, 0, 1000);
}

struct DynamicGroupCreate {
  std::string name;
  std::optional<std::string> description, group_id;
  boost::json::object query_filter;
};
BOOST_DESCRIBE_STRUCT(DynamicGroupCreate, (), (name, description, group_id, query_filter))
inline auto constraints(json::As<DynamicGroupCreate>) {
  return json::rules<DynamicGroupCreate>()
      .length(&DynamicGroupCreate::name, 1, 200)
      .length(&DynamicGroupCreate::description, 0, 1000)
      .describe(&DynamicGroupCreate::query_filter,
                "What members fit, all of: status, tags (any of), site_id, template_id, query (the "
                "search language), metrics (comparisons of latest values)",
                {{"status", "ONLINE"}, {"tags", {"pilot"}}, {"query", "temp_c>30"}});
}

struct DynamicGroupUpdate {
  json::Patch<std::string> name, description;
  json::Patch<boost::json::object> query_filter;
};
BOOST_DESCRIBE_STRUCT(DynamicGroupUpdate, (), (name, description, query_filter))
inline auto constraints(json::As<DynamicGroupUpdate>) {
  return json::rules<DynamicGroupUpdate>()
      .length(&DynamicGroupUpdate::name, 0, 200)
      .length(&DynamicGroupUpdate::description, 0, 1000);
}

struct DeviceGroup {
  std::string group_id, tenant_id, name;
  std::optional<std::string> description;
  std::string group_type;  ///< static or dynamic
  std::int64_t member_count = 0;
  std::optional<boost::json::object> query_filter;  ///< of dynamic ones
  Time created_at, updated_at;
};
BOOST_DESCRIBE_STRUCT(DeviceGroup, (),
                      (group_id, tenant_id, name, description, group_type, member_count,
                       query_filter, created_at, updated_at))

struct DeviceGroupMember {
  std::string device_id, name, status, site_id;
  std::optional<Time> added_at;  ///< of static groups
};
BOOST_DESCRIBE_STRUCT(DeviceGroupMember, (), (device_id, name, status, site_id, added_at))

struct GroupMembers {
  std::string group_type;
  std::vector<DeviceGroupMember> members;
  std::int64_t total = 0;
};

/// What a dynamic group's filter asks for. Throws HttpError 400 for keys that no filter has and for
/// a malformed query, ValidationError for values that don't fit their key.
SearchQuery search_of_filter(const boost::json::object& filter);
/// The keys that no filter has, joined by commas; empty: none.
std::string unsupported_keys(const boost::json::object& filter);
inline constexpr const char* filter_keys = "status, tags, site_id, query, template_id, metrics";

/// All groups by name, with counts; or the one of this id.
Task<std::vector<DeviceGroup>> groups_with_counts(tenancy::TenantDb db,
                                                  std::optional<std::string> group_id);
/// Throws HttpError 403 (the tier's limit), 409 (id in use). Answers the id.
Task<std::string> insert_static_group(tenancy::TenantDb db, std::string tenant_id,
                                      DeviceGroupCreate group);
Task<std::string> insert_dynamic_group(tenancy::TenantDb db, std::string tenant_id,
                                       DynamicGroupCreate group);
/// What changed; nothing when there is no such group of the kind.
Task<std::optional<boost::json::object>> update_static_group(tenancy::TenantDb db,
                                                             std::string group_id,
                                                             DeviceGroupUpdate changes);
Task<std::optional<boost::json::object>> update_dynamic_group(tenancy::TenantDb db,
                                                              std::string group_id,
                                                              DynamicGroupUpdate changes);
/// The name that it had; nothing when there is no such group of the kind.
Task<std::optional<std::string>> remove_group(tenancy::TenantDb db, bool dynamic,
                                              std::string group_id);
/// Throws HttpError 404 "Group not found" or "Device not found". False: it was a member.
Task<bool> add_member(tenancy::TenantDb db, std::string tenant_id, std::string group_id,
                      std::string device_id);
Task<bool> remove_member(tenancy::TenantDb db, std::string group_id, std::string device_id);

/// A page of a group's members by device id, and how many there are. Throws HttpError 404 "Group
/// not found".
Task<GroupMembers> page_of_members(tenancy::TenantDb db, std::string group_id, std::int64_t limit,
                                   std::int64_t offset);

// ---- for whoever works on the devices of a group ----

/// The members of a group, static or dynamic, by id; deleted and decommissioned devices are left
/// out. Throws HttpError 404 "Group not found".
Task<std::vector<std::string>> members_of_group(tenancy::TenantDb db, std::string group_id);
/// The same as a SELECT of one column, device_id, for use inside a larger statement (INSERT ...
/// SELECT): its placeholders come after the parameters `before`, which are the first of what is
/// answered. The statement is for the tenant's scope.
Task<pg::Statement> select_members_of_group(tenancy::TenantDb db, std::string group_id,
                                            pg::Params before);
/// The dynamic groups that a search names, by id or name, for search_sql.
Task<std::vector<NamedGroup>> dynamic_groups_named(tenancy::TenantDb db,
                                                   std::vector<std::string> names);

}  // namespace pulse::fleet
