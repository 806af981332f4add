#pragma once
#include <memory>

#include "gateway/process.hpp"
#include "platform/http/router.hpp"

namespace pulse::gateway {

struct HealthDeps {
  Process* process = nullptr;
  pg::Pool* pool = nullptr;  ///< of the loop
  std::shared_ptr<tenancy::Authenticator> tokens;
};

/// /health, /healthz, /readyz, /api/v1/health, /metrics, /debug/auth.
void mount_health(http::Router& api, HealthDeps deps);

/// Gauges of the process that are read at each scrape.
void register_gauges(Process& process);
/// Refreshes the fleet's gauges on a timer, never by a count per scrape. For the base loop.
Task<> refresh_fleet_gauges(Process& process);

}  // namespace pulse::gateway
