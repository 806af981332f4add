#include "telemetry/envelope.hpp"

#include <openssl/evp.h>

#include <cmath>

#include "platform/clock.hpp"
#include "platform/json/write.hpp"

namespace pulse::telemetry {

namespace bj = boost::json;

namespace {

std::string_view view(const bj::string& s) { return {s.data(), s.size()}; }

/// Epoch seconds below this are seconds, above it milliseconds (the year 2286, or April 1970).
constexpr double seconds_below = 1e10;
/// The last millisecond of the year 9999.
constexpr std::int64_t last_ms = 253'402'300'799'999;

std::optional<std::int64_t> read_time(const bj::value& v) {
  if (const auto* s = v.if_string()) {
    const auto t = parse_iso8601(view(*s));
    if (!t) return std::nullopt;
    return to_us(*t);
  }
  if (!v.is_number()) return std::nullopt;
  const double n = v.to_number<double>();
  if (!std::isfinite(n) || n < 0 || n > static_cast<double>(last_ms)) return std::nullopt;
  // Whole units apart from their fraction: together they have more digits than a double.
  const std::int64_t unit_us = n < seconds_below ? 1'000'000 : 1'000;
  const double whole = std::floor(n);
  return static_cast<std::int64_t>(whole) * unit_us +
         static_cast<std::int64_t>((n - whole) * static_cast<double>(unit_us));
}

bool has_control(std::string_view key) {
  for (const char c : key)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return true;
  return false;
}

std::optional<std::string> read_reading(std::string_view key, const bj::value& v,
                                        const PayloadLimits& limits, Payload& out,
                                        std::string& detail) {
  if (key.size() > limits.key_bytes) {
    detail = "a metric name may have at most " + std::to_string(limits.key_bytes) + " bytes";
    return "METRIC_KEY_TOO_LONG";
  }
  if (key.empty() || has_control(key)) {
    detail = "a metric name must not be empty or hold control characters";
    return "METRIC_KEY_INVALID";
  }
  Reading r;
  r.key = key;
  r.value = &v;
  switch (v.kind()) {
    case bj::kind::int64:
    case bj::kind::uint64:
    case bj::kind::double_:
      r.number = v.to_number<double>();
      if (std::isfinite(r.number)) break;
      detail = "metric '" + std::string(key) + "' must be a finite number";
      return "METRIC_VALUE_INVALID";
    case bj::kind::bool_:
      r.kind = Reading::Kind::boolean;
      r.number = v.get_bool() ? 1 : 0;
      break;
    case bj::kind::string:
      r.kind = Reading::Kind::text;
      r.text = view(v.get_string());
      if (json::utf8_length(r.text) <= limits::ingest_text_value_chars &&
          r.text.find('\0') == std::string_view::npos)
        break;
      detail = "metric '" + std::string(key) + "' is a text of over 256 characters, or holds NUL";
      return "METRIC_VALUE_INVALID";
    default:
      detail = "metric '" + std::string(key) + "' must be a number, a boolean or a text";
      return "METRIC_VALUE_INVALID";
  }
  out.readings.push_back(r);
  return std::nullopt;
}

std::optional<std::string> invalid(std::string_view field, std::string words, std::string& detail) {
  detail = std::string(field) + " " + words;
  return "INVALID_PAYLOAD:" + std::string(field);
}

/// The field by either of its names; null where it is absent or null.
const bj::value* field(const bj::object& o, const char* name, const char* alias) {
  for (const char* key : {name, alias})
    if (const auto* v = o.if_contains(key); v && !v->is_null()) return v;
  return nullptr;
}

/// Latitude and longitude: both or neither, numbers within their bounds.
std::optional<std::string> read_position(const bj::object& o, Payload& out, std::string& detail) {
  const auto read = [](const bj::value& v, double bound, std::optional<double>& target) {
    if (!v.is_number()) return false;
    target = v.to_number<double>();
    return std::isfinite(*target) && std::abs(*target) <= bound;
  };
  const auto* lat = field(o, "lat", "latitude");
  const auto* lng = field(o, "lng", "longitude");
  if (!lat && !lng) return std::nullopt;
  if (!lat) return invalid("lat", "must come with lng", detail);
  if (!lng) return invalid("lng", "must come with lat", detail);
  if (!read(*lat, 90, out.latitude))
    return invalid("lat", "must be a number from -90 to 90", detail);
  if (!read(*lng, 180, out.longitude))
    return invalid("lng", "must be a number from -180 to 180", detail);
  return std::nullopt;
}

std::optional<std::string> read_metrics(const bj::object& metrics, const PayloadLimits& limits,
                                        Payload& out, std::string& detail) {
  if (metrics.size() > limits.metrics) {
    detail = "at most " + std::to_string(limits.metrics) + " metrics a message";
    return "TOO_MANY_METRICS";
  }
  out.readings.reserve(metrics.size());
  for (const auto& [name, v] : metrics)
    if (auto reason = read_reading({name.data(), name.size()}, v, limits, out, detail))
      return reason;
  return std::nullopt;
}

std::optional<std::string> check_version(const bj::object& o, std::string& detail) {
  const auto* v = o.if_contains("version");
  if (!v || v->is_null() || (v->is_string() && view(v->get_string()) == "1")) return std::nullopt;
  detail = "only envelope version \"1\" is known";
  const std::string given =
      v->is_string() ? std::string(view(v->get_string())) : std::string(bj::serialize(*v));
  return "unsupported_envelope_version:" + fit_for_text(given, 32);
}

/// The fields beside version, metrics and position.
std::optional<std::string> read_fields(const bj::object& o, Payload& out, std::string& detail) {
  for (const auto& [name, v] : o) {
    const std::string_view key(name.data(), name.size());
    if (v.is_null()) continue;
    if (key == "ts") {
      out.ts_us = read_time(v);
      if (!out.ts_us)
        return invalid(key, "must be ISO 8601, or epoch seconds or milliseconds, from 1970 on",
                       detail);
    } else if (key == "site_id") {
      if (!v.is_string()) return invalid(key, "must be a string", detail);
      out.site_id = view(v.get_string());
    } else if (key == "tenant_id") {
      if (!v.is_string()) return invalid(key, "must be a string", detail);
      out.tenant_id = view(v.get_string());
    } else if (key == "seq") {
      bj::error_code ec;
      if (v.is_number()) out.seq = v.to_number<std::int64_t>(ec);
      if (!v.is_number() || ec) return invalid(key, "must be an integer", detail);
    }
  }
  return std::nullopt;
}

}  // namespace

std::string fit_for_text(std::string_view text, std::size_t most) {
  if (text.size() > most) {
    // The first byte that is left out must begin a character (RFC 3629, section 3).
    while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
    text = text.substr(0, most);
  }
  if (text.find('\0') == std::string_view::npos) return std::string(text);
  std::string out;
  for (const char c : text) {
    if (c == '\0')
      out += "\xef\xbf\xbd";
    else
      out += c;
  }
  return out;
}

std::optional<std::string> judge_payload(const bj::value& payload, const PayloadFacts& facts,
                                         const PayloadLimits& limits, Payload& out,
                                         std::string& detail) {
  const auto* o = payload.if_object();
  if (!o) {
    detail = "the payload must be a JSON object";
    return "INVALID_JSON";
  }
  // Even of a message that is refused the token must not be kept.
  out.carries_token = o->contains("provision_token");
  if (auto reason = check_version(*o, detail)) return reason;
  if (facts.bytes > limits.payload_bytes) {
    detail = "at most " + std::to_string(limits.payload_bytes) + " bytes a message";
    return "PAYLOAD_TOO_LARGE";
  }
  if (auto reason = read_fields(*o, out, detail)) return reason;
  if (const auto* v = o->if_contains("metrics"); v && !v->is_null()) {
    if (!v->is_object()) return invalid("metrics", "must be an object", detail);
    if (auto reason = read_metrics(v->get_object(), limits, out, detail)) return reason;
  }
  if (auto reason = read_position(*o, out, detail)) return reason;
  if (facts.msg_type == "telemetry" && out.readings.empty() && !out.latitude)
    return invalid("metrics", "must hold at least one metric, or lat and lng be given", detail);
  return std::nullopt;
}

namespace {

std::string envelope_head(const EnvelopeFacts& f, std::size_t room) {
  std::string out;
  out.reserve(room + 256 + 2 * (f.tenant_id.size() + f.device_id.size()));
  out += "{\"topic\":\"tenant/";
  out.append(f.tenant_id).append("/device/").append(f.device_id).append("/");
  // Tenant and device ids are checked identifiers; only the rest can need escapes.
  std::string type;
  json::write_string(type, f.msg_type);
  out.append(type, 1, type.size() - 2);
  out.append("\",\"tenant_id\":\"").append(f.tenant_id);
  out.append("\",\"device_id\":\"").append(f.device_id).append("\",\"msg_type\":").append(type);
  out.append(",\"username\":");
  json::write_string(out, f.username);
  out.append(",\"auth\":");
  json::write_string(out, f.auth);
  out.append(",\"ts\":");
  json::write_integer(out, f.received_ms);
  return out;
}

}  // namespace

std::string make_envelope(const EnvelopeFacts& facts, std::string_view payload_json) {
  std::string out = envelope_head(facts, payload_json.size());
  out.append(",\"payload\":").append(payload_json).append("}");
  return out;
}

std::string make_raw_envelope(const EnvelopeFacts& facts, std::string_view bytes) {
  std::string base64(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()),
                                reinterpret_cast<const unsigned char*>(bytes.data()),
                                static_cast<int>(bytes.size()));
  base64.resize(static_cast<std::size_t>(n));
  std::string out = envelope_head(facts, base64.size());
  out.append(",\"payload_raw\":\"").append(base64).append("\"}");
  return out;
}

std::optional<bj::value> parse_json(std::string_view text, bj::storage_ptr storage,
                                    std::size_t depth) {
  bj::parse_options options;
  options.max_depth = depth;
  bj::error_code ec;
  auto value = bj::parse({text.data(), text.size()}, ec, std::move(storage), options);
  if (ec) return std::nullopt;
  return value;
}

std::string without_token(const bj::value& payload) {
  if (!payload.is_object()) return json::to_text(payload);
  bj::object copy = payload.get_object();
  copy.erase("provision_token");
  return json::to_text(bj::value(std::move(copy)));
}

bool open_envelope(const bj::value& value, Envelope& out) {
  const auto* o = value.if_object();
  if (!o) return false;
  const auto text = [&](const char* name, std::string_view& target) {
    const auto* v = o->if_contains(name);
    if (!v || !v->is_string()) return false;
    target = view(v->get_string());
    return true;
  };
  if (!text("topic", out.topic) || !text("tenant_id", out.tenant_id) ||
      !text("device_id", out.device_id) || !text("msg_type", out.msg_type))
    return false;
  text("username", out.username);
  text("auth", out.auth);
  text("payload_raw", out.payload_raw);
  const auto* ts = o->if_contains("ts");
  bj::error_code ec;
  if (!ts || !ts->is_number()) return false;
  const auto received_ms = ts->to_number<std::int64_t>(ec);
  if (ec || received_ms < 0 || received_ms > last_ms) return false;
  out.received_ms = received_ms;
  out.payload = o->if_contains("payload");
  return true;
}

std::size_t payload_bytes_of(std::string_view envelope) {
  // Inside a text a quote has a backslash before it, so this can only be the field's name.
  static constexpr std::string_view name = "\"payload\":";
  const auto at = envelope.find(name);
  if (at == std::string_view::npos) return envelope.size();
  return envelope.size() - at - name.size() - 1;
}

}  // namespace pulse::telemetry
