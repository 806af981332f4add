#pragma once
// What the handlers of this room work with.
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <string>

#include "platform/crypto/crypto.hpp"
#include "platform/http/client.hpp"
#include "platform/http/router.hpp"
#include "platform/mail/mailer.hpp"
#include "platform/metrics/metrics.hpp"
#include "platform/nats/client.hpp"
#include "platform/pg/pool.hpp"
#include "tenancy/audit.hpp"

namespace pulse::alerting {

struct AlertingDeps {
  pg::Pool* pool = nullptr;  ///< of the loop, for what no caller is known of; endpoints only
  std::shared_ptr<tenancy::AuditLog> audit;
  nats::Client* nats = nullptr;
  const crypto::Sealer* sealer = nullptr;
  http::OutboundClient* http = nullptr;    ///< of notifications: its own threads
  std::vector<std::string> private_hosts;  ///< host:port that may be private (development)
  std::shared_ptr<boost::asio::thread_pool> threads;  ///< of notifications: for what blocks
  std::shared_ptr<mail::Mailer> mailer;
  metrics::Registry* metrics = nullptr;
  std::string ui_base;  ///< for links back
};

/// Tells the tenant's open pages that its `what` (alerts, rules, ...) changed: they ask anew.
inline void tell_pages(const AlertingDeps& d, const std::string& tenant, const std::string& what) {
  d.nats->publish("live." + tenant, "{\"type\":\"changed\",\"what\":\"" + what + "\"}");
}

/// Every endpoint of this room (mount.cpp).
void mount(http::Router& api, const AlertingDeps& deps);

}  // namespace pulse::alerting
