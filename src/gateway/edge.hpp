#pragma once
// What happens to every request before and after its handler: request id, the caller's address,
// CORS, CSRF, security headers.
#include <optional>
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

/// Judges a request by its head: client, CORS preflight, CSRF, then the router's access check. An
/// answer ends the request, with its body unread; nothing: serve_at_edge may have it whole.
Task<std::optional<http::Response>> admit_at_edge(const EdgeSettings& settings,
                                                  http::Router& router, http::Request& head);

/// Answers an admitted request through the router, with everything around it.
Task<http::Response> serve_at_edge(const EdgeSettings& settings, http::Router& router,
                                   http::Request& request);

/// What this adds to an operation of the OpenAPI document: its answers and headers.
void describe_edge(const http::EndpointSpec& spec, boost::json::object& responses);

}  // namespace pulse::gateway
