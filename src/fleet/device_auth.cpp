#include "fleet/device_auth.hpp"

#include <array>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>

#include "fleet/registry_cache.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/json/rules.hpp"
#include "platform/json/write.hpp"
#include "platform/limits.hpp"
#include "platform/log.hpp"

namespace pulse::fleet {

namespace asio = boost::asio;

std::string refusal_of(const DeviceCredentials& d) {
  if (!d.exists) return "UNREGISTERED_DEVICE";
  if (d.subscription_status == "SUSPENDED") return "SUBSCRIPTION_SUSPENDED";
  if (d.subscription_status == "EXPIRED") return "SUBSCRIPTION_EXPIRED";
  if (d.status != "ACTIVE") return "DEVICE_REVOKED";
  return {};
}

const DeviceCredentials::Token* matching_token(const DeviceCredentials& device,
                                               std::string_view secret) {
  if (secret.empty() || secret.size() > 1024) return nullptr;
  const auto hash = crypto::sha256_hex(secret);
  const auto now = now_ms();
  const DeviceCredentials::Token* found = nullptr;
  for (const auto& t : device.tokens)
    if (crypto::equal(t.hash, hash) && (t.expires_ms == 0 || t.expires_ms > now)) found = &t;
  return found;
}

const DeviceCredentials::Certificate* matching_certificate(const DeviceCredentials& device,
                                                           std::string_view fingerprint) {
  for (const auto& c : device.certificates)
    if (!fingerprint.empty() && c.fingerprint == fingerprint) return &c;
  return nullptr;
}

bool credential_lives(const DeviceCredentials& device, std::string_view id) {
  const auto now = now_ms();
  for (const auto& t : device.tokens)
    if (t.id == id) return t.expires_ms == 0 || now < t.expires_ms;
  for (const auto& c : device.certificates)
    if (c.id == id) return c.from_ms <= now && now < c.until_ms;
  return false;
}

namespace {

constexpr std::size_t shard_count = 32;
constexpr std::int64_t stale_ms = 3'600'000;  // how long old facts serve without PostgreSQL
constexpr std::int64_t unknown_ttl_ms = 10'000;
constexpr std::int64_t pause_after_failure_ms = 2'000;
constexpr std::size_t most_in_one_statement = 2'000;
// A door that slows down reserves one message of a device ahead on each of its loops; what all
// devices of a tenant, or all tenants, have reserved is at most what they may send in this time.
constexpr double most_owed_by_device = 256;
constexpr double most_owed_s = 5;

constexpr const char* credentials_of_devices = R"sql(
  SELECT r.tenant_id, r.device_id, r.site_id, r.status, coalesce(s.status, ''),
         coalesce((p.limits ->> 'telemetry_rate_per_minute')::float8, 0),
         coalesce((SELECT jsonb_agg(jsonb_build_array(t.id, t.token_hash,
                          coalesce((extract(epoch FROM t.expires_at) * 1000)::bigint, 0)))
                   FROM device_api_tokens t
                   WHERE t.tenant_id = r.tenant_id AND t.device_id = r.device_id
                     AND t.revoked_at IS NULL
                     AND (t.expires_at IS NULL OR t.expires_at > now())), '[]'),
         coalesce((SELECT jsonb_agg(jsonb_build_array('cert:' || c.id, c.fingerprint_sha256,
                          (extract(epoch FROM c.not_before) * 1000)::bigint,
                          (extract(epoch FROM c.not_after) * 1000)::bigint))
                   FROM device_certificates c
                   WHERE c.tenant_id = r.tenant_id AND c.device_id = r.device_id
                     AND c.status = 'ACTIVE' AND c.not_after > now()), '[]')
  FROM unnest($1::text[], $2::text[]) AS wanted (tenant_id, device_id)
  JOIN device_registry r USING (tenant_id, device_id)
  LEFT JOIN device_plans p ON p.plan_id = r.plan_id
  LEFT JOIN LATERAL (
    SELECT status FROM device_subscriptions d
    WHERE d.tenant_id = r.tenant_id AND d.device_id = r.device_id AND d.status <> 'CANCELLED'
    ORDER BY d.term_start DESC LIMIT 1) s ON true
)sql";

std::string key_of(std::string_view tenant, std::string_view device) {
  std::string key;
  key.reserve(tenant.size() + device.size() + 1);
  return key.append(tenant).append("/").append(device);
}

}  // namespace

struct DeviceAuth::Impl {
  Impl(DeviceAuthOptions o) : options(o), device_rate(o.device) {}
  struct Entry {
    Credentials credentials;
    std::int64_t fresh_until_ms = 0;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<std::string, Entry> entries;
  };
  DeviceAuthOptions options;
  std::array<Shard, shard_count> shards;
  std::atomic<std::uint64_t> invalidations{0}, hits{0}, misses{0}, limited_device{0},
      limited_tenant{0}, limited_global{0};
  mutable std::mutex rate_mutex;
  Rate device_rate;
  TokenBuckets devices{limits::rate_buckets}, tenants{10'000};
  std::unique_ptr<nats::Subscription> subscription;

  Shard& shard(const std::string& key) {
    return shards[std::hash<std::string>()(key) % shard_count];
  }
  Rate rate() const {
    const std::lock_guard lock(rate_mutex);
    return device_rate;
  }
  /// A plan that grants more than the general limit raises it for its devices.
  Rate rate_of(const DeviceCredentials& device) const {
    auto r = rate();
    r.per_second = std::max(r.per_second, device.plan_rate_per_second);
    return r;
  }
  Rate tenant_rate() const { return {options.tenant_per_second, options.tenant_per_second}; }
  Rate global_rate() const { return {options.global_per_second, options.global_per_second}; }
  /// What is known, and whether it is fresh.
  Entry known(const std::string& key) {
    auto& s = shard(key);
    const std::lock_guard lock(s.mutex);
    const auto it = s.entries.find(key);
    return it == s.entries.end() ? Entry{} : it->second;
  }
  void put(const std::string& key, Credentials credentials, std::int64_t fresh_until_ms) {
    auto& s = shard(key);
    const std::lock_guard lock(s.mutex);
    if (s.entries.size() >= limits::device_auth_entries / shard_count && !s.entries.contains(key)) {
      const auto now = steady_ms();
      std::erase_if(s.entries, [&](const auto& e) { return e.second.fresh_until_ms < now; });
      if (s.entries.size() >= limits::device_auth_entries / shard_count)
        s.entries.erase(s.entries.begin());
    }
    s.entries[key] = Entry{std::move(credentials), fresh_until_ms};
  }
  void forget(const std::string& key) {
    ++invalidations;
    auto& s = shard(key);
    const std::lock_guard lock(s.mutex);
    s.entries.erase(key);
  }
};

DeviceAuth::DeviceAuth(nats::Client& nats, asio::any_io_executor executor,
                       DeviceAuthOptions options)
    : impl_(std::make_shared<Impl>(options)) {
  impl_->subscription = nats.subscribe(
      invalidate_subject, "", executor, [weak = std::weak_ptr(impl_)](nats::Message m) {
        const auto self = weak.lock();
        if (!self) return;
        boost::system::error_code ec;
        const auto json = boost::json::parse(m.data, ec);
        if (ec || !json.is_object()) return;
        const auto* tenant = json.as_object().if_contains("tenant_id");
        const auto* device = json.as_object().if_contains("device_id");
        if (tenant && device && tenant->is_string() && device->is_string())
          self->forget(key_of(tenant->get_string(), device->get_string()));
      });
}
DeviceAuth::~DeviceAuth() = default;

std::int64_t DeviceAuth::take(const DeviceCredentials& device, std::size_t messages) {
  auto& self = *impl_;
  const auto key = key_of(device.tenant_id, device.device_id);
  const auto rate = self.rate_of(device), tenant = self.tenant_rate(), global = self.global_rate();
  const auto n = static_cast<double>(messages);
  if (const auto wait = self.devices.take(key, rate, n)) {
    ++self.limited_device;
    return wait;
  }
  if (const auto wait = self.tenants.take(device.tenant_id, tenant, n)) {
    self.devices.give_back(key, rate, n);
    ++self.limited_tenant;
    return wait;
  }
  if (const auto wait = self.tenants.take("", global, n)) {
    self.devices.give_back(key, rate, n);
    self.tenants.give_back(device.tenant_id, tenant, n);
    ++self.limited_global;
    return wait;
  }
  return 0;
}

DeviceAuth::Pace DeviceAuth::reserve(const DeviceCredentials& device) {
  auto& self = *impl_;
  const auto key = key_of(device.tenant_id, device.device_id);
  const auto rate = self.rate_of(device), tenant = self.tenant_rate(), global = self.global_rate();
  const auto of_device = self.devices.reserve(key, rate, most_owed_by_device);
  if (!of_device.taken) return {false, of_device.wait_us};
  const auto of_tenant =
      self.tenants.reserve(device.tenant_id, tenant, tenant.per_second * most_owed_s);
  if (!of_tenant.taken) {
    self.devices.give_back(key, rate);
    return {false, of_tenant.wait_us};
  }
  const auto of_all = self.tenants.reserve("", global, global.per_second * most_owed_s);
  if (!of_all.taken) {
    self.devices.give_back(key, rate);
    self.tenants.give_back(device.tenant_id, tenant);
    return {false, of_all.wait_us};
  }
  const auto wait = std::max({of_device.wait_us, of_tenant.wait_us, of_all.wait_us});
  if (wait > 0)
    ++(wait == of_device.wait_us   ? self.limited_device
       : wait == of_tenant.wait_us ? self.limited_tenant
                                   : self.limited_global);
  return {true, wait};
}

void DeviceAuth::give_back(const DeviceCredentials& device) {
  auto& self = *impl_;
  self.devices.give_back(key_of(device.tenant_id, device.device_id), self.rate_of(device));
  self.tenants.give_back(device.tenant_id, self.tenant_rate());
  self.tenants.give_back("", self.global_rate());
}

void DeviceAuth::forget(const std::string& tenant, const std::string& device) {
  impl_->forget(key_of(tenant, device));
}

void DeviceAuth::set_device_rate(Rate rate) {
  const std::lock_guard lock(impl_->rate_mutex);
  impl_->device_rate = rate;
}

DeviceAuth::Stats DeviceAuth::stats() const {
  Stats s;
  s.hits = impl_->hits;
  s.misses = impl_->misses;
  s.limited_device = impl_->limited_device;
  s.limited_tenant = impl_->limited_tenant;
  s.limited_global = impl_->limited_global;
  for (const auto& shard : impl_->shards) {
    const std::lock_guard lock(shard.mutex);
    s.entries += shard.entries.size();
  }
  s.buckets = impl_->devices.size();
  const auto rate = impl_->rate();
  s.device_rate_rps = rate.per_second;
  s.device_rate_burst = rate.burst;
  s.tenant_rate_rps = impl_->options.tenant_per_second;
  s.global_rate_rps = impl_->options.global_per_second;
  return s;
}

struct DeviceLookup::Impl : std::enable_shared_from_this<DeviceLookup::Impl> {
  /// A device that someone waits for.
  struct Wanted {
    explicit Wanted(const asio::any_io_executor& e) : done(e) {
      done.expires_at(asio::steady_timer::time_point::max());
    }
    std::string tenant, device;
    asio::steady_timer done;  // cancelled when the answer is there
    bool finished = false;
    Credentials answer;
    std::exception_ptr error;
  };
  std::shared_ptr<DeviceAuth> auth;
  pg::Pool* pool = nullptr;
  asio::any_io_executor executor;
  std::unordered_map<std::string, std::shared_ptr<Wanted>> waiting;  // not yet asked for
  std::unordered_map<std::string, std::shared_ptr<Wanted>> asked;
  bool working = false;
  std::int64_t pause_until_ms = 0;

  static Task<> work(std::shared_ptr<Impl> self);
  Task<> ask(std::vector<std::shared_ptr<Wanted>> batch);
};

Task<> DeviceLookup::Impl::ask(std::vector<std::shared_ptr<Wanted>> batch) {
  auto& cache = *auth->impl_;
  std::vector<std::string> tenants, devices;
  for (const auto& w : batch) {
    tenants.push_back(w->tenant);
    devices.push_back(w->device);
  }
  const auto seen = cache.invalidations.load();
  const auto now = steady_ms();
  std::exception_ptr error;
  std::unordered_map<std::string, Credentials> found;
  try {
    pg::Scope scope;
    scope.role = "pulse_ingest";  // devices of any tenant knock at this door
    const auto rows =
        co_await pool->query(scope, credentials_of_devices, pg::Params::of(tenants, devices));
    for (int i = 0; i < rows.rows(); ++i) {
      auto d = std::make_shared<DeviceCredentials>();
      d->exists = true;
      d->tenant_id = std::string(rows.text(i, 0));
      d->device_id = std::string(rows.text(i, 1));
      d->site_id = std::string(rows.text(i, 2));
      d->status = std::string(rows.text(i, 3));
      d->subscription_status = std::string(rows.text(i, 4));
      d->plan_rate_per_second = rows.float8(i, 5) / 60;
      const auto tokens = boost::json::parse(rows.text(i, 6));
      for (const auto& t : tokens.as_array()) {
        const auto& token = t.as_array();
        d->tokens.push_back({std::string(token[0].as_string()), std::string(token[1].as_string()),
                             token[2].to_number<std::int64_t>()});
      }
      const auto certificates = boost::json::parse(rows.text(i, 7));
      for (const auto& c : certificates.as_array()) {
        const auto& of = c.as_array();
        d->certificates.push_back({std::string(of[0].as_string()), std::string(of[1].as_string()),
                                   of[2].to_number<std::int64_t>(),
                                   of[3].to_number<std::int64_t>()});
      }
      found[key_of(d->tenant_id, d->device_id)] = std::move(d);
    }
  } catch (const std::exception& e) {
    // Whatever it is, those who wait must hear it: nobody else would ask for these devices again.
    error = std::current_exception();
    log::error_throttled("devices not looked up", {{"error", e.what()}}, 5);
    pause_until_ms = steady_ms() + pause_after_failure_ms;
  }
  // What was announced meanwhile may not be in the rows: then the answer serves this once only.
  const bool current = seen == cache.invalidations.load();
  for (const auto& w : batch) {
    const auto key = key_of(w->tenant, w->device);
    if (error) {
      w->error = error;
    } else if (const auto it = found.find(key); it != found.end()) {
      w->answer = it->second;
      if (current) cache.put(key, it->second, now + cache.options.ttl_s * 1000);
    } else {
      auto none = std::make_shared<DeviceCredentials>();
      none->tenant_id = w->tenant;
      none->device_id = w->device;
      w->answer = none;
      if (current) cache.put(key, none, now + unknown_ttl_ms);
    }
    w->finished = true;
    asked.erase(key);
    w->done.cancel();
  }
}

Task<> DeviceLookup::Impl::work(std::shared_ptr<Impl> self) {
  while (!self->waiting.empty()) {
    std::vector<std::shared_ptr<Wanted>> batch;
    while (!self->waiting.empty() && batch.size() < most_in_one_statement) {
      auto node = self->waiting.extract(self->waiting.begin());
      batch.push_back(node.mapped());
      self->asked.insert(std::move(node));
    }
    co_await self->ask(std::move(batch));
  }
  self->working = false;
}

DeviceLookup::DeviceLookup(std::shared_ptr<DeviceAuth> auth, pg::Pool& pool,
                           asio::any_io_executor executor)
    : impl_(std::make_shared<Impl>()) {
  impl_->auth = std::move(auth);
  impl_->pool = &pool;
  impl_->executor = std::move(executor);
}
DeviceLookup::~DeviceLookup() = default;

Task<Credentials> DeviceLookup::find(std::string tenant, std::string device) {
  const auto self = impl_;
  // What can't be an id is nobody's: it must neither reach the statement that all waiting devices
  // share, nor take room in the cache.
  static const auto nobody = std::make_shared<const DeviceCredentials>();
  if (!json::matches_identifier(tenant) || !json::matches_identifier(device)) co_return nobody;
  auto& cache = *self->auth->impl_;
  const auto key = key_of(tenant, device);
  const auto known = cache.known(key);
  const auto now = steady_ms();
  if (known.credentials && known.fresh_until_ms > now) {
    cache.hits.fetch_add(1, std::memory_order_relaxed);
    co_return known.credentials;
  }
  cache.misses.fetch_add(1, std::memory_order_relaxed);
  const bool usable = known.credentials && known.fresh_until_ms + stale_ms > now;
  if (usable && self->pause_until_ms > now) co_return known.credentials;
  std::shared_ptr<Impl::Wanted> wanted;
  if (const auto it = self->asked.find(key); it != self->asked.end()) wanted = it->second;
  if (!wanted) {
    auto& slot = self->waiting[key];
    if (!slot) {
      slot = std::make_shared<Impl::Wanted>(self->executor);
      slot->tenant = std::move(tenant);
      slot->device = std::move(device);
    }
    wanted = slot;
    if (!self->working) {
      self->working = true;
      asio::co_spawn(self->executor, Impl::work(self), asio::detached);
    }
  }
  boost::system::error_code ec;
  while (!wanted->finished)
    co_await wanted->done.async_wait(asio::redirect_error(asio::use_awaitable, ec));
  if (wanted->answer) co_return wanted->answer;
  if (usable) co_return known.credentials;
  std::rethrow_exception(wanted->error);
}

void announce_change(nats::Client& nats, std::string_view tenant, std::string_view device) {
  std::string text = "{\"tenant_id\":";
  json::write(text, tenant);
  text += ",\"device_id\":";
  json::write(text, device);
  text += "}";
  nats.publish(invalidate_subject, text);
}

}  // namespace pulse::fleet
