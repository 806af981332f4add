#include "telemetry/door.hpp"

#include "platform/crypto/crypto.hpp"

namespace pulse::telemetry {

std::string subject_of(std::string_view tenant, std::string_view msg_type) {
  std::string subject = "telemetry.";
  if (msg_type.starts_with("shadow/")) subject = "shadow.";
  if (msg_type.starts_with("commands/") || msg_type.starts_with("ota/")) subject = "commands.";
  return subject.append(tenant);
}

std::string message_id(std::string_view topic, std::string_view payload, std::int64_t seq) {
  if (seq <= 0) return {};
  std::string text;
  text.reserve(topic.size() + payload.size() + 1);
  text.append(topic).append("\n").append(payload);
  return crypto::hex(std::string_view(crypto::sha256(text)).substr(0, 16));
}

bool is_cbor(std::string_view content_type) {
  auto type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
  return http::iequals(type, "application/cbor");
}

DeviceVerdict judge_device(const fleet::DeviceCredentials& device, std::string_view token,
                           bool require_token) {
  if (token.empty() && require_token) return {"TOKEN_MISSING", {}};
  if (auto reason = fleet::refusal_of(device); !reason.empty()) return {std::move(reason), {}};
  if (const auto* t = fleet::matching_token(device, token)) return {{}, t->id};
  if (!token.empty() || require_token) return {"TOKEN_INVALID", {}};
  return {};
}

DeviceVerdict judge_certificate(const fleet::DeviceCredentials& device,
                                std::string_view fingerprint) {
  if (auto reason = fleet::refusal_of(device); !reason.empty()) return {std::move(reason), {}};
  const auto* c = fleet::matching_certificate(device, fingerprint);
  if (!c || !fleet::credential_lives(device, c->id)) return {"CERTIFICATE_INVALID", {}};
  return {{}, c->id};
}

}  // namespace pulse::telemetry
