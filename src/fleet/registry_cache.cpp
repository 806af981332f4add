#include "fleet/registry_cache.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "fleet/templates.hpp"
#include "platform/clock.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

constexpr std::int64_t known_ms = 60'000, unknown_ms = 5'000;
constexpr std::size_t max_entries = 500'000;

constexpr const char* facts_of_devices = R"sql(
  SELECT r.tenant_id, r.device_id, r.site_id, r.status, coalesce(s.status, ''),
         coalesce(r.sensor_limit, (p.limits ->> 'sensors')::integer, 20),
         coalesce((SELECT array_agg(k.metric_key) FROM device_sensors k
                   WHERE k.tenant_id = r.tenant_id AND k.device_id = r.device_id), '{}'),
         coalesce((SELECT array_agg(k) FROM device_state d, jsonb_object_keys(d.state_times) k
                   WHERE d.tenant_id = r.tenant_id AND d.device_id = r.device_id), '{}'),
         coalesce((SELECT jsonb_agg(jsonb_build_array(t.id,
                            (extract(epoch FROM t.ends) * 1000)::bigint,
                            coalesce((extract(epoch FROM t.last_used_at) * 1000)::bigint, 0)))
                   FROM (SELECT id::text, least(revoked_at, expires_at) AS ends, last_used_at
                         FROM device_api_tokens k
                         WHERE k.tenant_id = r.tenant_id AND k.device_id = r.device_id
                         UNION ALL
                         SELECT 'cert:' || id, least(revoked_at, not_after), last_used_at
                         FROM device_certificates c
                         WHERE c.tenant_id = r.tenant_id AND c.device_id = r.device_id) t
                   WHERE coalesce(t.ends, now()) > now() - interval '7 days'), '[]'),
         coalesce((SELECT jsonb_object_agg(e.key, e.value)
                   FROM device_modules m, jsonb_each_text(m.metric_key_map) e
                   WHERE m.tenant_id = r.tenant_id AND m.device_id = r.device_id
                     AND m.status = 'active'), '{}'),
         coalesce((p.limits ->> 'health_telemetry_interval_seconds')::integer, 300),
         coalesce(r.template_id, 0)
  FROM unnest($1::text[], $2::text[]) AS wanted (tenant_id, device_id)
  JOIN device_registry r USING (tenant_id, device_id)
  LEFT JOIN device_plans p ON p.plan_id = r.plan_id
  LEFT JOIN LATERAL (
    SELECT status FROM device_subscriptions d
    WHERE d.tenant_id = r.tenant_id AND d.device_id = r.device_id AND d.status <> 'CANCELLED'
    ORDER BY d.term_start DESC LIMIT 1) s ON true
)sql";

std::vector<KnownToken> tokens_of(std::string_view json) {
  std::vector<KnownToken> out;
  const auto list = boost::json::parse(json);
  for (const auto& item : list.as_array()) {
    const auto& fields = item.as_array();
    KnownToken token;
    token.id = std::string(fields[0].as_string());
    if (!fields[1].is_null()) token.ends_ms = fields[1].to_number<std::int64_t>();
    token.last_used_ms = fields[2].to_number<std::int64_t>();
    out.push_back(std::move(token));
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> key_map_of(std::string_view json) {
  std::vector<std::pair<std::string, std::string>> out;
  const auto map = boost::json::parse(json);
  for (const auto& [sent, stored] : map.as_object())
    out.emplace_back(std::string(sent), std::string(stored.as_string()));
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

void KeySet::insert(std::string key) {
  const auto at = std::lower_bound(keys_.begin(), keys_.end(), key);
  if (at == keys_.end() || *at != key) keys_.insert(at, std::move(key));
}

bool KeySet::contains(std::string_view key) const {
  return std::binary_search(keys_.begin(), keys_.end(), key, std::less<>());
}

const KnownToken* DeviceFacts::token(std::string_view id) const {
  for (const auto& t : tokens)
    if (t.id == id) return &t;
  return nullptr;
}

std::string_view DeviceFacts::stored_key(std::string_view sent) const {
  const auto at = std::lower_bound(key_map.begin(), key_map.end(), sent,
                                   [](const auto& entry, auto key) { return entry.first < key; });
  return at != key_map.end() && at->first == sent ? std::string_view(at->second) : sent;
}

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
  templates_ = nats.subscribe(invalidate_template_subject, "", executor,
                              [this](nats::Message m) { forget_template(m.data); });
}

/// The rules stay until `load` replaces them, as facts do.
void RegistryCache::forget_template(std::string_view message) {
  boost::system::error_code ec;
  const auto json = boost::json::parse(message, ec);
  if (ec || !json.is_object()) return;
  const auto* id = json.get_object().if_contains("template_id");
  if (!id || !id->is_int64() || !rules_.contains(id->get_int64())) return;
  ++template_news_;
  templates_wanted_.insert(id->get_int64());
}

void RegistryCache::key_into(std::string& out, std::string_view tenant, std::string_view device) {
  out.assign(tenant).append("/").append(device);
}

bool RegistryCache::is_missing(const DeviceKey& key, std::string& room, std::int64_t now) const {
  key_into(room, key.tenant, key.device);
  const auto it = entries_.find(room);
  if (it == entries_.end() || it->second.fresh_until_ms <= now) return true;
  const auto& facts = it->second.facts;
  return facts && !key.token_id.empty() && !facts->token(key.token_id);
}

Task<> RegistryCache::load(pg::Pool& pool, const std::vector<DeviceKey>& keys) {
  const auto now = steady_ms();
  if (entries_.size() > max_entries) {
    entries_.clear();
    rules_.clear();
    templates_wanted_.clear();
  }
  std::set<std::pair<std::string_view, std::string_view>> missing;
  std::string key;
  for (const auto& k : keys)
    if (is_missing(k, key, now)) missing.emplace(k.tenant, k.device);
  std::vector<std::string> tenants, devices;
  for (const auto& [tenant, device] : missing) {
    tenants.emplace_back(tenant);
    devices.emplace_back(device);
  }
  if (!missing.empty()) co_await load_facts(pool, std::move(tenants), std::move(devices));
  if (!templates_wanted_.empty()) co_await load_rules(pool);
}

Task<> RegistryCache::load_facts(pg::Pool& pool, std::vector<std::string> tenants,
                                 std::vector<std::string> devices) {
  const auto now = steady_ms();
  std::string key;
  const auto seen = invalidations_;
  pg::Scope scope;
  scope.role = "pulse_ingest";
  const auto rows = co_await pool.query(scope, facts_of_devices, pg::Params::of(tenants, devices));
  // A change that was announced meanwhile may or may not be in the rows: look again next time.
  const auto until = [&](std::int64_t ms) { return seen == invalidations_ ? now + ms : 0; };
  // What only this process knows of a device outlives its facts.
  std::unordered_map<std::string, std::unique_ptr<DeviceFacts>> before;
  for (std::size_t i = 0; i < tenants.size(); ++i) {
    key_into(key, tenants[i], devices[i]);
    auto& entry = entries_[key];
    if (entry.facts) before.emplace(key, std::move(entry.facts));
    entry = Entry{nullptr, until(unknown_ms)};
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
    for (auto& metric : pg::parse_text_array(rows.text(i, 7)))
      facts->state_keys.insert(std::move(metric));
    facts->tokens = tokens_of(rows.text(i, 8));
    facts->key_map = key_map_of(rows.text(i, 9));
    facts->health_interval_s = rows.int64(i, 10);
    key_into(key, facts->tenant_id, facts->device_id);
    facts->template_id = rows.int64(i, 11);
    if (const auto it = before.find(key); it != before.end()) {
      facts->last_health_us = it->second->last_health_us;
      if (it->second->template_id == facts->template_id)
        facts->faults = std::move(it->second->faults);
    }
    if (facts->template_id != 0) {
      const auto& rules = rules_[facts->template_id];
      if (rules.fresh_until_ms <= now) templates_wanted_.insert(facts->template_id);
      facts->rules = rules.rules;
    }
    auto& entry = entries_[key];
    entry.facts = std::move(facts);
    entry.fresh_until_ms = until(known_ms);
  }
}

Task<> RegistryCache::load_rules(pg::Pool& pool) {
  const std::vector<std::int64_t> wanted(templates_wanted_.begin(), templates_wanted_.end());
  const auto seen = template_news_;
  pg::Scope scope;
  scope.role = "pulse_ingest";
  const auto rows = co_await pool.query(
      scope, "SELECT * FROM template_metrics WHERE template_id = ANY ($1::integer[])",
      pg::Params::of(wanted));
  std::unordered_map<std::int64_t, std::vector<TemplateMetric>> metrics;
  for (auto& metric : pg::rows_as<TemplateMetric>(rows))
    metrics[metric.template_id].push_back(std::move(metric));
  for (const auto id : wanted) {
    auto& entry = rules_[id];
    *entry.rules = rules_of(metrics[id]);
    entry.fresh_until_ms = steady_ms() + known_ms;
  }
  // A change that was announced meanwhile may or may not be in the rows: look again next time.
  if (seen == template_news_) templates_wanted_.clear();
}

const DeviceFacts* RegistryCache::find(std::string_view tenant, std::string_view device) const {
  std::string key;
  key_into(key, tenant, device);
  const auto it = entries_.find(key);
  return it == entries_.end() ? nullptr : it->second.facts.get();
}

void RegistryCache::expire(const DeviceFacts& device) {
  std::string key;
  key_into(key, device.tenant_id, device.device_id);
  if (const auto it = entries_.find(key); it != entries_.end()) it->second.fresh_until_ms = 0;
}

DeviceFacts* RegistryCache::known(const DeviceFacts& device) {
  std::string key;
  key_into(key, device.tenant_id, device.device_id);
  const auto it = entries_.find(key);
  return it == entries_.end() ? nullptr : it->second.facts.get();
}

void RegistryCache::token_used(const DeviceFacts& device, std::string_view token_id,
                               std::int64_t epoch_ms) {
  auto* facts = known(device);
  if (!facts) return;
  for (auto& token : facts->tokens)
    if (token.id == token_id) token.last_used_ms = std::max(token.last_used_ms, epoch_ms);
}

void RegistryCache::health_kept(const DeviceFacts& device, std::int64_t event_us) {
  if (auto* facts = known(device))
    facts->last_health_us = std::max(facts->last_health_us, event_us);
}

void RegistryCache::faults_noted(const DeviceFacts& device, TemplateFaults faults) {
  if (auto* facts = known(device)) facts->faults = std::move(faults);
}

void RegistryCache::clear() {
  for (const auto& [id, rules] : rules_) templates_wanted_.insert(id);
  for (auto& [key, entry] : entries_) entry.fresh_until_ms = 0;
}

}  // namespace pulse::fleet
