#pragma once
// Devices at the door: who they are, whether they may send, and how fast. A cache shared by all
// loops; each loop looks up through its own pool, many misses in one statement.
#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "platform/nats/client.hpp"
#include "platform/pg/pool.hpp"
#include "platform/token_bucket.hpp"

namespace pulse::fleet {

/// A device as the door sees it. `exists` false: there is no such device (remembered, too).
struct DeviceCredentials {
  bool exists = false;
  std::string tenant_id, device_id, site_id, status, subscription_status;
  struct Token {
    std::string id, hash;         ///< SHA-256, hex
    std::int64_t expires_ms = 0;  ///< epoch; 0: never
  };
  std::vector<Token> tokens;  ///< live ones
  struct Certificate {
    std::string id;                          ///< "cert:{id}", unlike every token's
    std::string fingerprint;                 ///< SHA-256, hex
    std::int64_t from_ms = 0, until_ms = 0;  ///< epoch
  };
  std::vector<Certificate> certificates;  ///< neither revoked nor expired
  double plan_rate_per_second = 0;        ///< of the device's plan; 0: none
};
using Credentials = std::shared_ptr<const DeviceCredentials>;

/// Why a device may not send, or empty: UNREGISTERED_DEVICE, DEVICE_REVOKED,
/// SUBSCRIPTION_SUSPENDED, SUBSCRIPTION_EXPIRED.
std::string refusal_of(const DeviceCredentials& device);

/// The live token that `secret` is, or nullptr. Every token is compared, in constant time.
const DeviceCredentials::Token* matching_token(const DeviceCredentials& device,
                                               std::string_view secret);

/// The certificate with that fingerprint, or nullptr; the caller looks at its time.
const DeviceCredentials::Certificate* matching_certificate(const DeviceCredentials& device,
                                                           std::string_view fingerprint);

/// True while a token or certificate, by its id, may still be used.
bool credential_lives(const DeviceCredentials& device, std::string_view id);

struct DeviceAuthOptions {
  long ttl_s = 60;
  Rate device{5, 20};
  double tenant_per_second = 50'000, global_per_second = 200'000;
};

/// The shared cache and the rate limits. Thread-safe.
class DeviceAuth {
 public:
  /// Changes are announced on NATS (invalidate_subject) and take effect at once.
  DeviceAuth(nats::Client& nats, boost::asio::any_io_executor executor, DeviceAuthOptions options);
  ~DeviceAuth();

  /// Milliseconds until the device may send `messages` more; 0: now, and they are counted against
  /// the device, its tenant and all together. Otherwise nothing is counted.
  std::int64_t take(const DeviceCredentials& device, std::size_t messages = 1);
  /// For a door that slows down instead of refusing. `counted`: the next message is, and may go on
  /// in `wait_us` from now. Otherwise too many wait already: ask again after `wait_us`.
  struct Pace {
    bool counted = true;
    std::int64_t wait_us = 0;
  };
  Pace reserve(const DeviceCredentials& device);
  /// A message that was reserved for is not sent.
  void give_back(const DeviceCredentials& device);
  /// Looks the device up anew the next time; this process only (announce_change tells the others).
  void forget(const std::string& tenant, const std::string& device);
  /// Changed by app_settings (RATE_LIMIT_RPS, RATE_LIMIT_BURST).
  void set_device_rate(Rate rate);

  struct Stats {
    std::uint64_t hits = 0, misses = 0, limited_device = 0, limited_tenant = 0, limited_global = 0;
    std::size_t entries = 0, buckets = 0;
    double device_rate_rps = 0, device_rate_burst = 0, tenant_rate_rps = 0, global_rate_rps = 0;
  };
  Stats stats() const;

 private:
  friend class DeviceLookup;
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

/// One loop's way to the cache.
class DeviceLookup {
 public:
  DeviceLookup(std::shared_ptr<DeviceAuth> auth, pg::Pool& pool,
               boost::asio::any_io_executor executor);
  ~DeviceLookup();
  /// Known and fresh: at once. Otherwise one statement fetches all that are asked for meanwhile.
  /// While PostgreSQL does not answer, what was known (for up to an hour) goes on; what was not
  /// known throws pg::Error.
  Task<Credentials> find(std::string tenant, std::string device);

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

/// Tells all processes that a device changed.
void announce_change(nats::Client& nats, std::string_view tenant, std::string_view device);

}  // namespace pulse::fleet
