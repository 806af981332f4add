#pragma once
// Devices: the registry with state, search, paging; and what changes it.
#include <optional>
#include <string>
#include <vector>

#include "fleet/deps.hpp"
#include "platform/json/rules.hpp"
#include "tenancy/caller.hpp"

namespace pulse::fleet {

/// A row of the device list. `status` is the connection's: ONLINE, STALE or OFFLINE;
/// `registry_status` is the registry's: ACTIVE, REVOKED, DELETED, ...
struct Device {
  std::string tenant_id, device_id, site_id, status, registry_status;
  std::optional<std::string> name;
  std::optional<Time> last_seen_at, last_heartbeat_at, last_telemetry_at, last_state_change_at;
  json::Raw state;
  json::Raw units;  ///< unit by metric, of its sensors that have one
  std::optional<double> latitude, longitude;
  std::optional<std::string> address, location_source, mac_address, imei, iccid, serial_number,
      model, manufacturer, hw_revision, fw_version, notes, chipset, modem_model, board_revision,
      meid, bootloader_version, modem_fw_version;
  std::optional<Time> deployment_date;
  std::optional<std::string> batch_id, installation_notes, device_type;
  std::optional<std::int64_t> sensor_limit, heartbeat_stale_seconds;
  std::optional<std::int64_t> template_id;
  std::optional<std::string> template_name, template_slug, parent_device_id, plan_id,
      subscription_id, subscription_type, subscription_status;
  std::int64_t sensor_count = 0;
  std::vector<std::string> tags;
  std::optional<Time> decommissioned_at;
  std::optional<Time> created_at;
};
BOOST_DESCRIBE_STRUCT(Device, (),
                      (tenant_id, device_id, site_id, status, registry_status, name, last_seen_at,
                       last_heartbeat_at, last_telemetry_at, last_state_change_at, state, units,
                       latitude, longitude, address, location_source, mac_address, imei, iccid,
                       serial_number, model, manufacturer, hw_revision, fw_version, notes, chipset,
                       modem_model, board_revision, meid, bootloader_version, modem_fw_version,
                       deployment_date, batch_id, installation_notes, device_type, sensor_limit,
                       heartbeat_stale_seconds, template_id, template_name, template_slug,
                       parent_device_id, plan_id, subscription_id, subscription_type,
                       subscription_status, sensor_count, tags, decommissioned_at, created_at))

/// A device that is asked for alone: the readings of its state that have names of their own in the
/// API.
struct DeviceAlone : Device {
  std::optional<double> battery_pct, temp_c, rssi_dbm, snr_db;
};
BOOST_DESCRIBE_STRUCT(DeviceAlone, (Device), (battery_pct, temp_c, rssi_dbm, snr_db))

struct DeviceTemplateRef {
  std::int64_t id = 0;
  std::string name, slug, category;
};
BOOST_DESCRIBE_STRUCT(DeviceTemplateRef, (), (id, name, slug, category))

/// A sensor in the older shape that device details carry.
struct DeviceSensorView {
  std::int64_t sensor_id = 0;
  std::string metric_name;
  std::optional<std::string> sensor_type, label, unit;
  std::optional<double> min_range, max_range;
  std::int64_t precision_digits = 2;
  std::string status;
  bool auto_discovered = false;
  std::optional<double> last_value;
  std::optional<Time> last_seen_at;
  Time created_at;
};
BOOST_DESCRIBE_STRUCT(DeviceSensorView, (),
                      (sensor_id, metric_name, sensor_type, label, unit, min_range, max_range,
                       precision_digits, status, auto_discovered, last_value, last_seen_at,
                       created_at))

/// What its messages broke of its template last, and how often since `first_at`.
struct DeviceTemplateFault {
  std::string metric_key, problem, message;
  std::int64_t count = 0;
  Time first_at, last_at;
};
BOOST_DESCRIBE_STRUCT(DeviceTemplateFault, (),
                      (metric_key, problem, message, count, first_at, last_at))

/// What the device page reads, beside the list's row.
struct DeviceDetail : DeviceAlone {
  std::optional<std::string> plan_name, device_subscription_id, device_subscription_status;
  std::optional<Time> device_subscription_term_start, device_subscription_term_end,
      device_subscription_grace_end;
  std::optional<DeviceTemplateRef> template_;
  std::vector<DeviceSensorView> sensors;
  std::int64_t module_count = 0;
  std::optional<DeviceTemplateFault> template_fault;
  json::Raw connection, health;  ///< as `/connection` and `/health/latest` tell them, or null
};

/// What the list is asked for.
struct DeviceQuery {
  std::int64_t limit = 100, offset = 0;
  std::optional<std::string> status, search, q, tags, tag, site_id, cursor, sort;
  bool include_decommissioned = false;
  std::optional<bool> decommissioned;
  std::optional<std::int32_t> template_id;
};
BOOST_DESCRIBE_STRUCT(DeviceQuery, (),
                      (limit, offset, status, search, q, tags, tag, site_id, cursor, sort,
                       include_decommissioned, decommissioned, template_id))
inline auto constraints(json::As<DeviceQuery>) {
  return json::rules<DeviceQuery>()
      .range(&DeviceQuery::limit, 1, 1000)
      .range(&DeviceQuery::offset, 0, 10'000'000)
      .length(&DeviceQuery::search, 0, 500)
      .length(&DeviceQuery::q, 0, 500)
      .describe(&DeviceQuery::q,
                "Text, or the search language: status:offline site:berlin temp_c>30 -tag:old")
      .describe(&DeviceQuery::status, "ONLINE, STALE or OFFLINE")
      .describe(&DeviceQuery::tags, "Comma-separated; all must be present")
      .describe(&DeviceQuery::decommissioned,
                "true: only these; false: none; goes before include_decommissioned")
      .describe(&DeviceQuery::cursor, "From next_cursor: the page after it, in the default order")
      .describe(&DeviceQuery::sort,
                "device_id, name, status, last_seen_at or created_at; '-' in front: descending");
}

struct DevicePage {
  std::string tenant_id;
  std::vector<Device> devices;
  std::int64_t count = 0, total = 0, limit = 0, offset = 0;
  std::optional<std::string> next_cursor;
};
BOOST_DESCRIBE_STRUCT(DevicePage, (),
                      (tenant_id, devices, count, total, limit, offset, next_cursor))

/// One page and the total, by one statement. Throws HttpError 400 for an unknown status, sort or
/// cursor, and for a malformed search.
Task<DevicePage> devices_matching(tenancy::TenantDb db, std::string tenant_id, DeviceQuery query);
Task<std::optional<DeviceDetail>> find_device(tenancy::TenantDb db, std::string device_id);
/// True for any device of the tenant's registry that is not deleted.
Task<bool> device_exists(tenancy::TenantDb db, std::string device_id);
/// Throws HttpError 404 "Device not found".
Task<> require_device(tenancy::TenantDb db, std::string device_id);

struct CreateDevice {
  std::string device_id;
  std::optional<std::string> site_id, plan_id, name, device_type;
  std::optional<std::int32_t> template_id;
  std::optional<std::string> parent_device_id;
};
BOOST_DESCRIBE_STRUCT(CreateDevice, (),
                      (device_id, site_id, plan_id, name, device_type, template_id,
                       parent_device_id))
inline auto constraints(json::As<CreateDevice>) {
  return json::rules<CreateDevice>()
      .identifier(&CreateDevice::device_id)
      .identifier(&CreateDevice::site_id)
      .length(&CreateDevice::name, 1, 200)
      .length(&CreateDevice::device_type, 1, 100)
      .describe(&CreateDevice::device_type,
                "What firmware is made for; absent: the template's category")
      .identifier(&CreateDevice::parent_device_id);
}

/// What is wrong with a list of tags, or empty. Lists of tags are joined by commas where devices
/// are searched, so a tag holds none.
std::string fault_of_tags(const std::vector<std::string>& tags);

struct DeviceChanges {
  json::Patch<std::string> name, site_id;
  json::Patch<std::vector<std::string>> tags;
  json::Patch<double> latitude, longitude;
  json::Patch<std::string> address, location_source, mac_address, imei, iccid, serial_number, model,
      manufacturer, hw_revision, fw_version, notes, device_type;
  json::Patch<std::int32_t> template_id, heartbeat_stale_seconds;
  json::Patch<std::string> parent_device_id;
};
BOOST_DESCRIBE_STRUCT(DeviceChanges, (),
                      (name, site_id, tags, latitude, longitude, address, location_source,
                       mac_address, imei, iccid, serial_number, model, manufacturer, hw_revision,
                       fw_version, notes, device_type, template_id, heartbeat_stale_seconds,
                       parent_device_id))
inline auto constraints(json::As<DeviceChanges>) {
  return json::rules<DeviceChanges>()
      .identifier(&DeviceChanges::parent_device_id)
      .length(&DeviceChanges::name, 1, 200)
      .identifier(&DeviceChanges::site_id)
      .range(&DeviceChanges::latitude, -90, 90)
      .range(&DeviceChanges::longitude, -180, 180)
      .length(&DeviceChanges::address, 0, 500)
      .one_of(&DeviceChanges::location_source, {"auto", "manual"})
      .length(&DeviceChanges::mac_address, 0, 64)
      .length(&DeviceChanges::imei, 0, 64)
      .length(&DeviceChanges::iccid, 0, 64)
      .length(&DeviceChanges::serial_number, 0, 128)
      .length(&DeviceChanges::model, 0, 128)
      .length(&DeviceChanges::manufacturer, 0, 128)
      .length(&DeviceChanges::hw_revision, 0, 64)
      .length(&DeviceChanges::fw_version, 0, 64)
      .length(&DeviceChanges::device_type, 1, 100)
      .length(&DeviceChanges::notes, 0, 4000)
      .items(&DeviceChanges::tags, 0, 50)
      .check("tags",
             [](const DeviceChanges& c) {
               return c.tags.value ? fault_of_tags(*c.tags.value) : std::string();
             })
      .range(&DeviceChanges::heartbeat_stale_seconds, 1, 86'400)
      .describe(&DeviceChanges::heartbeat_stale_seconds,
                "Silence until STALE; null: the template's, else the platform's");
}

/// Trimmed, without empty ones and duplicates, in order. Throws HttpError 400 for a tag that is too
/// long.
std::vector<std::string> clean_tags(const std::vector<std::string>& tags);

struct CreatedDevice {
  std::string device_id, subscription_id, plan_id, status = "created";
};
BOOST_DESCRIBE_STRUCT(CreatedDevice, (), (device_id, subscription_id, plan_id, status))

/// What a deleted device left in these tables goes before its id begins anew; its history stays.
inline constexpr const char* begun_anew[] = {"device_tags",
                                             "device_sensors",
                                             "device_state",
                                             "device_modules",
                                             "device_transports",
                                             "device_health_telemetry",
                                             "device_extended_attributes",
                                             "device_group_members",
                                             "twin_history",
                                             "device_commands",
                                             "job_executions",
                                             "ota_device_status",
                                             "activation_codes",
                                             "device_template_faults"};

/// Registry row, required sensors, primary transport and trial subscription in one transaction.
/// Throws HttpError 400 (plan, parent), 404 (template, site), 409 (device exists). `actor_id`: the
/// user who does it, for the subscription's history; empty: Pulse itself.
Task<CreatedDevice> insert_device(tenancy::TenantDb db, std::string tenant_id, CreateDevice device,
                                  std::string actor_id);
/// Throws HttpError 404 (device, template, site).
/// Answers what changed, as json::changes_between tells it.
Task<boost::json::object> update_device(tenancy::TenantDb db, std::string tenant_id,
                                        std::string device_id, DeviceChanges changes);
/// False when there is none.
Task<bool> mark_deleted(tenancy::TenantDb db, std::string device_id, std::string actor_id);
/// The statement that takes the devices $1 (text[]) out of service, with all that goes with it;
/// answers device_id and decommissioned_at of those that it did.
extern const char* const decommission_devices;
/// When it was decommissioned; nothing: not found, or already done. Tokens are revoked with it.
Task<std::optional<Time>> decommission(tenancy::TenantDb db, std::string device_id);
Task<bool> restore(tenancy::TenantDb db, std::string device_id);

}  // namespace pulse::fleet
