// When a device came and went.
#include "fleet/devices.hpp"
#include "fleet/mounts.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

using tenancy::TenantCaller;

struct PageQuery {
  std::int64_t limit = 50, offset = 0;
};
BOOST_DESCRIBE_STRUCT(PageQuery, (), (limit, offset))
inline auto constraints(json::As<PageQuery>) {
  return json::rules<PageQuery>()
      .range(&PageQuery::limit, 1, 200)
      .range(&PageQuery::offset, 0, 1e7);
}
struct ConnectionEvent {
  std::string id, event_type;
  Time timestamp;
  json::Raw details;
};
BOOST_DESCRIBE_STRUCT(ConnectionEvent, (), (id, event_type, timestamp, details))
struct ConnectionEvents {
  std::string device_id;
  std::vector<ConnectionEvent> events;
  std::int64_t total = 0, limit = 0, offset = 0;
};
BOOST_DESCRIBE_STRUCT(ConnectionEvents, (), (device_id, events, total, limit, offset))

Task<ConnectionEvents> list_connections(FleetDeps, TenantCaller caller, http::Path<"device_id"> id,
                                        http::Query<PageQuery> page) {
  std::vector<std::pair<std::string, pg::Params>> statements;
  statements.emplace_back(
      "SELECT 1 FROM device_registry WHERE device_id = $1 AND status <> 'DELETED'",
      pg::Params::of(id.value));
  statements.emplace_back("SELECT count(*) FROM device_connection_events WHERE device_id = $1",
                          pg::Params::of(id.value));
  statements.emplace_back(
      "SELECT id, event_type, \"timestamp\", details FROM device_connection_events "
      "WHERE device_id = $1 ORDER BY \"timestamp\" DESC, id DESC LIMIT $2 OFFSET $3",
      pg::Params::of(id.value, page->limit, page->offset));
  const auto results = co_await caller.db.batch(std::move(statements));
  if (results[0].empty()) throw not_found("Device not found");
  ConnectionEvents out;
  out.device_id = id.value;
  out.events = pg::rows_as<ConnectionEvent>(results[2]);
  out.total = results[1].int64(0, 0);
  out.limit = page->limit;
  out.offset = page->offset;
  co_return out;
}

}  // namespace

void mount_device_connections(http::Router& api, const FleetDeps& d) {
  const std::string one = "/api/v1/customer/devices/{device_id}";
  api.get(one + "/connections", http::bound(d, list_connections))
      .customers()
      .tag("Devices")
      .summary("When a device came and went")
      .fails(404, "Device not found");
}

}  // namespace pulse::fleet
