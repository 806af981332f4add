#include "fleet/campaigns.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

const std::string campaign_columns = R"sql(
  c.id, c.name, c.status, c.status_reason, c.rollout_strategy, c.rollout_rate, c.abort_threshold,
  c.stage, c.min_results, c.timeout_minutes, c.rollback_of, c.total_devices, c.succeeded, c.failed,
  c.target_group_id, c.firmware_version_id, f.version AS firmware_version,
  f.device_type AS firmware_device_type, c.started_at, c.completed_at, c.created_at, c.created_by,
  c.stages::text AS stage_list
)sql";
const std::string from_campaigns = R"sql(
  FROM ota_campaigns c JOIN firmware_versions f
    ON f.tenant_id = c.tenant_id AND f.id = c.firmware_version_id
)sql";

void read_stages(const pg::Result& rows, int row, Campaign& out) {
  for (const auto& text : pg::parse_text_array(rows.text(row, rows.column("stage_list"))))
    out.stages.push_back(std::stoll(text));
}

/// Changes the status where it is one of `from`; the status before.
Task<std::optional<std::string>> change_status(tenancy::TenantDb db, std::int64_t id,
                                               std::vector<std::string> from,
                                               std::string assignments, std::string also = {}) {
  const auto rows = co_await db.query(
      "WITH was AS (SELECT tenant_id, id, status FROM ota_campaigns WHERE id = $1::bigint "
      "FOR UPDATE), changed AS (UPDATE ota_campaigns c SET " +
          assignments +
          " FROM was WHERE c.tenant_id = was.tenant_id AND c.id = was.id "
          "AND was.status = ANY($2::text[]) RETURNING c.tenant_id, c.id)" +
          also + " SELECT status FROM was",
      pg::Params::of(id, from));
  if (rows.empty()) co_return std::nullopt;
  co_return std::string(rows.text(0, 0));
}

}  // namespace

Task<MadeCampaign> insert_campaign(tenancy::TenantDb db, std::string tenant_id,
                                   std::string created_by, CreateCampaign campaign,
                                   std::vector<std::string> members) {
  std::vector<std::int64_t> stages{100};
  if (campaign.rollout_strategy == "canary") stages = {5, 25, 100};
  if (campaign.stages) stages = *campaign.stages;
  // Which devices are the canaries must not depend on their names: sites name theirs in a row.
  const auto rows = co_await db.query(
      R"sql(
    WITH judged AS (
      SELECT r.device_id, r.fw_version, )sql" +
          std::string(misfit) + R"sql( AS why_not
      FROM device_registry r
      JOIN firmware_versions f ON f.tenant_id = r.tenant_id AND f.id = $3::integer
      WHERE r.status = 'ACTIVE' AND r.device_id = ANY($11::text[])
    ), devices AS (
      SELECT *, count(*) OVER (PARTITION BY why_not IS NULL) AS total,
             row_number() OVER (PARTITION BY why_not IS NULL
                                ORDER BY md5(device_id || clock_timestamp()::text), device_id) AS place
      FROM judged
    ), counted AS (
      SELECT count(*) AS members, count(why_not) AS skipped FROM judged
    ), made AS (
      INSERT INTO ota_campaigns (tenant_id, name, firmware_version_id, target_group_id,
        rollout_strategy, rollout_rate, abort_threshold, stages, min_results, timeout_minutes,
        created_by, total_devices)
      SELECT $1, $2, $3::integer, $4, $5, $6::integer, $7::float8, $8::integer[], $9::integer,
             $10::integer, $12, members FROM counted WHERE members > skipped
      RETURNING tenant_id, id
    ), targets AS (
      INSERT INTO ota_device_status (tenant_id, campaign_id, device_id, previous_version, stage,
        status, error_message, completed_at)
      SELECT made.tenant_id, made.id, d.device_id, d.fw_version,
             (SELECT count(*) FROM unnest($8::integer[]) AS percent
              WHERE ceil(d.total * percent / 100.0) < d.place),
             CASE WHEN d.why_not IS NULL THEN 'PENDING' ELSE 'SKIPPED' END, d.why_not,
             CASE WHEN d.why_not IS NULL THEN NULL ELSE now() END
      FROM made CROSS JOIN devices d ORDER BY d.place
    )
    SELECT (SELECT id FROM made), members, skipped FROM counted
  )sql",
      pg::Params::of(tenant_id, campaign.name, campaign.firmware_version_id,
                     campaign.target_group_id, campaign.rollout_strategy, campaign.rollout_rate,
                     campaign.abort_threshold, stages, campaign.min_results,
                     campaign.timeout_minutes, members, created_by));
  MadeCampaign out;
  pg::read_value(rows, 0, 0, out.id);
  out.members = rows.int64(0, 1);
  out.skipped = rows.int64(0, 2);
  co_return out;
}

Task<CampaignPage> campaigns_page(tenancy::TenantDb db, std::optional<std::string> status,
                                  std::int64_t limit, std::int64_t offset) {
  std::vector<pg::Statement> statements;
  statements.emplace_back(
      "SELECT count(*) FROM ota_campaigns c WHERE $1::text IS NULL OR c.status = $1",
      pg::Params::of(status));
  statements.emplace_back("SELECT " + campaign_columns + from_campaigns +
                              " WHERE $1::text IS NULL OR c.status = $1 "
                              "ORDER BY c.created_at DESC, c.id DESC LIMIT $2 OFFSET $3",
                          pg::Params::of(status, limit, offset));
  const auto results = co_await db.batch(std::move(statements));
  CampaignPage out;
  out.total = results[0].int64(0, 0);
  out.campaigns = pg::rows_as<Campaign>(results[1]);
  for (int i = 0; i < results[1].rows(); ++i)
    read_stages(results[1], i, out.campaigns[static_cast<std::size_t>(i)]);
  co_return out;
}

Task<std::optional<CampaignDetail>> find_campaign(tenancy::TenantDb db, std::int64_t id) {
  std::vector<pg::Statement> statements;
  statements.emplace_back("SELECT " + campaign_columns + R"sql(,
      CASE WHEN f.storage_key IS NULL THEN f.file_url
           ELSE '/api/v1/customer/firmware/' || f.id || '/download' END AS firmware_url,
      f.checksum_sha256 AS firmware_checksum)sql" +
                              from_campaigns + " WHERE c.id = $1::bigint",
                          pg::Params::of(id));
  statements.emplace_back(
      "SELECT status, count(*) FROM ota_device_status WHERE campaign_id = $1::bigint "
      "GROUP BY status",
      pg::Params::of(id));
  const auto results = co_await db.batch(std::move(statements));
  auto out = pg::first_as<CampaignDetail>(results[0]);
  if (!out) co_return std::nullopt;
  read_stages(results[0], 0, *out);
  for (int i = 0; i < results[1].rows(); ++i)
    out->status_breakdown[std::string(results[1].text(i, 0))] = results[1].int64(i, 1);
  // The campaign's own counts are of its last round.
  out->succeeded = out->status_breakdown.contains("SUCCESS") ? out->status_breakdown["SUCCESS"] : 0;
  out->failed = out->status_breakdown.contains("FAILED") ? out->status_breakdown["FAILED"] : 0;
  co_return out;
}

Task<CampaignDevicePage> campaign_devices(tenancy::TenantDb db, std::int64_t id,
                                          std::optional<std::string> status, std::int64_t limit,
                                          std::int64_t offset) {
  const std::string condition =
      " FROM ota_device_status WHERE campaign_id = $1::bigint "
      "AND ($2::text IS NULL OR status = $2) ";
  std::vector<pg::Statement> statements;
  statements.emplace_back("SELECT count(*)" + condition, pg::Params::of(id, status));
  statements.emplace_back(
      "SELECT device_id, status, progress_pct, stage, error_message, previous_version, started_at, "
      "completed_at, created_at" +
          condition + "ORDER BY device_id LIMIT $3 OFFSET $4",
      pg::Params::of(id, status, limit, offset));
  const auto results = co_await db.batch(std::move(statements));
  CampaignDevicePage out;
  out.total = results[0].int64(0, 0);
  out.devices = pg::rows_as<CampaignDevice>(results[1]);
  co_return out;
}

Task<std::optional<std::string>> start_campaign(tenancy::TenantDb db, std::int64_t id) {
  return change_status(db, id, {"CREATED", "PAUSED"},
                       "status = 'RUNNING', status_reason = NULL, "
                       "started_at = coalesce(c.started_at, now())");
}

Task<std::optional<std::string>> pause_campaign(tenancy::TenantDb db, std::int64_t id) {
  return change_status(db, id, {"RUNNING"}, "status = 'PAUSED'");
}

Task<std::optional<std::string>> abort_campaign(tenancy::TenantDb db, std::int64_t id) {
  return change_status(db, id, {"CREATED", "RUNNING", "PAUSED"},
                       "status = 'ABORTED', completed_at = now(), status_reason = 'by hand'",
                       R"sql(,
    skipped AS (
      UPDATE ota_device_status s SET status = 'SKIPPED', completed_at = now()
      FROM changed c WHERE s.tenant_id = c.tenant_id AND s.campaign_id = c.id
        AND s.status = 'PENDING'
    ))sql");
}

Task<std::optional<std::int64_t>> earlier_firmware(tenancy::TenantDb db, std::int64_t campaign_id) {
  const auto rows = co_await db.query(R"sql(
    SELECT older.id
    FROM ota_campaigns c
    JOIN firmware_versions f ON f.tenant_id = c.tenant_id AND f.id = c.firmware_version_id
    JOIN firmware_versions older ON older.tenant_id = f.tenant_id AND older.id <> f.id
      AND older.device_type IS NOT DISTINCT FROM f.device_type
    CROSS JOIN LATERAL (
      SELECT count(*) AS devices FROM ota_device_status s
      WHERE s.tenant_id = c.tenant_id AND s.campaign_id = c.id AND s.status = 'SUCCESS'
        AND s.previous_version = older.version) had
    WHERE c.id = $1::bigint AND (had.devices > 0 OR older.id < f.id)
    ORDER BY had.devices DESC, older.id DESC LIMIT 1
  )sql",
                                      pg::Params::of(campaign_id));
  if (rows.empty()) co_return std::nullopt;
  co_return rows.int64(0, 0);
}

Task<std::optional<std::int64_t>> insert_rollback(tenancy::TenantDb db, std::string created_by,
                                                  std::int64_t campaign_id,
                                                  std::int64_t firmware_id) {
  const auto rows = co_await db.query(R"sql(
    WITH devices AS (
      SELECT s.tenant_id, s.device_id, r.fw_version
      FROM ota_device_status s JOIN device_registry r USING (tenant_id, device_id)
      JOIN firmware_versions f ON f.tenant_id = s.tenant_id AND f.id = $2::integer
      WHERE s.campaign_id = $1::bigint AND s.status = 'SUCCESS' AND r.status = 'ACTIVE'
        AND )sql" + std::string(misfit) + R"sql( IS NULL
    ), made AS (
      INSERT INTO ota_campaigns (tenant_id, name, firmware_version_id, target_group_id,
        rollout_rate, abort_threshold, min_results, timeout_minutes, rollback_of, status,
        started_at, created_by, total_devices)
      SELECT c.tenant_id, left('Rollback of ' || c.name, 100), $2::integer, c.target_group_id,
             c.rollout_rate, 1, c.min_results, c.timeout_minutes, c.id, 'RUNNING', now(), $3,
             (SELECT count(*) FROM devices)
      FROM ota_campaigns c WHERE c.id = $1::bigint AND EXISTS (SELECT FROM devices)
      RETURNING tenant_id, id
    ), targets AS (
      INSERT INTO ota_device_status (tenant_id, campaign_id, device_id, previous_version)
      SELECT made.tenant_id, made.id, d.device_id, d.fw_version FROM made CROSS JOIN devices d
    )
    SELECT id FROM made
  )sql",
                                      pg::Params::of(campaign_id, firmware_id, created_by));
  if (rows.empty()) co_return std::nullopt;
  co_return rows.int64(0, 0);
}

}  // namespace pulse::fleet
