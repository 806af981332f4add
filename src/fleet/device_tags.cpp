// Tags of devices: trimmed, without duplicates, in the order given.
#include "fleet/devices.hpp"
#include "fleet/mounts.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;

struct TagList {
  std::vector<std::string> tags;
};
BOOST_DESCRIBE_STRUCT(TagList, (), (tags))
inline auto constraints(json::As<TagList>) {
  return json::rules<TagList>().items(&TagList::tags, 0, 50).check("tags", [](const TagList& t) {
    return fault_of_tags(t.tags);
  });
}
struct DeviceTags {
  std::string tenant_id, device_id;
  std::vector<std::string> tags;
};
BOOST_DESCRIBE_STRUCT(DeviceTags, (), (tenant_id, device_id, tags))
struct DeviceTag {
  std::string tenant_id, device_id, tag;
};
BOOST_DESCRIBE_STRUCT(DeviceTag, (), (tenant_id, device_id, tag))
struct TenantTags {
  std::string tenant_id;
  std::vector<std::string> tags;
};
BOOST_DESCRIBE_STRUCT(TenantTags, (), (tenant_id, tags))

std::string one_tag(const std::string& text) {
  const auto tags = clean_tags({text});
  if (tags.empty()) throw bad_request("Invalid tag");
  return tags.front();
}

Task<DeviceTags> get_tags(FleetDeps, TenantCaller caller, http::Path<"device_id"> id) {
  co_await require_device(caller.db, id.value);
  const auto rows = co_await caller.db.query(
      "SELECT tag FROM device_tags WHERE device_id = $1 ORDER BY position, tag",
      pg::Params::of(id.value));
  co_return DeviceTags{caller.tenant(), id.value, pg::texts(rows)};
}

Task<DeviceTags> put_tags(FleetDeps d, TenantCaller caller, http::Path<"device_id"> id,
                          http::Body<TagList> body) {
  co_await require_device(caller.db, id.value);
  DeviceChanges changes;
  changes.tags.present = true;
  changes.tags.value = clean_tags(body->tags);
  auto told = co_await update_device(caller.db, caller.tenant(), id.value, changes);
  tell_pages(d, caller.tenant(), "devices");
  d.audit->write(AuditLog::of(caller, "device.tags_set", "update", "device", id.value,
                              "Tags of device " + id.value + " set", std::move(told)));
  co_return DeviceTags{caller.tenant(), id.value, *changes.tags.value};
}

Task<DeviceTag> add_tag(FleetDeps d, TenantCaller caller, http::Path<"device_id"> id,
                        http::Path<"tag"> tag) {
  const auto clean = one_tag(tag.value);
  if (auto fault = fault_of_tags({clean}); !fault.empty())
    throw ValidationError({"path", "tag"}, std::move(fault), "value_error");
  co_await require_device(caller.db, id.value);
  co_await caller.db.query(
      "INSERT INTO device_tags (tenant_id, device_id, tag, position) "
      "SELECT $1, $2, $3, coalesce(max(position), 0) + 1 FROM device_tags WHERE device_id = $2 "
      "ON CONFLICT DO NOTHING",
      pg::Params::of(caller.tenant(), id.value, clean));
  tell_pages(d, caller.tenant(), "devices");
  d.audit->write(AuditLog::of(caller, "device.tag_added", "update", "device", id.value,
                              "Tag " + clean + " added to device " + id.value));
  co_return DeviceTag{caller.tenant(), id.value, clean};
}

Task<DeviceTag> remove_tag(FleetDeps d, TenantCaller caller, http::Path<"device_id"> id,
                           http::Path<"tag"> tag) {
  const auto clean = one_tag(tag.value);
  co_await require_device(caller.db, id.value);
  co_await caller.db.query("DELETE FROM device_tags WHERE device_id = $1 AND tag = $2",
                           pg::Params::of(id.value, clean));
  tell_pages(d, caller.tenant(), "devices");
  d.audit->write(AuditLog::of(caller, "device.tag_removed", "update", "device", id.value,
                              "Tag " + clean + " removed from device " + id.value));
  co_return DeviceTag{caller.tenant(), id.value, clean};
}

Task<TenantTags> all_tags(FleetDeps, TenantCaller caller) {
  const auto rows =
      co_await caller.db.query("SELECT DISTINCT tag FROM device_tags ORDER BY tag LIMIT 5000");
  co_return TenantTags{caller.tenant(), pg::texts(rows)};
}

}  // namespace

void mount_device_tags(http::Router& api, const FleetDeps& d) {
  const std::string base = "/api/v1/customer/devices/{device_id}/tags";
  api.get(base, http::bound(d, get_tags))
      .customers()
      .tag("Tags")
      .summary("Tags of a device")
      .fails(404, "Device not found");
  api.put(base, http::bound(d, put_tags))
      .needs("devices.tags.write")
      .tag("Tags")
      .summary("Replace a device's tags")
      .fails(400, "Invalid tag")
      .fails(404, "Device not found");
  api.post(base + "/{tag}", http::bound(d, add_tag))
      .needs("devices.tags.write")
      .tag("Tags")
      .summary("Add a tag")
      .fails(400, "Invalid tag")
      .fails(404, "Device not found");
  api.del(base + "/{tag}", http::bound(d, remove_tag))
      .needs("devices.tags.write")
      .tag("Tags")
      .summary("Remove a tag")
      .fails(400, "Invalid tag")
      .fails(404, "Device not found");
  api.get("/api/v1/customer/tags", http::bound(d, all_tags))
      .customers()
      .tag("Tags")
      .summary("Tags in use");
}

}  // namespace pulse::fleet
