#pragma once
// Browser sessions: sign-in by the authorization code flow on the server, tokens in HttpOnly
// cookies.
#include <memory>
#include <string>

#include "platform/http/client.hpp"
#include "platform/http/router.hpp"
#include "tenancy/audit.hpp"
#include "tenancy/authenticator.hpp"

namespace pulse::gateway {

struct SessionDeps {
  std::string ui_base;          ///< UI_BASE_URL
  std::string issuer_public;    ///< {public URL}/realms/{realm}, as browsers reach it
  std::string issuer_internal;  ///< the same as we reach it
  std::string client_id = "pulse-ui";
  bool secure_cookies = false;
  std::int64_t refresh_seconds = 5;    ///< UI_REFRESH_SECONDS: how often pages ask while not live
  std::shared_ptr<http::Client> http;  ///< of the loop
  std::shared_ptr<tenancy::Authenticator> tokens;  ///< of the loop
  std::shared_ptr<tenancy::AuditLog> audit;
  bool issuer_tells_sessions = false;  ///< the embedded issuer writes them to the same log
};

/// /login, /callback, /logout, /api/auth/status, /api/auth/refresh.
void mount_session(http::Router& api, SessionDeps deps);

}  // namespace pulse::gateway
