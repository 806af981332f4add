// Where devices are, for the map: columns instead of rows, and nothing that a map does not draw.
#include "fleet/device_filter.hpp"
#include "fleet/mounts.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

using tenancy::TenantCaller;

struct PositionsQuery {
  std::int64_t limit = 5'000;
  std::optional<std::string> after, status, search, q, tags, tag, site_id;
  bool include_decommissioned = false;
  std::optional<bool> decommissioned;
  std::optional<std::int32_t> template_id;
};
BOOST_DESCRIBE_STRUCT(PositionsQuery, (),
                      (limit, after, status, search, q, tags, tag, site_id, include_decommissioned,
                       decommissioned, template_id))
inline auto constraints(json::As<PositionsQuery>) {
  return json::rules<PositionsQuery>()
      .range(&PositionsQuery::limit, 1, 20'000)
      .identifier(&PositionsQuery::after)
      .length(&PositionsQuery::search, 0, 500)
      .length(&PositionsQuery::q, 0, 500)
      .describe(&PositionsQuery::after, "From `next`: the devices after this one")
      .describe(&PositionsQuery::q, "As in the list of devices")
      .describe(&PositionsQuery::status, "ONLINE, STALE or OFFLINE")
      .describe(&PositionsQuery::tags, "Comma-separated; all must be present");
}

struct DevicePositions {
  std::vector<std::string> device_ids;
  std::vector<std::optional<std::string>> names;
  std::vector<double> latitudes, longitudes;
  std::vector<std::int32_t> statuses;  ///< 0 ONLINE, 1 STALE, 2 OFFLINE
  std::optional<std::int64_t> total;
  std::optional<std::string> next;
};
BOOST_DESCRIBE_STRUCT(DevicePositions, (),
                      (device_ids, names, latitudes, longitudes, statuses, total, next))

// A device stands where it was registered, else where it says itself.
constexpr const char* place = R"sql(
  CASE WHEN r.latitude IS NOT NULL AND r.longitude IS NOT NULL THEN r.latitude
       ELSE pulse_coordinate(s.state, '{latitude,lat}', 90) END AS latitude,
  CASE WHEN r.latitude IS NOT NULL AND r.longitude IS NOT NULL THEN r.longitude
       ELSE pulse_coordinate(s.state, '{longitude,lon,lng}', 180) END AS longitude
)sql";

DeviceQuery filter_of(const PositionsQuery& q) {
  DeviceQuery out;
  out.status = q.status;
  out.search = q.search;
  out.q = q.q;
  out.tags = q.tags;
  out.tag = q.tag;
  out.site_id = q.site_id;
  out.include_decommissioned = q.include_decommissioned;
  out.decommissioned = q.decommissioned;
  out.template_id = q.template_id;
  return out;
}

Task<DevicePositions> device_positions(FleetDeps, TenantCaller caller,
                                       http::Query<PositionsQuery> query) {
  const auto filter = filter_of(query.value);
  const auto fits = co_await fitting_devices(caller.db, caller.tenant(), filter, true);
  std::vector<pg::Statement> statements;
  pg::Clauses page = fits.where;
  if (query->after) page.add("r.device_id > ?", *query->after);
  const auto limit = page.parameter(query->limit);
  statements.emplace_back(
      std::string("WITH fit AS ") + (fits.by_sets ? "MATERIALIZED " : "") +
          "(SELECT r.device_id, r.name, array_position('{ONLINE,STALE}', s.status) - 1 AS "
          "status, " +
          place + " FROM " + fits.from + page.where() +
          ") SELECT device_id, name, latitude, longitude, coalesce(status, 2) FROM fit WHERE "
          "latitude IS NOT NULL AND longitude IS NOT NULL ORDER BY device_id LIMIT " +
          limit,
      page.params());
  if (!query->after)
    statements.emplace_back("SELECT count(*) FROM " + fits.from + fits.where.where(),
                            fits.where.params());
  const auto results = co_await caller.db.batch(std::move(statements));
  const auto& rows = results[0];
  DevicePositions out;
  for (int i = 0; i < rows.rows(); ++i) {
    out.device_ids.emplace_back(rows.text(i, 0));
    pg::read_value(rows, i, 1, out.names.emplace_back());
    out.latitudes.push_back(rows.float8(i, 2));
    out.longitudes.push_back(rows.float8(i, 3));
    out.statuses.push_back(static_cast<std::int32_t>(rows.int64(i, 4)));
  }
  if (!query->after) out.total = results[1].int64(0, 0);
  if (rows.rows() == query->limit) out.next = out.device_ids.back();
  co_return out;
}

}  // namespace

void mount_device_positions(http::Router& api, const FleetDeps& d) {
  api.get("/api/v1/customer/fleet/positions", http::bound(d, device_positions))
      .customers()
      .tag("Devices")
      .summary("Where devices are, as columns")
      .description(
          "The same place of each list belongs to one device; those without a place are left out. "
          "Takes the filters of the list of devices. Statuses are 0 (ONLINE), 1 (STALE) and 2 "
          "(OFFLINE). `total` counts all devices of the filter, with a place or without; it comes "
          "with the first page. The page after is asked by `after`, from `next`.")
      .fails(400, "Invalid status value");
}

}  // namespace pulse::fleet
