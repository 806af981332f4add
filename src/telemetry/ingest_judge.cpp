#include "telemetry/ingest_judge.hpp"

#include <algorithm>
#include <charconv>

#include "platform/clock.hpp"
#include "platform/json/write.hpp"

namespace pulse::telemetry {

namespace {

constexpr std::int64_t day_ms = 86'400'000;
constexpr std::string_view by_token = "token:";

bool is_true(std::string_view v) { return v == "1" || v == "true" || v == "on" || v == "yes"; }

}  // namespace

void JudgeSettings::set(std::string_view key, std::string_view value) {
  if (key == "STORE_REJECTS") {
    store_rejects = is_true(value);
  } else if (key == "MAX_PAYLOAD_BYTES" && !payload_bytes_given) {
    std::size_t bytes = 0;
    const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), bytes);
    if (ec == std::errc{} && end == value.data() + value.size() && bytes >= 256)
      limits.payload_bytes = bytes;
  }
}

std::string_view token_id_of(const Envelope& e) {
  if (e.auth.starts_with(fleet::certificate_prefix)) return e.auth;
  return e.auth.starts_with(by_token) ? e.auth.substr(by_token.size()) : std::string_view{};
}

std::string JudgedMessage::masked_payload() const {
  if (envelope.payload) {
    if (!payload.carries_token || !envelope.payload->is_object())
      return json::to_text(*envelope.payload);
    auto copy = envelope.payload->as_object();
    copy["provision_token"] = "********";
    return json::to_text(boost::json::value(std::move(copy)));
  }
  std::string out = "{\"payload_raw\":";
  json::write(out, envelope.payload_raw);
  return out + "}";
}

JudgedMessage open_message(const nats::Delivered& message, boost::json::storage_ptr arena,
                           const PayloadLimits& limits) {
  JudgedMessage out;
  out.stream_seq = message.stream_sequence;
  auto value = parse_json(message.data, std::move(arena), envelope_depth);
  if (!value) {
    out.reason = "INVALID_JSON";
    return out;
  }
  // Moved, not copied: the storage is the same, and views into it stay good.
  out.json = std::move(*value);
  if (!open_envelope(out.json, out.envelope)) {
    out.reason = "BAD_ENVELOPE";
    return out;
  }
  const auto& e = out.envelope;
  const std::string expected = "tenant/" + std::string(e.tenant_id) + "/device/" +
                               std::string(e.device_id) + "/" + std::string(e.msg_type);
  if (e.topic != expected || !json::matches_identifier(e.tenant_id) ||
      !json::matches_identifier(e.device_id)) {
    out.reason = "BAD_TOPIC_FORMAT";
    return out;
  }
  if (!e.payload) {
    out.reason = "INVALID_JSON";
    return out;
  }
  const PayloadFacts facts{e.msg_type, payload_bytes_of(message.data)};
  if (auto reason = judge_payload(*e.payload, facts, limits, out.payload, out.detail))
    out.reason = std::move(*reason);
  return out;
}

namespace {

/// The door's verdict, looked at again: its cache may have been old, and others can reach the
/// stream. A token counts as it was when the message came in.
std::string judge_identity(const Envelope& e, const fleet::DeviceFacts& device,
                           bool require_token) {
  if (e.auth.empty()) {
    if (!require_token) return {};
    return device.tokens.empty() ? "TOKEN_NOT_SET_IN_REGISTRY" : "TOKEN_MISSING";
  }
  const auto id = token_id_of(e);
  if (id.empty()) return "AUTH_FAILED";
  const bool certificate = id.starts_with(fleet::certificate_prefix);
  if (device.tokens.empty() && !certificate) return "TOKEN_NOT_SET_IN_REGISTRY";
  const auto* token = device.token(id);
  if (!token || !token->live_at(e.received_ms))
    return certificate ? "CERTIFICATE_INVALID" : "TOKEN_INVALID";
  // The identity that was proven must be the one that is spoken for.
  const bool own = e.username.size() == e.tenant_id.size() + 1 + e.device_id.size() &&
                   e.username.starts_with(e.tenant_id) && e.username[e.tenant_id.size()] == '/' &&
                   e.username.ends_with(e.device_id);
  return own ? "" : "AUTH_FAILED";
}

}  // namespace

std::string judge_against(const JudgedMessage& m, const fleet::DeviceFacts* device,
                          const JudgeSettings& settings, std::int64_t now_ms) {
  if (!m.reason.empty()) return m.reason;
  if (m.payload.tenant_id && *m.payload.tenant_id != m.envelope.tenant_id)
    return "TENANT_MISMATCH_TOPIC_VS_PAYLOAD";
  if (!m.payload.site_id && m.envelope.auth.empty()) return "MISSING_SITE_ID";
  if (!device) return "UNREGISTERED_DEVICE";
  if (device->subscription_status == "SUSPENDED") return "SUBSCRIPTION_SUSPENDED";
  if (device->subscription_status == "EXPIRED") return "SUBSCRIPTION_EXPIRED";
  if (device->status != "ACTIVE") return "DEVICE_REVOKED";
  if (m.payload.site_id && *m.payload.site_id != device->site_id)
    return "SITE_MISMATCH_REGISTRY_VS_PAYLOAD";
  if (auto reason = judge_identity(m.envelope, *device, settings.require_token); !reason.empty())
    return reason;
  if (m.payload.ts_us && *m.payload.ts_us / 1000 > now_ms + day_ms) return "TIMESTAMP_IN_FUTURE";
  return {};
}

namespace {

/// Metrics of modules get the names under which they are stored. Of two that get the same name the
/// later one counts.
void rename_readings(const fleet::DeviceFacts& device, std::vector<Reading>& readings) {
  if (device.key_map.empty()) return;
  for (auto& r : readings) r.key = device.stored_key(r.key);
  std::vector<Reading> kept;
  for (auto it = readings.rbegin(); it != readings.rend(); ++it) {
    const bool later =
        std::any_of(kept.begin(), kept.end(), [&](const Reading& r) { return r.key == it->key; });
    if (!later) kept.push_back(*it);
  }
  readings.assign(kept.rbegin(), kept.rend());
}

}  // namespace

std::size_t judge_all(std::vector<JudgedMessage>& messages, std::size_t from, std::size_t to,
                      const fleet::RegistryCache& registry, const JudgeSettings& settings,
                      const std::set<StoredKey>& stored, IngestBatch& batch) {
  std::size_t skipped = 0;
  const auto now = now_ms();
  for (std::size_t i = from; i < to; ++i) {
    auto& m = messages[i];
    const auto& e = m.envelope;
    if (!stored.empty() && stored.contains(StoredKey{m.stream_seq, std::string(e.tenant_id),
                                                     std::string(e.device_id), e.received_ms})) {
      ++skipped;
      continue;
    }
    const auto* device = m.reason.empty() ? registry.find(e.tenant_id, e.device_id) : nullptr;
    auto reason = judge_against(m, device, settings, now);
    m.accepted = reason.empty();
    if (reason.empty()) {
      Accepted accepted;
      accepted.device = device;
      accepted.token = device->token(token_id_of(e));
      accepted.envelope = e;
      accepted.payload = m.payload;
      rename_readings(*device, accepted.payload.readings);
      accepted.event_us = m.payload.ts_us.value_or(e.received_ms * 1000);
      accepted.stream_seq = m.stream_seq;
      batch.add(accepted);
      continue;
    }
    Refused r;
    r.tenant_id = fit_for_text(e.tenant_id);
    r.device_id = fit_for_text(e.device_id);
    r.site_id = fit_for_text(m.payload.site_id.value_or(""));
    r.msg_type = fit_for_text(e.msg_type);
    r.topic = fit_for_text(e.topic);
    r.reason = std::move(reason);
    r.payload_json = fit_for_jsonb(m.masked_payload());
    r.received_ms = e.received_ms != 0 ? e.received_ms : now;
    r.stream_seq = m.stream_seq;
    batch.refuse(std::move(r));
  }
  return skipped;
}

}  // namespace pulse::telemetry
