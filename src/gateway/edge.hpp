#pragma once
// What happens to every request before and after its handler: request id, the caller's address,
// CORS, CSRF, security headers.
#include <string>
#include <vector>

#include "platform/http/router.hpp"
#include "tenancy/guard.hpp"

namespace pulse::gateway {

struct EdgeSettings {
  std::vector<tenancy::Network> trusted_proxies;
  std::vector<std::string> cors_origins;
  bool secure_cookies = false;
  std::string connect_sources;  ///< further CSP connect-src, e.g. an issuer elsewhere
};

/// Answers a request through the router, with everything around it.
Task<http::Response> serve_at_edge(const EdgeSettings& settings, http::Router& router,
                                   http::Request& request);

/// What this adds to an operation of the OpenAPI document: its answers and headers.
void describe_edge(const http::EndpointSpec& spec, boost::json::object& responses);

}  // namespace pulse::gateway
