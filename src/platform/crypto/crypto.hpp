#pragma once
// Hashes, random tokens, constant-time comparison, sealing of secrets. All by OpenSSL.
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace pulse::crypto {

/// The cryptographic library refused, or a key is unusable.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// `bytes` random bytes of the system's generator.
std::string random_bytes(std::size_t bytes);
/// `bytes` random bytes as base64url without padding (RFC 4648, 5).
std::string random_token(std::size_t bytes);

/// Raw digest, 32 bytes.
std::string sha256(std::string_view data);
/// Digest as 64 lower-case hex digits.
std::string sha256_hex(std::string_view data);
/// HMAC-SHA-256 (RFC 2104), raw, 32 bytes.
std::string hmac_sha256(std::string_view key, std::string_view data);

std::string hex(std::string_view bytes);
/// Nothing when it is not hex of even length.
std::optional<std::string> from_hex(std::string_view text);
/// base64url without padding (RFC 4648, 5).
std::string base64url(std::string_view bytes);
/// Accepts both alphabets, padded or not; nothing when malformed.
std::optional<std::string> from_base64(std::string_view text);

/// Equality in a time that depends on the lengths only.
bool equal(std::string_view a, std::string_view b);

/// Seals secrets at rest: AES-256-GCM, random nonce, key id in front. Keys rotate: the first seals,
/// all open.
class Sealer {
 public:
  /// Keys of 32 bytes, newest first, in hex or base64url. Throws Error for anything else; empty: a
  /// sealer that refuses to work (`ready` is false).
  explicit Sealer(const std::vector<std::string>& keys);
  bool ready() const { return !keys_.empty(); }
  /// "v1.<key id>.<base64url of nonce, ciphertext, tag>". `context` is authenticated with it, so
  /// that a sealed text can't be moved to another place.
  std::string seal(std::string_view plain, std::string_view context) const;
  /// Throws Error when no key fits or the text was changed.
  std::string open(std::string_view sealed, std::string_view context) const;

 private:
  struct Key {
    std::string id, bytes;
  };
  std::vector<Key> keys_;
};

/// An argon2id hash in its encoded form (RFC 9106: 19 MiB, 2 passes, 1 lane). Slow by design: run
/// it off the loops.
std::string hash_password(std::string_view password);
/// True when `password` fits the encoded hash.
bool password_fits(std::string_view password, const std::string& encoded);

}  // namespace pulse::crypto
