#pragma once
// What the loops of one process share.
#include <atomic>
#include <memory>
#include <string>

#include "alerting/deps.hpp"
#include "connectivity/deps.hpp"
#include "fleet/connection_log.hpp"
#include "fleet/device_auth.hpp"
#include "fleet/device_ca.hpp"
#include "identity/directory.hpp"
#include "identity/keycloak_admin.hpp"
#include "platform/config.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/http/client.hpp"
#include "platform/loop.hpp"
#include "platform/mail/mailer.hpp"
#include "platform/metrics/metrics.hpp"
#include "platform/nats/client.hpp"
#include "platform/pg/pool.hpp"
#include "platform/storage/storage.hpp"
#include "platform/token_bucket.hpp"
#include "telemetry/ingest_worker.hpp"
#include "telemetry/live_api.hpp"
#include "tenancy/audit.hpp"
#include "tenancy/authenticator.hpp"
#include "tenancy/guard.hpp"
#include "tenancy/request_limits.hpp"

namespace pulse::gateway {

/// Which roles this process runs.
struct Roles {
  bool gateway = false, mqtt = false, ingest = false, evaluator = false, notifier = false,
       delivery = false, ops = false;
};
Roles roles_of(const Config& config);

/// The embedded issuer or an outside one, as the rest of the gateway sees it.
struct IdentityParts {
  std::shared_ptr<tenancy::KeySet> keys;
  /// Adds the issuer's endpoints to a loop's router; unset with an outside issuer.
  std::function<void(http::Router&, pg::Pool&)> mount;
  /// False until the embedded issuer can sign. Unset with an outside issuer.
  std::function<bool()> ready;
  /// Keeps the issuer's keys fresh; runs on the base loop for ever. Unset with an outside issuer.
  std::function<Task<>(pg::Pool&)> maintain;
  /// The people, for a loop: its pool and executor.
  std::function<std::shared_ptr<identity::Directory>(pg::Pool&, boost::asio::any_io_executor)>
      directory;
};

/// Shared by all loops; everything in it is thread-safe or used on the base loop only.
struct Process {
  explicit Process(const Config& config_);
  ~Process();

  /// Ends requests to others as `closed`: while the loops that wait for them still exist.
  void stop_outbound();

  const Config& config;
  Roles roles;
  std::string version;
  metrics::Registry metrics;
  nats::Client nats;
  crypto::Sealer sealer;
  http::OutboundClient outbound;
  http::OutboundClient carrier_http;  ///< its own, so that a slow carrier holds up nobody else
  http::OutboundClient notify_http;   ///< of notifications
  std::shared_ptr<boost::asio::thread_pool> notify_threads;  ///< likewise, for what blocks
  std::shared_ptr<mail::Mailer> mailer;
  Loop base{"base"};               ///< audit, connection log, periodic jobs
  std::unique_ptr<pg::Pool> pool;  ///< of the base loop
  std::shared_ptr<tenancy::AuditLog> audit;
  std::shared_ptr<fleet::ConnectionLog> connections;
  std::shared_ptr<fleet::DeviceAuth> devices;
  std::shared_ptr<fleet::DeviceCa> device_ca;  ///< null: none configured
  std::shared_ptr<TokenBuckets> creates;
  std::shared_ptr<tenancy::FailureLimit> auth_failures, device_failures, provision_failures;
  std::shared_ptr<tenancy::Memberships> memberships;
  std::shared_ptr<tenancy::ApiTokens> api_tokens;
  std::shared_ptr<tenancy::Revocations> revocations;
  std::shared_ptr<tenancy::RequestLimits> request_limits;
  std::shared_ptr<telemetry::LiveCounter> live_counter;
  std::shared_ptr<telemetry::TicketOffice> tickets;
  std::shared_ptr<const connectivity::CarrierAccess> carriers;
  std::shared_ptr<storage::LocalStorage> local_files;  ///< null when objects are in S3
  std::shared_ptr<storage::Storage> files;
  IdentityParts identity;
  std::atomic<bool> migrated{false}, streams_ready{false}, stopping{false};
  const telemetry::IngestStats* ingest = nullptr;  ///< when this process runs the role
};

telemetry::IngestSettings ingest_settings(const Config& config);
/// {issuer}/realms/{realm} as browsers see it.
std::string public_issuer(const Config& config);
/// The same as this process reaches it.
std::string internal_issuer(const Config& config);

/// What the endpoints and the workers of alerts work with.
alerting::AlertingDeps alerting_deps(Process& process);

/// What the endpoints and the job of carriers work with.
connectivity::ConnectivityDeps connectivity_deps(Process& process);

/// How Pulse reaches Keycloak's Admin API.
identity::KeycloakSettings keycloak_settings(const Config& config);
/// The identity of PULSE_IDENTITY.
IdentityParts make_identity(Process& process);

}  // namespace pulse::gateway
