#pragma once
// Sites: where devices stand. Ids belong to a tenant.
#include <optional>
#include <string>
#include <vector>

#include "platform/clock.hpp"
#include "platform/json/rules.hpp"
#include "tenancy/caller.hpp"

namespace pulse::fleet {

struct CreateSite {
  std::string site_id, name;
  std::optional<std::string> location;
  std::optional<double> latitude, longitude;
};
BOOST_DESCRIBE_STRUCT(CreateSite, (), (site_id, name, location, latitude, longitude))
inline auto constraints(json::As<CreateSite>) {
  return json::rules<CreateSite>()
      .identifier(&CreateSite::site_id)
      .length(&CreateSite::name, 1, 200)
      .length(&CreateSite::location, 0, 500)
      .range(&CreateSite::latitude, -90, 90)
      .range(&CreateSite::longitude, -180, 180);
}

struct UpdateSite {
  std::optional<std::string> name;
  json::Patch<std::string> location;
  json::Patch<double> latitude, longitude;
};
BOOST_DESCRIBE_STRUCT(UpdateSite, (), (name, location, latitude, longitude))
inline auto constraints(json::As<UpdateSite>) {
  return json::rules<UpdateSite>()
      .length(&UpdateSite::name, 1, 200)
      .length(&UpdateSite::location, 0, 500)
      .range(&UpdateSite::latitude, -90, 90)
      .range(&UpdateSite::longitude, -180, 180);
}

struct Site {
  std::string site_id, name;
  std::optional<std::string> location;
  std::optional<double> latitude, longitude;
  std::int64_t device_count = 0, online_count = 0, stale_count = 0, offline_count = 0,
               active_alert_count = 0;
  Time created_at, updated_at;
};
BOOST_DESCRIBE_STRUCT(Site, (),
                      (site_id, name, location, latitude, longitude, device_count, online_count,
                       stale_count, offline_count, active_alert_count, created_at, updated_at))

struct SiteDevice {
  std::string device_id, name, status;
  std::optional<std::string> device_type;
  std::optional<Time> last_seen_at;
};
BOOST_DESCRIBE_STRUCT(SiteDevice, (), (device_id, name, status, device_type, last_seen_at))

/// An alert that is open or acknowledged.
struct SiteAlert {
  std::int64_t id = 0;
  std::string device_id, alert_type;
  std::int64_t severity = 0;
  std::string summary, status;
  Time created_at;
};
BOOST_DESCRIBE_STRUCT(SiteAlert, (),
                      (id, device_id, alert_type, severity, summary, status, created_at))

Task<std::vector<Site>> sites_with_counts(tenancy::TenantDb db);
Task<std::optional<Site>> find_site(tenancy::TenantDb db, std::string site_id);
/// False when the id is taken.
Task<bool> insert_site(tenancy::TenantDb db, std::string tenant_id, CreateSite site);
/// What changed, as json::changes_between tells it; nothing when there is no such site.
Task<std::optional<boost::json::object>> update_site(tenancy::TenantDb db, std::string site_id,
                                                     UpdateSite changes);
enum class SiteRemoval { removed, missing, in_use };
Task<SiteRemoval> remove_site(tenancy::TenantDb db, std::string site_id);
Task<std::vector<SiteDevice>> devices_at_site(tenancy::TenantDb db, std::string site_id);
/// The worst first, at most 100.
Task<std::vector<SiteAlert>> active_alerts_at_site(tenancy::TenantDb db, std::string site_id);

}  // namespace pulse::fleet
