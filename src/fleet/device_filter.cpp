#include "fleet/device_filter.hpp"

#include <algorithm>

#include "fleet/groups.hpp"
#include "fleet/search_sql.hpp"

namespace pulse::fleet {

namespace {

std::vector<std::string> split_tags(const std::string& list) {
  std::vector<std::string> raw;
  std::size_t at = 0;
  while (at <= list.size()) {
    const auto end = std::min(list.find(',', at), list.size());
    raw.push_back(list.substr(at, end - at));
    at = end + 1;
  }
  return clean_tags(raw);
}

SearchTerm term_of(SearchKey key, std::string value) {
  SearchTerm out;
  out.key = key;
  out.values.push_back({std::move(value), false});
  return out;
}

}  // namespace

Task<FittingDevices> fitting_devices(tenancy::TenantDb db, std::string tenant_id, DeviceQuery q,
                                     bool with_state) {
  auto search = parse_search(q.q.value_or(q.search.value_or("")));
  const auto named = co_await dynamic_groups_named(db, search.groups());
  FittingDevices out;
  auto& where = out.where;
  where.add("r.tenant_id = ?", tenant_id).add("r.status <> 'DELETED'");
  if (q.decommissioned.value_or(false))
    where.add("r.decommissioned_at IS NOT NULL");
  else if (q.decommissioned || !(q.include_decommissioned || search.mentions(SearchKey::is)))
    where.add("r.decommissioned_at IS NULL");
  // The older filters are terms of the language, too.
  if (q.status && !q.status->empty()) {
    if (*q.status != "ONLINE" && *q.status != "STALE" && *q.status != "OFFLINE")
      throw bad_request("Invalid status value");
    search.require(term_of(SearchKey::status, *q.status));
  }
  auto tags = split_tags(q.tags.value_or(""));
  if (q.tag && !q.tag->empty()) tags.push_back(*q.tag);
  tags = clean_tags(tags);
  if (tags.size() > search_max_terms) throw bad_request("At most 50 tags");
  for (const auto& tag : tags) search.require(term_of(SearchKey::tag, tag));
  const bool needs_state = with_state || search.needs_state();
  if (q.site_id) where.add("r.site_id = ?", *q.site_id);
  if (q.template_id) where.add("r.template_id = ?", *q.template_id);
  const auto fits = search_sql(search, where, named);
  if (!search.empty()) where.add(fits.condition);
  out.by_sets = !fits.joins.empty();
  out.from = "device_registry r";
  if (needs_state)
    out.from +=
        " LEFT JOIN device_state s ON s.tenant_id = r.tenant_id AND s.device_id = r.device_id";
  out.from += fits.joins;
  co_return out;
}

}  // namespace pulse::fleet
