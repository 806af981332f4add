// HTTP ingest: one message, or a batch whose messages are judged each alone.
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/monotonic_resource.hpp>

#include "platform/clock.hpp"
#include "platform/errors.hpp"
#include "platform/json/cbor.hpp"
#include "platform/json/write.hpp"
#include "platform/loop.hpp"
#include "telemetry/door.hpp"
#include "tenancy/caller.hpp"

namespace pulse::telemetry {

namespace {

namespace bj = boost::json;

constexpr std::size_t single_body_bytes = 64 * 1024;
constexpr std::size_t batch_body_bytes = 2 * 1024 * 1024;

int status_of(std::string_view reason) {
  if (reason == "TOKEN_MISSING" || reason == "TOKEN_INVALID") return 401;
  if (reason == "DEVICE_REVOKED" || reason.starts_with("SUBSCRIPTION_")) return 403;
  if (reason == "INVALID_JSON" || reason.starts_with("INVALID_PAYLOAD")) return 422;
  return 400;
}

/// The answer to a message that the door refuses. Shapes are 422 and name the field.
[[noreturn]] void refuse(const std::string& reason, const std::string& detail) {
  const int status = status_of(reason);
  if (status == 401) throw HttpError(401, reason);
  if (status != 422) throw HttpError(status, reason);
  std::vector<std::string> loc{"body"};
  if (const auto colon = reason.find(':'); colon != std::string::npos)
    loc.push_back(reason.substr(colon + 1));
  throw ValidationError(std::move(loc), detail.empty() ? "must be valid JSON" : detail,
                        reason == "INVALID_JSON" ? "json_invalid" : "value_error");
}

/// What a judged payload becomes: an envelope on its subject.
struct Outgoing {
  std::string subject, envelope, id;
};

Outgoing pack(const fleet::DeviceCredentials& device, std::string_view msg_type,
              const DeviceVerdict& verdict, std::string_view payload_text, std::int64_t seq) {
  const std::string identity = device.tenant_id + "/" + device.device_id;
  const std::string auth = verdict.token_id.empty() ? "" : "token:" + verdict.token_id;
  EnvelopeFacts facts;
  facts.tenant_id = device.tenant_id;
  facts.device_id = device.device_id;
  facts.msg_type = msg_type;
  facts.username = identity;
  facts.auth = auth;
  facts.received_ms = now_ms();
  Outgoing out;
  out.subject = subject_of(device.tenant_id, msg_type);
  out.envelope = make_envelope(facts, payload_text);
  out.id = message_id(identity + "/" + std::string(msg_type), payload_text, seq);
  return out;
}

/// Checks of the payload that the door makes; empty: fine.
std::string judge_content(const DoorDeps& d, const bj::value& json, const PayloadFacts& facts,
                          const fleet::DeviceCredentials& device, const DeviceVerdict& verdict,
                          Payload& payload, std::string& detail) {
  PayloadLimits limits;
  limits.payload_bytes = d.payload_bytes;
  if (auto reason = judge_payload(json, facts, limits, payload, detail)) return *reason;
  if (payload.tenant_id && *payload.tenant_id != device.tenant_id)
    return "TENANT_MISMATCH_TOPIC_VS_PAYLOAD";
  // Who did not prove who it is at least says where it stands.
  if (!payload.site_id && verdict.token_id.empty()) return "MISSING_SITE_ID";
  if (payload.site_id && *payload.site_id != device.site_id) return "SITE_MISMATCH";
  return {};
}

bool known_type(std::string_view msg_type) {
  return msg_type == "telemetry" || msg_type == "heartbeat";
}

Task<http::Response> ingest_one(DoorDeps d, http::Raw request) {
  const std::string tenant(request->param("tenant_id"));
  const std::string device_id(request->param("device_id"));
  const auto msg_type = request->param("msg_type");
  if (!known_type(msg_type))
    throw bad_request("Invalid msg_type. Must be 'telemetry' or 'heartbeat'");
  const auto token = request->headers.get("X-Provision-Token");
  if (token.empty() && d.require_token) throw HttpError(401, "TOKEN_MISSING");
  const auto device = co_await d.lookup->find(tenant, device_id);
  const auto verdict = judge_device(*device, token, d.require_token);
  if (!verdict.reason.empty()) refuse(verdict.reason, {});
  const auto sent_bytes = request->body.size();
  if (sent_bytes > d.payload_bytes) refuse("PAYLOAD_TOO_LARGE", {});
  if (const auto wait = d.auth->take(*device))
    throw too_many("RATE_LIMITED", static_cast<int>(wait / 1000 + 1));
  if (is_cbor(request->headers.get("Content-Type"))) {
    auto text = json::from_cbor(request->body);
    if (!text) refuse("INVALID_JSON", "must be valid CBOR that JSON can say");
    request->body = std::move(*text);
  }
  Outgoing out;
  std::int64_t seq = 0;
  {
    unsigned char room[16 * 1024];
    bj::monotonic_resource arena(room, sizeof room);
    const auto json = parse_json(request->body, &arena);
    if (!json) refuse("INVALID_JSON", {});
    Payload payload;
    std::string detail;
    const PayloadFacts facts{msg_type, sent_bytes};
    if (const auto reason = judge_content(d, *json, facts, *device, verdict, payload, detail);
        !reason.empty())
      refuse(reason, detail);
    seq = payload.seq;
    out = payload.carries_token ? pack(*device, msg_type, verdict, without_token(*json), seq)
                                : pack(*device, msg_type, verdict, request->body, seq);
  }
  const auto result =
      co_await d.nats->publish_acked(std::move(out.subject), std::move(out.envelope),
                                     std::move(out.id), limits::puback_timeout_ms);
  if (!result.ok()) throw unavailable("Ingestion temporarily unavailable");
  std::string body = "{\"status\":\"accepted\",\"device_id\":";
  json::write(body, device_id);
  body += ",\"seq\":";
  json::write(body, seq);
  co_return http::Response::json(202, body + "}");
}

struct BatchResult {
  std::int64_t index = 0;
  std::string status;
  std::optional<std::string> reason;
  std::string device_id;
  std::optional<std::string> detail;  ///< of INVALID_PAYLOAD: what is wrong, in words
};
BOOST_DESCRIBE_STRUCT(BatchResult, (), (index, status, reason, device_id, detail))
struct BatchAnswer {
  std::int64_t accepted = 0, rejected = 0;
  std::vector<BatchResult> results;
};
BOOST_DESCRIBE_STRUCT(BatchAnswer, (), (accepted, rejected, results))

std::string text_at(const bj::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  return v && v->is_string() ? std::string(v->get_string()) : std::string();
}

/// Judges one message of a batch; on success `out` is ready to be published.
Task<std::string> judge_one(const DoorDeps& d, const bj::value& message, BatchResult& result,
                            Outgoing& out) {
  if (!message.is_object()) {
    result.detail = "must be an object";
    co_return "INVALID_PAYLOAD";
  }
  const auto& o = message.get_object();
  result.device_id = text_at(o, "device_id");
  for (const auto* name : {"tenant_id", "device_id", "msg_type", "provision_token"}) {
    const auto* v = o.if_contains(name);
    if (!v || v->is_string()) continue;
    result.detail = "must be text";
    co_return std::string("INVALID_PAYLOAD:") + name;
  }
  const auto msg_type = text_at(o, "msg_type");
  if (!known_type(msg_type)) co_return "INVALID_MSG_TYPE";
  const auto device = co_await d.lookup->find(text_at(o, "tenant_id"), result.device_id);
  const auto verdict = judge_device(*device, text_at(o, "provision_token"), d.require_token);
  if (!verdict.reason.empty()) co_return verdict.reason;
  const auto text = without_token(message);
  Payload payload;
  std::string detail;
  const PayloadFacts facts{msg_type, text.size()};
  if (auto reason = judge_content(d, message, facts, *device, verdict, payload, detail);
      !reason.empty()) {
    if (!detail.empty()) result.detail = std::move(detail);
    co_return reason;
  }
  if (d.auth->take(*device)) co_return "RATE_LIMITED";
  out = pack(*device, msg_type, verdict, text, payload.seq);
  co_return std::string();
}

/// PubAcks of one batch as they come in.
struct Pending {
  explicit Pending(boost::asio::any_io_executor e) : done(e) {
    done.expires_at(boost::asio::steady_timer::time_point::max());
  }
  std::size_t open = 0;
  boost::asio::steady_timer done;
};

Task<http::Response> ingest_batch(DoorDeps d, http::Raw request) {
  bj::monotonic_resource arena(64 * 1024);
  const auto json = parse_json(request->body, &arena);
  if (!json) refuse("INVALID_JSON", {});
  const auto* list = json->is_object() ? json->get_object().if_contains("messages") : nullptr;
  if (!list || !list->is_array())
    throw ValidationError({"body", "messages"}, "must be an array of messages", "array_type");
  const auto& messages = list->get_array();
  if (messages.empty()) throw bad_request("Batch is empty");
  if (messages.size() > limits::ingest_batch_messages)
    throw bad_request("Batch exceeds 100 message limit");
  auto answer = std::make_shared<BatchAnswer>();
  answer->results.resize(messages.size());
  const auto executor = co_await boost::asio::this_coro::executor;
  auto pending = std::make_shared<Pending>(executor);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    auto& result = answer->results[i];
    result.index = static_cast<std::int64_t>(i);
    Outgoing out;
    const auto reason = co_await judge_one(d, messages[i], result, out);
    if (!reason.empty()) {
      result.status = "rejected";
      result.reason = reason;
      continue;
    }
    // All are published first; their PubAcks are awaited together.
    ++pending->open;
    d.nats->publish_acked(out.subject, out.envelope, out.id, limits::puback_timeout_ms, executor,
                          [answer, pending, i](nats::PublishResult published) {
                            auto& r = answer->results[i];
                            r.status = published.ok() ? "accepted" : "rejected";
                            if (!published.ok()) r.reason = "publish_failed";
                            if (--pending->open == 0) pending->done.cancel();
                          });
  }
  boost::system::error_code ec;
  while (pending->open > 0)
    co_await pending->done.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ec));
  bool unpublished = false;
  for (const auto& r : answer->results) {
    ++(r.status == "accepted" ? answer->accepted : answer->rejected);
    unpublished = unpublished || r.reason == "publish_failed";
  }
  // Nothing was taken because JetStream does not answer: the device keeps all of it.
  if (answer->accepted == 0 && unpublished) throw unavailable("Ingestion temporarily unavailable");
  co_return http::Response::json(answer->accepted > 0 ? 202 : 400, json::to_text(*answer));
}

struct RateLimitStats {
  std::int64_t device_cache_entries = 0, device_buckets = 0;
  std::int64_t cache_hits = 0, cache_misses = 0;
  std::int64_t limited_device = 0, limited_tenant = 0, limited_global = 0;
  double device_rate_rps = 0, device_rate_burst = 0, tenant_rate_rps = 0, global_rate_rps = 0;
};
BOOST_DESCRIBE_STRUCT(RateLimitStats, (),
                      (device_cache_entries, device_buckets, cache_hits, cache_misses,
                       limited_device, limited_tenant, limited_global, device_rate_rps,
                       device_rate_burst, tenant_rate_rps, global_rate_rps))
struct RateLimitAnswer {
  RateLimitStats rate_limit_stats;
  Time timestamp;
};
BOOST_DESCRIBE_STRUCT(RateLimitAnswer, (), (rate_limit_stats, timestamp))

Task<RateLimitAnswer> rate_limits(DoorDeps d, tenancy::SignedIn) {
  const auto s = d.auth->stats();
  RateLimitAnswer out;
  auto& r = out.rate_limit_stats;
  r.device_cache_entries = static_cast<std::int64_t>(s.entries);
  r.device_buckets = static_cast<std::int64_t>(s.buckets);
  r.cache_hits = static_cast<std::int64_t>(s.hits);
  r.cache_misses = static_cast<std::int64_t>(s.misses);
  r.limited_device = static_cast<std::int64_t>(s.limited_device);
  r.limited_tenant = static_cast<std::int64_t>(s.limited_tenant);
  r.limited_global = static_cast<std::int64_t>(s.limited_global);
  r.device_rate_rps = s.device_rate_rps;
  r.device_rate_burst = s.device_rate_burst;
  r.tenant_rate_rps = s.tenant_rate_rps;
  r.global_rate_rps = s.global_rate_rps;
  out.timestamp = now();
  co_return out;
}

/// What one message may hold, for the document: the payload is read by judge_payload.
struct IngestBody {
  std::optional<std::string> version;
  boost::json::value ts;
  std::optional<std::string> site_id, tenant_id;
  std::int64_t seq = 0;
  std::optional<double> lat, lng;
  boost::json::object metrics;
};
BOOST_DESCRIBE_STRUCT(IngestBody, (), (version, ts, site_id, tenant_id, seq, lat, lng, metrics))

/// The rules that a message has alone and in a batch.
template <class Message>
json::Rules<Message> rules_of_message() {
  return json::rules<Message>()
      .describe(&Message::version, "\"1\", or absent")
      .describe(&Message::ts,
                "ISO 8601, or epoch seconds or milliseconds; absent: the time of arrival")
      .describe(&Message::seq, "Above 0: a repeated message is stored once")
      .range(&Message::lat, -90, 90)
      .range(&Message::lng, -180, 180)
      .describe(&Message::metrics, "Numbers, booleans and short texts by name");
}
inline auto constraints(json::As<IngestBody>) { return rules_of_message<IngestBody>(); }
inline std::vector<std::string_view> optional_members(json::As<IngestBody>) {
  return {"ts", "seq", "metrics"};
}

struct BatchMessage {
  std::string tenant_id, device_id, msg_type, provision_token;
  std::optional<std::string> version;
  boost::json::value ts;
  std::optional<std::string> site_id;
  std::int64_t seq = 0;
  std::optional<double> lat, lng;
  boost::json::object metrics;
};
BOOST_DESCRIBE_STRUCT(BatchMessage, (),
                      (tenant_id, device_id, msg_type, provision_token, version, ts, site_id, seq,
                       lat, lng, metrics))
inline auto constraints(json::As<BatchMessage>) {
  return rules_of_message<BatchMessage>().one_of(&BatchMessage::msg_type,
                                                 {"telemetry", "heartbeat"});
}
inline std::vector<std::string_view> optional_members(json::As<BatchMessage>) {
  return {"ts", "seq", "metrics"};
}
struct BatchBody {
  std::vector<BatchMessage> messages;
};
BOOST_DESCRIBE_STRUCT(BatchBody, (), (messages))
inline auto constraints(json::As<BatchBody>) {
  return json::rules<BatchBody>().items(&BatchBody::messages, 1, limits::ingest_batch_messages);
}

struct IngestAnswer {
  std::string status, device_id;
  std::int64_t seq = 0;
};
BOOST_DESCRIBE_STRUCT(IngestAnswer, (), (status, device_id, seq))

}  // namespace

void mount_door(http::Router& api, DoorDeps d) {
  api.post("/ingest/v1/tenant/{tenant_id}/device/{device_id}/{msg_type}",
           http::bound(d, ingest_one))
      .devices()
      .tag("Ingest")
      .summary("Send one message")
      .description(
          "Header `X-Provision-Token` carries the device's token. 202 means that the "
          "message is on disk. Send `seq` above 0, and a repeated message is stored once.")
      .header("X-Provision-Token", "The device's token", d.require_token)
      .body<IngestBody>({"application/cbor"})
      .max_body(single_body_bytes)
      .success(202)
      .returns<IngestAnswer>()
      .fails(400, "UNREGISTERED_DEVICE")
      .fails(401, "TOKEN_INVALID")
      .fails(403, "DEVICE_REVOKED")
      .fails(429, "RATE_LIMITED")
      .fails(503, "Ingestion temporarily unavailable")
      .example({{"site_id", "warehouse-7"}, {"seq", 1}, {"metrics", {{"temperature", 21.5}}}});
  api.post("/ingest/v1/batch", http::bound(d, ingest_batch))
      .devices()
      .tag("Ingest")
      .summary("Send up to 100 messages, each judged alone")
      .body<BatchBody>()
      .max_body(batch_body_bytes)
      .success(202)
      .returns<BatchAnswer>()
      .fails(400, "Batch is empty")
      .fails_with<BatchAnswer>(400, "None was accepted")
      .fails(503, "Ingestion temporarily unavailable");
  api.get("/ingest/v1/metrics/rate-limits", http::bound(d, rate_limits))
      .signed_in()
      .tag("Ingest")
      .summary("The door's limits and what they refused");
}

}  // namespace pulse::telemetry
