#pragma once
// Tokens of people and machines for the interface: "pulse_pat_..." of a person, "pulse_svc_..." of
// a service account. Stored as SHA-256; looked up at the door before any tenant is known.
#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "platform/nats/client.hpp"
#include "platform/pg/pool.hpp"
#include "tenancy/caller.hpp"

namespace pulse::tenancy {

/// True for what has the form of such a token; anything else is taken for a JWT.
bool looks_like_api_token(std::string_view token);

struct NewApiToken {
  std::string secret;  ///< shown once
  std::string hash, hint;
};
/// `kind`: "pat" or "svc".
NewApiToken make_api_token(std::string_view kind);

class AuditLog;

/// The cache of tokens. Shared by all loops; thread-safe.
class ApiTokens {
 public:
  /// `audit` hears of each token's use and refusal, at most once an hour from an address, and of
  /// tokens that nobody has, at most once a minute from an address.
  ApiTokens(nats::Client& nats, boost::asio::any_io_executor executor,
            std::shared_ptr<AuditLog> audit);
  ~ApiTokens();

  /// The caller whose token this is, through the caller's loop's pool: `by_api_token` holds its id,
  /// `scopes` its permissions. A person's roles are the person's tenant roles. Notes the use, at
  /// most once a minute. Throws HttpError 401 "Invalid token" or "Token expired"; pg::Error.
  Task<Caller> verify(pg::Pool& pool, std::string token, std::string client_address);
  /// The same for a caller who was verified before and stayed: throws when the token has ended.
  Task<> recheck(pg::Pool& pool, const Caller& caller, std::string client_address);
  /// After a token or its owner changed: forgets in all processes. Empty: all tokens.
  void changed(const std::string& token_id = {});

 private:
  struct Impl;
  Task<> tell_unknown(std::string client_address);
  Task<> tell(Caller caller, std::string name, bool refused, std::string client_address);
  Task<Caller> verify_hash(pg::Pool& pool, std::string hash, std::string client_address);
  std::shared_ptr<Impl> impl_;
};

}  // namespace pulse::tenancy
