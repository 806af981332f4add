#pragma once
// Campaigns: firmware for the devices of a group, in stages, at a rate, halted when too many fail.
// Owns: tables ota_campaigns, ota_device_status.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fleet/reports.hpp"
#include "fleet/to_device.hpp"
#include "platform/clock.hpp"
#include "platform/json/rules.hpp"
#include "platform/json/write.hpp"
#include "platform/pg/types.hpp"
#include "platform/storage/storage.hpp"
#include "tenancy/caller.hpp"

namespace pulse::fleet {

struct CreateCampaign {
  std::string name;
  std::int64_t firmware_version_id = 0;
  std::string target_group_id;
  std::string rollout_strategy = "linear";
  std::int64_t rollout_rate = 10;
  double abort_threshold = 0.1;
  std::optional<std::vector<std::int64_t>> stages;
  std::int64_t min_results = 10, timeout_minutes = 60;
};
BOOST_DESCRIBE_STRUCT(CreateCampaign, (),
                      (name, firmware_version_id, target_group_id, rollout_strategy, rollout_rate,
                       abort_threshold, stages, min_results, timeout_minutes))
inline std::vector<std::string_view> optional_members(json::As<CreateCampaign>) {
  return {"rollout_strategy", "rollout_rate", "abort_threshold", "min_results", "timeout_minutes"};
}
/// Ascending, from 1, and the last is 100: each stage has devices of its own, and all are reached.
inline bool are_stages(const std::vector<std::int64_t>& stages) {
  std::int64_t before = 0;
  for (const auto percent : stages) {
    if (percent <= before) return false;
    before = percent;
  }
  return before == 100 && stages.size() <= 10;
}
inline auto constraints(json::As<CreateCampaign>) {
  return json::rules<CreateCampaign>()
      .length(&CreateCampaign::name, 1, 100)
      .length(&CreateCampaign::target_group_id, 1, 128)
      .one_of(&CreateCampaign::rollout_strategy, {"linear", "canary"})
      .range(&CreateCampaign::rollout_rate, 1, 1000)
      .describe(&CreateCampaign::rollout_rate, "Devices every 10 seconds at most")
      .range(&CreateCampaign::abort_threshold, 0, 1)
      .describe(&CreateCampaign::abort_threshold, "The campaign stops when a larger part fails")
      .range(&CreateCampaign::min_results, 1, 10'000)
      .describe(&CreateCampaign::min_results, "Results before the threshold counts")
      .range(&CreateCampaign::timeout_minutes, 1, 10'080)
      .describe(&CreateCampaign::timeout_minutes, "A device silent for longer has failed")
      .describe(&CreateCampaign::stages,
                "Percent of the devices by each stage; absent: 5, 25, 100 for canary, else 100")
      .check("stages", [](const CreateCampaign& c) {
        return c.stages && !are_stages(*c.stages) ? "must ascend from at least 1 to 100" : "";
      });
}

struct Campaign {
  std::int64_t id = 0;
  std::string name, status;
  std::optional<std::string> status_reason;
  std::string rollout_strategy;
  std::int64_t rollout_rate = 0;
  double abort_threshold = 0;
  std::vector<std::int64_t> stages;
  std::int64_t stage = 0, min_results = 0, timeout_minutes = 0;
  std::optional<std::int64_t> rollback_of;
  std::int64_t total_devices = 0, succeeded = 0, failed = 0;
  std::string target_group_id;
  std::int64_t firmware_version_id = 0;
  std::string firmware_version;
  std::optional<std::string> firmware_device_type;
  std::optional<Time> started_at, completed_at;
  Time created_at;
  std::optional<std::string> created_by;
};
BOOST_DESCRIBE_STRUCT(Campaign, (),
                      (id, name, status, status_reason, rollout_strategy, rollout_rate,
                       abort_threshold, stages, stage, min_results, timeout_minutes, rollback_of,
                       total_devices, succeeded, failed, target_group_id, firmware_version_id,
                       firmware_version, firmware_device_type, started_at, completed_at, created_at,
                       created_by))

struct CampaignDetail : Campaign {
  std::string firmware_url;
  std::optional<std::string> firmware_checksum;
  std::map<std::string, std::int64_t> status_breakdown;  ///< devices by status
};
BOOST_DESCRIBE_STRUCT(CampaignDetail, (Campaign),
                      (firmware_url, firmware_checksum, status_breakdown))

struct CampaignDevice {
  std::string device_id, status;
  std::int64_t progress_pct = 0, stage = 0;
  std::optional<std::string> error_message, previous_version;
  std::optional<Time> started_at, completed_at;
  Time created_at;
};
BOOST_DESCRIBE_STRUCT(CampaignDevice, (),
                      (device_id, status, progress_pct, stage, error_message, previous_version,
                       started_at, completed_at, created_at))

/// SQL: why the firmware `f` is not for the device `r`; null when it is. Firmware without a type is
/// for all devices, and a device whose type nobody set takes any: it has none, or its template's
/// category, which it got when it was made.
inline constexpr const char* misfit =
    "CASE WHEN r.device_type <> '' AND coalesce(f.device_type, '') NOT IN ('', r.device_type) "
    "AND NOT EXISTS (SELECT FROM device_templates own WHERE own.id = r.template_id "
    "AND own.category = r.device_type) "
    "THEN 'The firmware is for devices of type ' || f.device_type || ', this one is of type ' || "
    "r.device_type END";

/// A campaign that was made, or why not: `members` says how many active devices there were.
struct MadeCampaign {
  std::optional<std::int64_t> id;
  std::int64_t members = 0, skipped = 0;  ///< skipped: not of the firmware's device type
};
/// For the active devices among `members`. Those of another type than the firmware's are SKIPPED;
/// nothing is made when all are.
Task<MadeCampaign> insert_campaign(tenancy::TenantDb db, std::string tenant_id,
                                   std::string created_by, CreateCampaign campaign,
                                   std::vector<std::string> members);
struct CampaignPage {
  std::vector<Campaign> campaigns;
  std::int64_t total = 0;
};
Task<CampaignPage> campaigns_page(tenancy::TenantDb db, std::optional<std::string> status,
                                  std::int64_t limit, std::int64_t offset);
Task<std::optional<CampaignDetail>> find_campaign(tenancy::TenantDb db, std::int64_t id);

struct CampaignDevicePage {
  std::vector<CampaignDevice> devices;
  std::int64_t total = 0;
};
Task<CampaignDevicePage> campaign_devices(tenancy::TenantDb db, std::int64_t id,
                                          std::optional<std::string> status, std::int64_t limit,
                                          std::int64_t offset);

/// What people do to a campaign. Gives the status that it had: the change was made when that is
/// one that the change starts from; nothing when there is no such campaign.
Task<std::optional<std::string>> start_campaign(tenancy::TenantDb db, std::int64_t id);
Task<std::optional<std::string>> pause_campaign(tenancy::TenantDb db, std::int64_t id);
Task<std::optional<std::string>> abort_campaign(tenancy::TenantDb db, std::int64_t id);

/// The firmware that most devices of a campaign had before; else the version before; nothing when
/// there is none.
Task<std::optional<std::int64_t>> earlier_firmware(tenancy::TenantDb db, std::int64_t campaign_id);
/// A running campaign that brings `firmware_id` to the active devices where the campaign succeeded
/// and that it is made for; nothing when there are none.
Task<std::optional<std::int64_t>> insert_rollback(tenancy::TenantDb db, std::string created_by,
                                                  std::int64_t campaign_id,
                                                  std::int64_t firmware_id);

/// One round of all tenants' campaigns, every 10 seconds: silent devices fail, results are counted,
/// campaigns halt, go on to their next stage or end, the next devices get theirs, and who has not
/// answered is told again. Each step is a statement of its own and may break off anywhere.
Task<> run_campaigns(pg::Pool& pool, nats::Client& nats, storage::Storage& files);

/// The updates that wait for a device that subscribes to ota.
PendingMessages pending_updates(pg::Pool& pool, std::shared_ptr<storage::Storage> files);
/// Takes ota/status.
ReportHandler update_reports(nats::Client& nats);

}  // namespace pulse::fleet
