#pragma once
// Access tokens (RFC 7519, RFC 9068) verified against the issuer's keys (RFC 7517).
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "platform/http/endpoint.hpp"
#include "tenancy/caller.hpp"

namespace pulse::tenancy {

/// Gets the issuer's JWKS document. Throws when it can't be had.
using FetchKeys = std::function<Task<std::string>()>;

/// The issuer's public keys. Shared by all loops.
class KeySet {
 public:
  /// Keys are fetched again after `ttl_s` (in the background: known ones go on serving), and once
  /// for an unknown key id, but never more often than every 10 s.
  KeySet(FetchKeys fetch, long ttl_s);
  ~KeySet();
  KeySet(const KeySet&) = delete;

  struct Key;
  /// The key of this id. Throws HttpError 401 "Unknown signing key", or 503 "Auth service
  /// unavailable" while no keys were ever had.
  Task<std::shared_ptr<const Key>> find(std::string key_id);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

struct TokenRules {
  std::string issuer, audience;
  std::int64_t leeway_s = 30;
};

/// Verifies tokens; remembers verified ones (by hash, bounded, until they expire). One per loop.
class TokenVerifier {
 public:
  TokenVerifier(std::shared_ptr<KeySet> keys, TokenRules rules);
  /// The caller that the token names. Throws HttpError: 401 "Invalid token", "Invalid token
  /// claims", "Token expired", "Unknown signing key"; 503.
  Task<Caller> verify(std::string token);

 private:
  std::shared_ptr<KeySet> keys_;
  TokenRules rules_;
  std::unordered_map<std::string, Caller> verified_;
};

}  // namespace pulse::tenancy
