// Campaigns as people make, watch and steer them.
#include "fleet/campaigns.hpp"
#include "fleet/firmware.hpp"
#include "fleet/group_targets.hpp"
#include "fleet/mounts.hpp"
#include "fleet/optional_body.hpp"

namespace pulse::fleet {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;
using CampaignId = http::Path<"campaign_id", std::int64_t>;

struct CampaignsQuery {
  std::optional<std::string> status;
  std::int64_t limit = 50, offset = 0;
};
BOOST_DESCRIBE_STRUCT(CampaignsQuery, (), (status, limit, offset))
inline auto constraints(json::As<CampaignsQuery>) {
  return json::rules<CampaignsQuery>()
      .range(&CampaignsQuery::limit, 1, 200)
      .range(&CampaignsQuery::offset, 0, 1'000'000'000);
}

struct CampaignList {
  std::vector<Campaign> campaigns;
  std::int64_t total = 0;
};
BOOST_DESCRIBE_STRUCT(CampaignList, (), (campaigns, total))

struct CampaignDeviceList {
  std::int64_t campaign_id = 0;
  std::vector<CampaignDevice> devices;
  std::int64_t total = 0, limit = 0, offset = 0;
};
BOOST_DESCRIBE_STRUCT(CampaignDeviceList, (), (campaign_id, devices, total, limit, offset))

struct CampaignStatus {
  std::int64_t id = 0;
  std::string status;
};
BOOST_DESCRIBE_STRUCT(CampaignStatus, (), (id, status))

struct RollBack {
  std::optional<std::int64_t> firmware_version_id;
};
BOOST_DESCRIBE_STRUCT(RollBack, (), (firmware_version_id))

Task<CampaignDetail> known_campaign(tenancy::TenantDb db, std::int64_t id) {
  auto found = co_await find_campaign(db, id);
  if (!found) throw not_found("Campaign not found");
  co_return std::move(*found);
}

void tell(const FleetDeps& d, const TenantCaller& caller, const std::string& type,
          const std::string& action, std::int64_t id, std::string message,
          boost::json::object details = {}) {
  tell_pages(d, caller.tenant(), "campaigns");
  d.audit->write(AuditLog::of(caller, type, action, "campaign", std::to_string(id),
                              std::move(message), std::move(details)));
}

/// With a signing key only signed firmware is rolled out, also what was registered before the key.
Task<> require_signed(tenancy::TenantDb db, Firmware firmware) {
  const auto key = co_await signing_key(db);
  if (!key || is_signed(*key, firmware.checksum_sha256, firmware.signature)) co_return;
  throw conflict("Firmware " + firmware.version +
                 " has no signature that fits the organization's signing key: add it as a new, "
                 "signed version, or remove the signing key");
}

Task<> require_signed_version(tenancy::TenantDb db, std::int64_t firmware_id) {
  auto firmware = co_await find_firmware(db, firmware_id);
  if (!firmware) throw not_found("Firmware version not found");
  co_await require_signed(db, std::move(*firmware));
}

Task<CampaignList> list_campaigns(FleetDeps, TenantCaller caller,
                                  http::Query<CampaignsQuery> query) {
  auto page = co_await campaigns_page(caller.db, query->status, query->limit, query->offset);
  CampaignList out;
  out.campaigns = std::move(page.campaigns);
  out.total = page.total;
  co_return out;
}

Task<http::Created<CampaignDetail>> create_campaign(FleetDeps d, TenantCaller caller,
                                                    http::Body<CreateCampaign> body) {
  const auto firmware = co_await find_firmware(caller.db, body->firmware_version_id);
  if (!firmware) throw not_found("Firmware version not found");
  auto members = co_await targets_in_group(caller.db, body->target_group_id);
  if (!members) throw not_found("Device group not found");
  co_await require_signed(caller.db, *firmware);
  const auto campaign = co_await insert_campaign(caller.db, caller.tenant(), creator_of(caller.who),
                                                 body.value, std::move(*members));
  if (campaign.members == 0) throw bad_request("Device group has no members");
  if (!campaign.id)
    throw bad_request("None of the group's " + std::to_string(campaign.members) +
                      " devices is of the firmware's device type " +
                      firmware->device_type.value_or(""));
  auto made = co_await known_campaign(caller.db, *campaign.id);
  boost::json::object details{{"firmware_version", firmware->version},
                              {"target_group_id", body->target_group_id},
                              {"devices", campaign.members},
                              {"skipped", campaign.skipped}};
  tell(d, caller, "campaign.created", "create", made.id, "Campaign " + made.name + " created",
       std::move(details));
  co_return http::Created<CampaignDetail>{std::move(made)};
}

Task<CampaignDetail> get_campaign(FleetDeps, TenantCaller caller, CampaignId id) {
  co_return co_await known_campaign(caller.db, id.value);
}

CampaignStatus now_is(std::int64_t id, std::string status) {
  CampaignStatus out;
  out.id = id;
  out.status = std::move(status);
  return out;
}

boost::json::object from_to(const std::string& was, const std::string& is) {
  return {{"before", {{"status", was}}}, {"after", {{"status", is}}}};
}

Task<CampaignStatus> start(FleetDeps d, TenantCaller caller, CampaignId id) {
  const auto campaign = co_await known_campaign(caller.db, id.value);
  if (campaign.status == "CREATED" || campaign.status == "PAUSED")
    co_await require_signed_version(caller.db, campaign.firmware_version_id);
  const auto was = co_await start_campaign(caller.db, id.value);
  if (!was) throw not_found("Campaign not found");
  if (*was != "CREATED" && *was != "PAUSED")
    throw bad_request("Cannot start campaign in status " + *was);
  tell(d, caller, "campaign.started", "start", id.value,
       *was == "PAUSED" ? "Campaign resumed" : "Campaign started", from_to(*was, "RUNNING"));
  co_return now_is(id.value, "RUNNING");
}

Task<CampaignStatus> pause(FleetDeps d, TenantCaller caller, CampaignId id) {
  const auto was = co_await pause_campaign(caller.db, id.value);
  if (!was) throw not_found("Campaign not found");
  if (*was != "RUNNING") throw bad_request("Cannot pause campaign in status " + *was);
  tell(d, caller, "campaign.paused", "pause", id.value, "Campaign paused", from_to(*was, "PAUSED"));
  co_return now_is(id.value, "PAUSED");
}

Task<CampaignStatus> abort(FleetDeps d, TenantCaller caller, CampaignId id) {
  const auto was = co_await abort_campaign(caller.db, id.value);
  if (!was) throw not_found("Campaign not found");
  if (*was == "COMPLETED" || *was == "ABORTED")
    throw bad_request("Campaign already in terminal status " + *was);
  tell(d, caller, "campaign.aborted", "abort", id.value, "Campaign aborted",
       from_to(*was, "ABORTED"));
  co_return now_is(id.value, "ABORTED");
}

Task<http::Created<CampaignDetail>> roll_back(FleetDeps d, TenantCaller caller, CampaignId id,
                                              OptionalBody<RollBack> body) {
  const auto campaign = co_await known_campaign(caller.db, id.value);
  if (campaign.status == "CREATED" || campaign.status == "RUNNING")
    throw bad_request("Cannot roll back campaign in status " + campaign.status);
  std::optional<std::int64_t> firmware;
  if (body.value) firmware = body.value->firmware_version_id;
  if (!firmware) firmware = co_await earlier_firmware(caller.db, id.value);
  if (!firmware) throw bad_request("No earlier firmware version to roll back to");
  co_await require_signed_version(caller.db, *firmware);
  const auto made_id =
      co_await insert_rollback(caller.db, creator_of(caller.who), id.value, *firmware);
  if (!made_id && campaign.succeeded == 0)
    throw bad_request("No device was updated by this campaign");
  if (!made_id)
    throw bad_request("None of the updated devices is active and of the firmware's device type");
  auto made = co_await known_campaign(caller.db, *made_id);
  boost::json::object details{{"rollback_of", id.value},
                              {"firmware_version", made.firmware_version},
                              {"devices", made.total_devices}};
  tell(d, caller, "campaign.rolled_back", "create", *made_id,
       "Campaign " + campaign.name + " is rolled back", std::move(details));
  co_return http::Created<CampaignDetail>{std::move(made)};
}

Task<CampaignDeviceList> list_devices(FleetDeps, TenantCaller caller, CampaignId id,
                                      http::Query<CampaignsQuery> query) {
  co_await known_campaign(caller.db, id.value);
  auto page =
      co_await campaign_devices(caller.db, id.value, query->status, query->limit, query->offset);
  CampaignDeviceList out;
  out.campaign_id = id.value;
  out.devices = std::move(page.devices);
  out.total = page.total;
  out.limit = query->limit;
  out.offset = query->offset;
  co_return out;
}

}  // namespace

void mount_campaigns(http::Router& api, const FleetDeps& d) {
  const std::string base = "/api/v1/customer/ota/campaigns", one = base + "/{campaign_id}";
  const std::string missing = "Campaign not found";
  const std::string unsigned_firmware =
      "Firmware 2.1.0 has no signature that fits the organization's signing key: add it as a new, "
      "signed version, or remove the signing key";
  api.get(base, http::bound(d, list_campaigns))
      .customers()
      .tag("Updates")
      .summary("List campaigns, newest first");
  api.post(base, http::bound(d, create_campaign))
      .needs("devices.update")
      .tag("Updates")
      .summary("Make a campaign that brings firmware to a group; it waits to be started")
      .description(
          "Devices of another type than the firmware's are `SKIPPED`; firmware without a type is "
          "for all.")
      .fails(400, "Device group has no members")
      .fails(400, "None of the group's 12 devices is of the firmware's device type cold-chain")
      .fails(404, "Firmware version not found")
      .fails(404, "Device group not found")
      .fails(409, unsigned_firmware)
      .example({{"name", "Cold chain 2.1"},
                {"firmware_version_id", 1},
                {"target_group_id", "grp-0a1b2c3d"},
                {"rollout_strategy", "canary"},
                {"rollout_rate", 100}});
  api.get(one, http::bound(d, get_campaign))
      .customers()
      .tag("Updates")
      .summary("A campaign and how its devices stand")
      .fails(404, missing);
  api.post(one + "/start", http::bound(d, start))
      .needs("devices.update")
      .tag("Updates")
      .summary("Start a campaign, or go on with one that is paused")
      .fails(400, "Cannot start campaign in status COMPLETED")
      .fails(404, missing)
      .fails(409, unsigned_firmware);
  api.post(one + "/pause", http::bound(d, pause))
      .needs("devices.update")
      .tag("Updates")
      .summary("Pause: no more devices are told; those that were go on")
      .fails(400, "Cannot pause campaign in status CREATED")
      .fails(404, missing);
  api.post(one + "/abort", http::bound(d, abort))
      .needs("devices.update")
      .tag("Updates")
      .summary("Abort: devices that have not begun are skipped")
      .fails(400, "Campaign already in terminal status COMPLETED")
      .fails(404, missing);
  api.post(one + "/rollback", http::bound(d, roll_back))
      .needs("devices.update")
      .tag("Updates")
      .summary("Bring the devices that were updated back to the version before")
      .description(
          "Makes a campaign of its own, running at once, for the devices that succeeded. Without a "
          "version it takes the one that most of them had before.")
      .fails(400, "Cannot roll back campaign in status RUNNING")
      .fails(400, "No earlier firmware version to roll back to")
      .fails(400, "No device was updated by this campaign")
      .fails(400, "None of the updated devices is active and of the firmware's device type")
      .fails(404, missing)
      .fails(404, "Firmware version not found")
      .fails(409, unsigned_firmware);
  api.get(one + "/devices", http::bound(d, list_devices))
      .customers()
      .tag("Updates")
      .summary("A campaign's devices")
      .fails(404, missing);
}

}  // namespace pulse::fleet
