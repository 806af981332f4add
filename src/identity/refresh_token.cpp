#include "identity/refresh_token.hpp"

#include "platform/crypto/crypto.hpp"

namespace pulse::identity {

namespace {

std::string tag_of(std::string_view key, std::string_view body) {
  return crypto::base64url(crypto::hmac_sha256(key, "refresh tag " + std::string(body)));
}

std::string tagged(std::string_view key, const std::string& session_id, std::string_view secret) {
  const auto body = session_id + "." + crypto::base64url(secret);
  return body + "." + tag_of(key, body);
}

}  // namespace

std::string first_refresh_token(std::string_view key, const std::string& session_id) {
  return tagged(key, session_id, crypto::random_bytes(32));
}

std::string next_refresh_token(std::string_view key, const std::string& session_id,
                               std::string_view token) {
  return tagged(key, session_id, crypto::hmac_sha256(key, "refresh next " + std::string(token)));
}

std::optional<std::string> session_of_token(std::string_view key, std::string_view token) {
  const auto first = token.find('.');
  const auto last = token.rfind('.');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  if (!crypto::equal(token.substr(last + 1), tag_of(key, token.substr(0, last))))
    return std::nullopt;
  return std::string(token.substr(0, first));
}

}  // namespace pulse::identity
