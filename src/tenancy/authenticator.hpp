#pragma once
// The one door for access tokens: every endpoint, page and socket that takes one asks here, so that
// failures count together whatever the door.
#include <memory>
#include <string>

#include "tenancy/guard.hpp"
#include "tenancy/token.hpp"

namespace pulse::tenancy {

/// One per loop.
class Authenticator {
 public:
  Authenticator(std::shared_ptr<TokenVerifier> tokens, std::shared_ptr<FailureLimit> failures)
      : tokens_(std::move(tokens)), failures_(std::move(failures)) {}

  /// The caller that the token names. Throws HttpError: 429 "Too many auth attempts" when the address
  /// has failed too often, 401 and 503 as TokenVerifier. An expired token is a browser's everyday
  /// life, no attack: it does not count.
  Task<Caller> verify(std::string token, std::string client_address);

 private:
  std::shared_ptr<TokenVerifier> tokens_;    // of the loop
  std::shared_ptr<FailureLimit> failures_;   // of the process
};

}  // namespace pulse::tenancy
