#include "fleet/registry_cache.hpp"

#include <boost/json.hpp>

#include "platform/clock.hpp"

namespace pulse::fleet {

namespace {

constexpr std::int64_t known_ms = 60'000, unknown_ms = 5'000;
constexpr std::size_t max_entries = 500'000;

constexpr const char* facts_of_devices = R"sql(
  SELECT r.tenant_id, r.device_id, r.site_id, r.status, coalesce(s.status, ''),
         coalesce(r.sensor_limit, (p.limits ->> 'sensors')::integer, 20),
         coalesce((SELECT array_agg(k.metric_key) FROM device_sensors k
                   WHERE k.tenant_id = r.tenant_id AND k.device_id = r.device_id), '{}')
  FROM unnest($1::text[], $2::text[]) AS wanted (tenant_id, device_id)
  JOIN device_registry r USING (tenant_id, device_id)
  LEFT JOIN device_plans p ON p.plan_id = r.plan_id
  LEFT JOIN LATERAL (
    SELECT status FROM device_subscriptions d
    WHERE d.tenant_id = r.tenant_id AND d.device_id = r.device_id AND d.status <> 'CANCELLED'
    ORDER BY d.term_start DESC LIMIT 1) s ON true
)sql";

}  // namespace

RegistryCache::RegistryCache(nats::Client& nats, boost::asio::any_io_executor executor) {
  subscription_ = nats.subscribe(invalidate_subject, "", executor, [this](nats::Message m) {
    boost::system::error_code ec;
    const auto json = boost::json::parse(m.data, ec);
    if (ec || !json.is_object()) return;
    const auto* tenant = json.as_object().if_contains("tenant_id");
    const auto* device = json.as_object().if_contains("device_id");
    if (!tenant || !device || !tenant->is_string() || !device->is_string()) return;
    ++invalidations_;
    std::string key;
    key_into(key, tenant->get_string(), device->get_string());
    // The facts stay until `load` replaces them: a batch under way may look at them.
    if (const auto it = entries_.find(key); it != entries_.end()) it->second.fresh_until_ms = 0;
  });
}

void RegistryCache::key_into(std::string& out, std::string_view tenant, std::string_view device) {
  out.assign(tenant).append("/").append(device);
}

Task<> RegistryCache::load(pg::Pool& pool, const std::vector<DeviceKey>& keys) {
  const auto now = steady_ms();
  if (entries_.size() > max_entries) entries_.clear();
  std::set<std::pair<std::string_view, std::string_view>> missing;
  std::string key;
  for (const auto& k : keys) {
    key_into(key, k.tenant, k.device);
    const auto it = entries_.find(key);
    if (it == entries_.end() || it->second.fresh_until_ms <= now) missing.emplace(k.tenant, k.device);
  }
  if (missing.empty()) co_return;
  std::vector<std::string> tenants, devices;
  for (const auto& [tenant, device] : missing) {
    tenants.emplace_back(tenant);
    devices.emplace_back(device);
  }
  const auto seen = invalidations_;
  pg::Scope scope;
  scope.role = "pulse_ingest";
  const auto rows =
      co_await pool.query(scope, facts_of_devices, pg::Params::of(tenants, devices));
  // A change that was announced meanwhile may or may not be in the rows: look again next time.
  const auto until = [&](std::int64_t ms) { return seen == invalidations_ ? now + ms : 0; };
  for (std::size_t i = 0; i < tenants.size(); ++i) {
    key_into(key, tenants[i], devices[i]);
    entries_[key] = Entry{nullptr, until(unknown_ms)};
  }
  for (int i = 0; i < rows.rows(); ++i) {
    auto facts = std::make_unique<DeviceFacts>();
    facts->tenant_id = std::string(rows.text(i, 0));
    facts->device_id = std::string(rows.text(i, 1));
    facts->site_id = std::string(rows.text(i, 2));
    facts->status = std::string(rows.text(i, 3));
    facts->subscription_status = std::string(rows.text(i, 4));
    facts->sensor_limit = static_cast<std::size_t>(std::max<std::int64_t>(rows.int64(i, 5), 0));
    for (auto& metric : pg::parse_text_array(rows.text(i, 6)))
      facts->sensor_keys.insert(std::move(metric));
    key_into(key, facts->tenant_id, facts->device_id);
    auto& entry = entries_[key];
    entry.facts = std::move(facts);
    entry.fresh_until_ms = until(known_ms);
  }
}

const DeviceFacts* RegistryCache::find(std::string_view tenant, std::string_view device) const {
  std::string key;
  key_into(key, tenant, device);
  const auto it = entries_.find(key);
  return it == entries_.end() ? nullptr : it->second.facts.get();
}

void RegistryCache::clear() {
  for (auto& [key, entry] : entries_) entry.fresh_until_ms = 0;
}

}  // namespace pulse::fleet
