#pragma once
// identity: the embedded OIDC issuer for one machine. Owns: schema identity (users, sessions,
// codes, signing keys). Calls: tenancy, platform.
//
// Signing keys: RSA 2048, sealed in the database, rotated; RS256 signatures; the JWKS document.
#include <boost/json/object.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "platform/crypto/crypto.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::identity {

/// The issuer's keys. Thread-safe; shared by all loops.
class KeyStore {
 public:
  explicit KeyStore(const crypto::Sealer& sealer);
  ~KeyStore();

  /// Loads the keys; makes the first one; makes a new one after 30 days and forgets those that no
  /// living token can carry (a day after the next one came). Throws pg::Error, crypto::Error
  /// (PULSE_SECRET_KEY is missing or another).
  Task<> refresh(pg::Pool& pool);
  bool ready() const;
  /// A signed JWT (RFC 7515, compact form) of these claims (JSON text).
  std::string sign(const std::string& claims) const;
  /// The claims of a JWT that one of these keys signed, expired or not; nothing for any other text.
  std::optional<boost::json::object> claims_of(const std::string& token) const;
  /// The JWKS document (RFC 7517).
  std::string jwks() const;

  struct Key;

 private:
  std::vector<std::shared_ptr<const Key>> snapshot() const;
  const crypto::Sealer& sealer_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<const Key>> keys_;  // newest first
};

}  // namespace pulse::identity
