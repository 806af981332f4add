#include "identity/refresh_token.hpp"

#include <boost/json.hpp>

#include "platform/crypto/crypto.hpp"
#include "platform/json/write.hpp"

namespace pulse::identity {

namespace {

/// The key signs other things too: nothing signed for one purpose may serve another.
std::string signature_of(std::string_view key, std::string_view body) {
  const auto own = crypto::hmac_sha256(key, "pulse refresh tokens");
  return crypto::base64url(crypto::hmac_sha256(own, body));
}

std::string made(std::string_view key, const std::string& session_id, std::string_view secret) {
  const boost::json::object payload{
      {"typ", "Refresh"}, {"sid", session_id}, {"jti", crypto::base64url(secret)}};
  const auto body = crypto::base64url(R"({"alg":"HS256","typ":"JWT"})") + "." +
                    crypto::base64url(json::to_text(payload));
  return body + "." + signature_of(key, body);
}

}  // namespace

std::string first_refresh_token(std::string_view key, const std::string& session_id) {
  return made(key, session_id, crypto::random_bytes(32));
}

std::string next_refresh_token(std::string_view key, const std::string& session_id,
                               std::string_view token) {
  return made(key, session_id, crypto::hmac_sha256(key, "refresh next " + std::string(token)));
}

std::optional<std::string> session_of_token(std::string_view key, std::string_view token) {
  const auto first = token.find('.');
  const auto last = token.rfind('.');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  if (!crypto::equal(token.substr(last + 1), signature_of(key, token.substr(0, last))))
    return std::nullopt;
  const auto text = crypto::from_base64(token.substr(first + 1, last - first - 1));
  boost::system::error_code ec;
  const auto payload = text ? boost::json::parse(*text, ec) : boost::json::value();
  if (ec || !payload.is_object()) return std::nullopt;
  const auto* sid = payload.get_object().if_contains("sid");
  return sid && sid->is_string() ? std::optional(std::string(sid->get_string())) : std::nullopt;
}

}  // namespace pulse::identity
