#include "telemetry/ingest_judge.hpp"

#include <charconv>

#include "platform/clock.hpp"
#include "platform/json/write.hpp"

namespace pulse::telemetry {

namespace {

constexpr std::int64_t day_ms = 86'400'000;

bool is_true(std::string_view v) { return v == "1" || v == "true" || v == "on" || v == "yes"; }

}  // namespace

void JudgeSettings::set(std::string_view key, std::string_view value) {
  if (key == "STORE_REJECTS") {
    store_rejects = is_true(value);
  } else if (key == "MAX_PAYLOAD_BYTES") {
    std::size_t bytes = 0;
    const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), bytes);
    // The door knows two limits, HTTP's and MQTT's; the worker holds to the wider one.
    if (ec == std::errc{} && end == value.data() + value.size() && bytes >= 256)
      limits.payload_bytes = std::max(bytes, limits::ingest_payload_bytes_mqtt);
  }
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
  out.bytes = message.data.size();
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
  out.opened = true;
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
  if (auto reason = judge_payload(*e.payload, limits, out.payload, out.detail))
    out.reason = std::move(*reason);
  // The envelope's own fields take some room beside the payload.
  else if (out.bytes > limits.payload_bytes + 1024)
    out.reason = "PAYLOAD_TOO_LARGE";
  return out;
}

std::string judge_against(const JudgedMessage& m, const fleet::DeviceFacts* device,
                          const JudgeSettings& settings, std::int64_t now_ms) {
  if (!m.reason.empty()) return m.reason;
  if (m.payload.tenant_id && *m.payload.tenant_id != m.envelope.tenant_id)
    return "TENANT_MISMATCH_TOPIC_VS_PAYLOAD";
  const bool authenticated = !m.envelope.auth.empty();
  if (!m.payload.site_id && !authenticated) return "MISSING_SITE_ID";
  if (!device) return "UNREGISTERED_DEVICE";
  if (device->subscription_status == "SUSPENDED") return "SUBSCRIPTION_SUSPENDED";
  if (device->subscription_status == "EXPIRED") return "SUBSCRIPTION_EXPIRED";
  if (device->status != "ACTIVE") return "DEVICE_REVOKED";
  if (m.payload.site_id && *m.payload.site_id != device->site_id)
    return "SITE_MISMATCH_REGISTRY_VS_PAYLOAD";
  if (settings.require_token && !authenticated) return "TOKEN_MISSING";
  if (m.payload.ts_us && *m.payload.ts_us / 1000 > now_ms + day_ms) return "TIMESTAMP_IN_FUTURE";
  return {};
}

std::size_t judge_all(std::vector<JudgedMessage>& messages, std::size_t from, std::size_t to,
                      const fleet::RegistryCache& registry, const JudgeSettings& settings,
                      const std::set<StoredKey>& stored, IngestBatch& batch) {
  std::size_t skipped = 0;
  const auto now = now_ms();
  for (std::size_t i = from; i < to; ++i) {
    auto& m = messages[i];
    const auto& e = m.envelope;
    if (!stored.empty() &&
        stored.contains(StoredKey{m.stream_seq, std::string(e.tenant_id), std::string(e.device_id),
                                  e.received_ms})) {
      ++skipped;
      continue;
    }
    const auto* device = m.opened ? registry.find(e.tenant_id, e.device_id) : nullptr;
    auto reason = judge_against(m, device, settings, now);
    if (reason.empty()) {
      Accepted accepted;
      accepted.device = device;
      accepted.envelope = e;
      accepted.payload = m.payload;
      accepted.event_us = m.payload.ts_us.value_or(e.received_ms * 1000);
      accepted.stream_seq = m.stream_seq;
      batch.add(accepted);
      continue;
    }
    Refused r;
    r.tenant_id = std::string(e.tenant_id);
    r.device_id = std::string(e.device_id);
    r.site_id = m.payload.site_id ? std::string(*m.payload.site_id) : std::string();
    r.msg_type = std::string(e.msg_type);
    r.topic = std::string(e.topic);
    r.reason = std::move(reason);
    r.payload_json = fit_for_jsonb(m.masked_payload());
    r.received_ms = e.received_ms != 0 ? e.received_ms : now;
    r.stream_seq = m.stream_seq;
    batch.refuse(std::move(r));
  }
  return skipped;
}

}  // namespace pulse::telemetry
