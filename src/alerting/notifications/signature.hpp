#pragma once
// Signatures of what customers' services receive.
#include "platform/clock.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/http/message.hpp"

namespace pulse::alerting::notifications {

/// Adds X-Signature-256 (HMAC-SHA256 of the body), and against replay X-Signature-Timestamp with
/// X-Signature-V2 (of "{timestamp}.{body}").
inline void sign(http::Headers& headers, const std::string& secret, const std::string& body) {
  const auto timestamp = std::to_string(now_ms() / 1'000);
  headers.set("X-Signature-256", "sha256=" + crypto::hex(crypto::hmac_sha256(secret, body)));
  headers.set("X-Signature-Timestamp", timestamp);
  headers.set("X-Signature-V2",
              "sha256=" + crypto::hex(crypto::hmac_sha256(secret, timestamp + "." + body)));
}

}  // namespace pulse::alerting::notifications
