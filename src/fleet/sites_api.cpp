#include "fleet/mounts.hpp"
#include "fleet/sites.hpp"

namespace pulse::fleet {

namespace {

struct SiteList {
  std::vector<Site> sites;
  std::int64_t total = 0;
};
BOOST_DESCRIBE_STRUCT(SiteList, (), (sites, total))

struct SiteSummary {
  Site site;
  std::vector<SiteDevice> devices;
  std::vector<SiteAlert> active_alerts;
  std::int64_t device_count = 0, active_alert_count = 0;
};
BOOST_DESCRIBE_STRUCT(SiteSummary, (),
                      (site, devices, active_alerts, device_count, active_alert_count))

using tenancy::AuditLog;
using tenancy::TenantCaller;

Task<Site> known_site(tenancy::TenantDb db, std::string site_id) {
  auto site = co_await find_site(db, std::move(site_id));
  if (!site) throw not_found("Site not found");
  co_return std::move(*site);
}

Task<SiteList> list_sites(FleetDeps, TenantCaller caller) {
  SiteList out;
  out.sites = co_await sites_with_counts(caller.db);
  out.total = static_cast<std::int64_t>(out.sites.size());
  co_return out;
}

Task<http::Created<Site>> create_site(FleetDeps d, TenantCaller caller,
                                      http::Body<CreateSite> body) {
  const bool inserted = co_await insert_site(caller.db, caller.tenant(), body.value);
  if (!inserted) throw conflict("Site ID already exists");
  tell_pages(d, caller.tenant(), "sites");
  d.audit->write(AuditLog::of(caller, "site.created", "create", "site", body->site_id,
                              "Site " + body->name + " created"));
  auto made = co_await known_site(caller.db, body->site_id);
  co_return http::Created<Site>{std::move(made)};
}

Task<Site> get_site(FleetDeps, TenantCaller caller, http::Path<"site_id"> site_id) {
  co_return co_await known_site(caller.db, site_id.value);
}

Task<Site> patch_site(FleetDeps d, TenantCaller caller, http::Path<"site_id"> site_id,
                      http::Body<UpdateSite> body) {
  if (!body->name && !body->location && !body->latitude && !body->longitude)
    throw bad_request("No fields provided");
  auto changes = co_await update_site(caller.db, site_id.value, body.value);
  if (!changes) throw not_found("Site not found");
  tell_pages(d, caller.tenant(), "sites");
  d.audit->write(AuditLog::of(caller, "site.updated", "update", "site", site_id.value,
                              "Site " + site_id.value + " updated", std::move(*changes)));
  co_return co_await known_site(caller.db, site_id.value);
}

Task<http::NoContent> delete_site(FleetDeps d, TenantCaller caller, http::Path<"site_id"> site_id) {
  const auto removal = co_await remove_site(caller.db, site_id.value);
  if (removal == SiteRemoval::missing) throw not_found("Site not found");
  if (removal == SiteRemoval::in_use) throw conflict("Site has devices: move or delete them first");
  tell_pages(d, caller.tenant(), "sites");
  d.audit->write(AuditLog::of(caller, "site.deleted", "delete", "site", site_id.value,
                              "Site " + site_id.value + " deleted"));
  co_return http::NoContent{};
}

Task<SiteSummary> site_summary(FleetDeps, TenantCaller caller, http::Path<"site_id"> site_id) {
  SiteSummary out;
  out.site = co_await known_site(caller.db, site_id.value);
  out.devices = co_await devices_at_site(caller.db, site_id.value);
  out.active_alerts = co_await active_alerts_at_site(caller.db, site_id.value);
  out.device_count = out.site.device_count;
  out.active_alert_count = out.site.active_alert_count;
  co_return out;
}

}  // namespace

void mount_sites(http::Router& api, const FleetDeps& d) {
  const std::string base = "/api/v1/customer/sites";
  api.get(base, http::bound(d, list_sites)).customers().tag("Sites").summary("List sites");
  api.post(base, http::bound(d, create_site))
      .needs("sites.write")
      .tag("Sites")
      .summary("Create a site")
      .fails(409, "Site ID already exists")
      .example({{"site_id", "warehouse-7"}, {"name", "Warehouse 7"}});
  api.get(base + "/{site_id}", http::bound(d, get_site))
      .customers()
      .tag("Sites")
      .summary("One site")
      .fails(404, "Site not found");
  api.patch(base + "/{site_id}", http::bound(d, patch_site))
      .needs("sites.write")
      .tag("Sites")
      .summary("Change a site")
      .fails(400, "No fields provided")
      .fails(404, "Site not found");
  api.del(base + "/{site_id}", http::bound(d, delete_site))
      .needs("sites.write")
      .tag("Sites")
      .summary("Delete an empty site")
      .fails(404, "Site not found")
      .fails(409, "Site has devices: move or delete them first");
  api.get(base + "/{site_id}/summary", http::bound(d, site_summary))
      .customers()
      .tag("Sites")
      .summary("A site with its devices and open alerts")
      .fails(404, "Site not found");
}

}  // namespace pulse::fleet
