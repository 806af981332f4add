#pragma once
// The one door for access tokens: every endpoint, page and socket that takes one asks here, so that
// failures count together whatever the door.
#include <memory>
#include <string>

#include "tenancy/api_tokens.hpp"
#include "tenancy/guard.hpp"
#include "tenancy/revocations.hpp"
#include "tenancy/token.hpp"

namespace pulse::tenancy {

struct AuthenticatorDeps {
  pg::Pool* pool = nullptr;               ///< of the loop
  std::shared_ptr<TokenVerifier> tokens;  ///< of the loop
  std::shared_ptr<ApiTokens> api_tokens;  ///< of the process, as all below
  std::shared_ptr<Revocations> revocations;
  std::shared_ptr<FailureLimit> failures;
};

/// One per loop.
class Authenticator {
 public:
  explicit Authenticator(AuthenticatorDeps deps) : d_(std::move(deps)) {}

  /// The caller that an access token or API token names. Throws HttpError: 429 "Too many auth
  /// attempts" when the address has failed too often; 401 and 503 as TokenVerifier and ApiTokens,
  /// and 401 "Session ended" for what was revoked. An expired token is a browser's everyday life,
  /// no attack: it does not count.
  Task<Caller> verify(std::string token, std::string client_address);
  /// Throws HttpError 429 as `verify` would for whatever comes from this address.
  void require_good_address(const std::string& client_address) const;
  /// For connections that outlive their request: throws HttpError 401 when what the caller was let
  /// in by has expired or was revoked since.
  Task<> recheck(const Caller& caller, std::string client_address);

 private:
  Task<Caller> identify(std::string token, std::string client_address);
  AuthenticatorDeps d_;
};

}  // namespace pulse::tenancy
