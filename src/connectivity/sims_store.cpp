#include "connectivity/sims.hpp"
#include "fleet/devices.hpp"
#include "fleet/transports.hpp"
#include "platform/pg/described.hpp"

namespace pulse::connectivity {

Task<std::optional<LinkedSim>> linked_sim(tenancy::TenantDb db, std::string device_id) {
  co_await fleet::require_device(db, device_id);
  const auto rows = co_await db.query(
      "SELECT id, connectivity_config ->> 'carrier_device_id' AS carrier_device_id, "
      "connectivity_config ->> 'sim_iccid' AS sim_iccid, "
      "CASE jsonb_typeof(connectivity_config -> 'data_limit_mb') WHEN 'number' THEN "
      "(connectivity_config ->> 'data_limit_mb')::float8 END AS data_limit_mb, "
      "carrier_integration_id FROM device_transports WHERE device_id = $1 "
      "AND carrier_integration_id IS NOT NULL "
      "AND coalesce(connectivity_config ->> 'carrier_device_id', '') <> '' "
      "ORDER BY coalesce(physical_connectivity = 'cellular', false) DESC, is_primary DESC, id "
      "LIMIT 1",
      pg::Params::of(device_id));
  if (rows.empty()) co_return std::nullopt;
  LinkedSim out;
  out.transport_id = rows.int64(0, 0);
  out.carrier_device_id = std::string(rows.text(0, 1));
  out.sim_iccid = rows.opt_text(0, 2);
  if (!rows.null(0, 3)) out.data_limit_mb = rows.float8(0, 3);
  out.integration = co_await stored_integration(db, rows.int64(0, 4));
  co_return out;
}

Task<> link_sim(tenancy::TenantDb db, std::string tenant_id, std::string device_id, SimLink link) {
  boost::json::object said{{"carrier_name", link.carrier_name},
                           {"carrier_device_id", link.carrier_device_id}};
  if (link.iccid) said["sim_iccid"] = *link.iccid;
  auto tx = co_await db.begin();
  co_await fleet::lock_device(tx, device_id);
  // Held until the end, so that it is not deleted meanwhile.
  const auto known =
      co_await tx.query("SELECT 1 FROM carrier_integrations WHERE id = $1 FOR KEY SHARE",
                        pg::Params::of(link.integration_id));
  if (known.empty()) throw bad_request("Invalid carrier_integration_id");
  co_await tx.query(
      "INSERT INTO device_transports (tenant_id, device_id, ingestion_protocol) "
      "SELECT $1, $2, 'mqtt_direct' WHERE NOT EXISTS "
      "(SELECT FROM device_transports WHERE device_id = $2)",
      pg::Params::of(tenant_id, device_id));
  co_await tx.query(
      "UPDATE device_transports SET physical_connectivity = 'cellular', "
      "carrier_integration_id = $2, updated_at = now(), "
      "connectivity_config = (CASE WHEN connectivity_config ->> 'carrier_device_id' = $4 THEN "
      "connectivity_config ELSE connectivity_config - ARRAY['data_used_mb', "
      "'data_used_updated_at', 'sim_status', 'network_status', 'sim_iccid', 'ip_address'] END) "
      "|| $3::jsonb WHERE id = (SELECT id FROM device_transports WHERE device_id = $1 "
      "ORDER BY coalesce(physical_connectivity = 'cellular', false) DESC, is_primary DESC, id "
      "LIMIT 1)",
      pg::Params::of(device_id, link.integration_id, json::to_text(said), link.carrier_device_id));
  co_await tx.query("UPDATE carrier_integrations SET next_sync_at = NULL WHERE id = $1",
                    pg::Params::of(link.integration_id));
  co_await tx.commit();
}

Task<> store_sim_status(tenancy::TenantDb db, std::int64_t transport_id, std::string status) {
  co_await db.query(
      "UPDATE device_transports SET connectivity_config = connectivity_config || "
      "jsonb_build_object('sim_status', $2::text) WHERE id = $1",
      pg::Params::of(transport_id, status));
}

}  // namespace pulse::connectivity
