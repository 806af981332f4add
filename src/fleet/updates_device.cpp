// Updates from the devices' side: what waits for them, and what they report.
#include <algorithm>
#include <set>

#include "fleet/campaigns.hpp"
#include "fleet/update_message.hpp"

namespace pulse::fleet {

namespace {

Task<std::vector<DeviceMessage>> waiting(pg::Pool* pool, std::shared_ptr<storage::Storage> files,
                                         std::string tenant, std::string device) {
  const auto db = tenancy::TenantDb::for_worker(*pool, tenant, "a device asks for its own updates");
  // One that restarted in the middle of a download has lost it: it is told, too.
  const auto rows = co_await db.query(
      "SELECT " + update_columns + " FROM ota_device_status s " + update_joins("s") +
          " WHERE s.device_id = $1 AND s.started_at IS NOT NULL "
          "AND s.status IN ('PENDING', 'DOWNLOADING') AND c.status IN ('RUNNING', 'PAUSED') "
          "ORDER BY s.started_at",
      pg::Params::of(device));
  std::vector<DeviceMessage> out;
  for (int i = 0; i < rows.rows(); ++i) {
    auto& message = out.emplace_back();
    message.payload = update_message(rows, i, *files);
  }
  co_return out;
}

/// A report that can be taken.
struct Progress {
  std::int64_t campaign_id = 0, progress = 0;
  std::string status, error;
};

bool is_final(std::string_view status) { return status == "SUCCESS" || status == "FAILED"; }

/// Reads a report; why it can't be taken, or empty.
std::string read_progress(const boost::json::object& payload, Progress& out) {
  const auto* campaign = payload.if_contains("campaign_id");
  if (!campaign || !campaign->is_int64() || campaign->get_int64() < 0 ||
      campaign->get_int64() > INT32_MAX)
    return "INVALID_PAYLOAD:campaign_id";
  out.campaign_id = campaign->get_int64();
  const auto* status = payload.if_contains("status");
  static constexpr std::string_view known[] = {"PENDING", "DOWNLOADING", "INSTALLING", "SUCCESS",
                                               "FAILED"};
  if (!status || !status->is_string() ||
      std::find(std::begin(known), std::end(known), std::string_view(status->get_string())) ==
          std::end(known))
    return "INVALID_PAYLOAD:status";
  out.status = status->get_string();
  if (const auto* progress = payload.if_contains("progress"); progress && !progress->is_null()) {
    if (!progress->is_number()) return "INVALID_PAYLOAD:progress";
    const auto percent = progress->to_number<double>();
    if (!(percent >= 0 && percent <= 100)) return "INVALID_PAYLOAD:progress";
    out.progress = static_cast<std::int64_t>(percent);
  }
  if (const auto* error = payload.if_contains("error"); error && !error->is_null()) {
    if (!error->is_string()) return "INVALID_PAYLOAD:error";
    out.error = error->get_string();
    if (out.error.size() > 1000 || !json::is_text(out.error)) return "INVALID_PAYLOAD:error";
  }
  return {};
}

// Who changes a device locks its row before those of its updates; so do reports, in one order.
constexpr const char* lock_devices = R"sql(
  SELECT FROM device_registry r
  JOIN unnest($1::text[], $2::text[]) AS t (tenant_id, device_id) USING (tenant_id, device_id)
  ORDER BY r.tenant_id, r.device_id FOR NO KEY UPDATE OF r
)sql";

// A result stands; and of two reports the later one does, whichever is delivered last. What a
// device says that it runs is true also when its update was given up before; but not when it has
// reported another success since.
constexpr const char* write_progress = R"sql(
  WITH told AS (
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::text[],
      $7::bigint[], $8::bigint[])
      AS t (tenant_id, campaign_id, device_id, status, progress, error, received_ms, success_ms)
  ), changed AS (
    UPDATE ota_device_status s SET status = t.status,
      progress_pct = CASE t.status WHEN 'SUCCESS' THEN 100 ELSE t.progress END,
      error_message = nullif(t.error, ''),
      reported_at = to_timestamp(t.received_ms / 1000.0),
      completed_at = CASE WHEN t.status IN ('SUCCESS', 'FAILED') THEN now() END
    FROM told t
    WHERE s.tenant_id = t.tenant_id AND s.campaign_id = t.campaign_id
      AND s.device_id = t.device_id AND s.started_at IS NOT NULL
      AND s.status IN ('PENDING', 'DOWNLOADING', 'INSTALLING')
      AND (s.reported_at IS NULL OR s.reported_at <= to_timestamp(t.received_ms / 1000.0))
    RETURNING s.tenant_id
  ), updated AS (
    UPDATE device_registry r SET fw_version = f.version
    FROM told t JOIN ota_device_status s USING (tenant_id, campaign_id, device_id)
    JOIN ota_campaigns c ON c.tenant_id = t.tenant_id AND c.id = t.campaign_id
    JOIN firmware_versions f ON f.tenant_id = c.tenant_id AND f.id = c.firmware_version_id
    WHERE t.success_ms > 0 AND r.tenant_id = t.tenant_id AND r.device_id = t.device_id
      AND s.started_at IS NOT NULL AND s.status <> 'SUCCESS'
      AND (s.reported_at IS NULL OR s.reported_at <= to_timestamp(t.success_ms / 1000.0))
      AND NOT EXISTS (
        SELECT FROM ota_device_status o
        WHERE o.tenant_id = t.tenant_id AND o.device_id = t.device_id AND o.status = 'SUCCESS'
          AND o.reported_at > to_timestamp(t.success_ms / 1000.0))
      AND r.fw_version IS DISTINCT FROM f.version
    RETURNING r.tenant_id
  )
  SELECT tenant_id, 'campaigns' AS what FROM changed UNION SELECT tenant_id, 'devices' FROM updated
)sql";

Task<ReportsTaken> take_updates(nats::Client* nats, pg::Transaction& tx,
                                std::vector<DeviceReport> reports) {
  ReportsTaken out;
  // Of one device the last report of the batch counts, or the first that is final.
  std::map<std::string, std::size_t> place;
  std::vector<std::string> tenants, devices, statuses, errors;
  std::vector<std::int64_t> campaigns, progress, received, succeeded;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    const auto& report = reports[i];
    Progress read;
    if (auto reason = read_progress(report.payload, read); !reason.empty()) {
      out.refused[i] = std::move(reason);
      continue;
    }
    const auto key =
        report.tenant_id + "/" + report.device_id + "/" + std::to_string(read.campaign_id);
    const auto [it, fresh] = place.try_emplace(key, tenants.size());
    const auto at = it->second;
    if (fresh) {
      tenants.push_back(report.tenant_id);
      devices.push_back(report.device_id);
      campaigns.push_back(read.campaign_id);
      statuses.emplace_back();
      errors.emplace_back();
      progress.push_back(0);
      received.push_back(0);
      succeeded.push_back(0);
    }
    if (read.status == "SUCCESS") succeeded[at] = report.received_ms;
    if (is_final(statuses[at])) continue;
    statuses[at] = read.status;
    errors[at] = read.error;
    progress[at] = read.progress;
    received[at] = report.received_ms;
  }
  if (tenants.empty()) co_return out;
  co_await tx.query(lock_devices, pg::Params::of(tenants, devices));
  const auto rows = co_await tx.query(
      write_progress,
      pg::Params::of(tenants, campaigns, devices, statuses, progress, errors, received, succeeded));
  std::vector<std::pair<std::string, std::string>> told;
  for (int i = 0; i < rows.rows(); ++i) told.emplace_back(rows.text(i, 0), rows.text(i, 1));
  out.after_commit = [nats, told] {
    for (const auto& [tenant, what] : told)
      nats->publish("live." + tenant, R"({"type":"changed","what":")" + what + "\"}");
  };
  co_return out;
}

}  // namespace

PendingMessages pending_updates(pg::Pool& pool, std::shared_ptr<storage::Storage> files) {
  return [p = &pool, files](std::string tenant, std::string device) {
    return waiting(p, files, std::move(tenant), std::move(device));
  };
}

ReportHandler update_reports(nats::Client& nats) {
  return [n = &nats](pg::Transaction& tx, std::vector<DeviceReport> reports) {
    return take_updates(n, tx, std::move(reports));
  };
}

}  // namespace pulse::fleet
