#pragma once
// fleet: devices and what belongs to them. Owns: tables sites, device_registry, device_tags,
// device_state (its registry side), device_sensors, device_api_tokens, device_templates,
// device_subscriptions, device_connection_events. Calls: tenancy, platform.
//
// The registry as the ingest worker needs it: what decides whether a message may be stored.
#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fleet/template_rules.hpp"
#include "platform/nats/client.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::fleet {

/// Names in order. A fleet has millions of them, and a tree would double their room.
class KeySet {
 public:
  void insert(std::string key);
  bool contains(std::string_view key) const;
  std::size_t size() const { return keys_.size(); }

 private:
  std::vector<std::string> keys_;
};

/// What the ids of certificates begin with, where those of tokens stand too: "cert:{id}".
inline constexpr std::string_view certificate_prefix = "cert:";

/// A token or a certificate of a device, live or ended.
struct KnownToken {
  std::string id;
  std::int64_t ends_ms = INT64_MAX;  ///< epoch: revoked, expired or about to
  std::int64_t last_used_ms = 0;     ///< epoch, as stored; 0: never
  bool live_at(std::int64_t epoch_ms) const { return epoch_ms < ends_ms; }
};

/// What a device's messages broke of its template lately, as this process has counted it.
struct TemplateFaults {
  std::string metric_key, problem, message;  ///< of the last one
  std::int64_t last_ms = 0;                  ///< when it came in, epoch
  std::int64_t count = 0;                    ///< those that are in no table yet
  std::int64_t written_ms = 0;               ///< when they were written last
};

/// What a message's fate depends on.
struct DeviceFacts {
  std::string tenant_id, device_id, site_id;
  std::string status;               ///< of the registry: ACTIVE, REVOKED, ...
  std::string subscription_status;  ///< empty: no subscription
  KeySet sensor_keys;
  KeySet state_keys;               ///< metrics that have a latest value
  std::size_t sensor_limit = 20;   ///< own, else the plan's, else 20
  std::vector<KnownToken> tokens;  ///< those that ended long ago are left out
  /// Names of metrics as the device's modules send them, and as they are stored; by the first.
  std::vector<std::pair<std::string, std::string>> key_map;
  std::int64_t health_interval_s = 300;        ///< of the plan: health is kept no more often
  std::int64_t last_health_us = 0;             ///< event time of what was kept; 0: nothing yet
  std::int64_t template_id = 0;                ///< 0: none
  std::shared_ptr<const TemplateRules> rules;  ///< of its template; null: none
  TemplateFaults faults;
  /// The name under which a metric is stored.
  std::string_view stored_key(std::string_view sent) const;
  /// Null when there is no such token.
  const KnownToken* token(std::string_view id) const;
};

struct DeviceKey {
  std::string_view tenant, device;
  std::string_view token_id;  ///< by which it came in; may be empty
};

/// Subject of the core NATS message {"tenant_id","device_id"} that says: this device changed.
inline constexpr const char* invalidate_subject = "pulse.invalidate.device";

/// Facts of devices, loaded in batches. Used on one loop, by one worker: `load` may replace facts,
/// everything else leaves them where they are, so pointers from `find` hold until the next `load`.
class RegistryCache {
 public:
  RegistryCache(nats::Client& nats, boost::asio::any_io_executor executor);
  /// Makes sure that each key's facts (or that there is no such device) are known and fresh. Facts
  /// that lack the key's token are not: it may be newer than they are. One statement for all that
  /// are missing. Throws pg::Error.
  Task<> load(pg::Pool& pool, const std::vector<DeviceKey>& keys);
  /// Null when there is no such device.
  const DeviceFacts* find(std::string_view tenant, std::string_view device) const;
  /// Everything is looked up again at the next `load`.
  void clear();
  /// This device is.
  void expire(const DeviceFacts& device);
  /// The token's last use was stored.
  void token_used(const DeviceFacts& device, std::string_view token_id, std::int64_t epoch_ms);
  /// The device's health was stored.
  void health_kept(const DeviceFacts& device, std::int64_t event_us);
  /// What was broken of the device's template was counted, or stored.
  void faults_noted(const DeviceFacts& device, TemplateFaults faults);

 private:
  struct Rules {
    std::shared_ptr<TemplateRules> rules = std::make_shared<TemplateRules>();
    std::int64_t fresh_until_ms = 0;  // steady
  };
  Task<> load_facts(pg::Pool& pool, std::vector<std::string> tenants,
                    std::vector<std::string> devices);
  Task<> load_rules(pg::Pool& pool);
  void forget_template(std::string_view message);
  struct Entry {
    std::unique_ptr<DeviceFacts> facts;  // null: no such device
    std::int64_t fresh_until_ms = 0;     // steady
  };
  bool is_missing(const DeviceKey& key, std::string& room, std::int64_t now) const;
  DeviceFacts* known(const DeviceFacts& device);
  static void key_into(std::string& out, std::string_view tenant, std::string_view device);
  std::unordered_map<std::string, Entry> entries_;
  std::uint64_t invalidations_ = 0;
  // Facts point to the rules of their template, which change in place.
  std::unordered_map<std::int64_t, Rules> rules_;
  std::set<std::int64_t> templates_wanted_;
  std::uint64_t template_news_ = 0;
  std::unique_ptr<nats::Subscription> subscription_, templates_;
};

}  // namespace pulse::fleet
