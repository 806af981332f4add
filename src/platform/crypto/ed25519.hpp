#pragma once
// Ed25519 signatures (RFC 8032) by OpenSSL.
#include <optional>
#include <string>
#include <string_view>

namespace pulse::crypto {

/// The 32 bytes of a public key, from PEM (SubjectPublicKeyInfo) or base64 of the bytes; nothing
/// when it is neither.
std::optional<std::string> ed25519_public_key(std::string_view text);
/// Whether `signature` (64 bytes) of `message` was made by the owner of the key.
bool ed25519_fits(std::string_view public_key, std::string_view message,
                  std::string_view signature);

}  // namespace pulse::crypto
