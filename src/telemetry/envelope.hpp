#pragma once
// telemetry: what devices say, from the door to the tables. Owns: the streams TELEMETRY, SHADOW,
// COMMANDS, ROUTES; tables telemetry, telemetry_rollup_*, quarantine_*, the dead letters of ingest.
// Calls: fleet (device credentials, registry facts), tenancy, platform.
//
// The envelope: one JSON object per message on telemetry.{tenant} (contract: messages.md), and the
// judgement of its payload, which the door and the worker share.
#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/limits.hpp"

namespace pulse::telemetry {

/// Bounds that the settings table can change while Pulse runs.
struct PayloadLimits {
  std::size_t payload_bytes = limits::ingest_payload_bytes_mqtt;
  std::size_t metrics = limits::ingest_metrics_per_message;
  std::size_t key_bytes = limits::ingest_metric_key_bytes;
};

/// One metric of a message. Text values are kept, but no number rules or rollups see them.
struct Reading {
  std::string_view key;
  enum class Kind { number, boolean, text } kind = Kind::number;
  double number = 0;  ///< 0 or 1 for booleans
  std::string_view text;
  const boost::json::value* value = nullptr;  ///< as it came, so that integers stay exact
};

/// What is known of a payload beside its JSON value.
struct PayloadFacts {
  std::string_view msg_type;  ///< only of "telemetry" something to store is expected
  std::size_t bytes = 0;      ///< as it came
};

/// A payload that could be read. Views point into the JSON value it was read from.
struct Payload {
  std::optional<std::string_view> site_id;
  std::optional<std::string_view> tenant_id;
  std::int64_t seq = 0;
  std::optional<std::int64_t> ts_us;  ///< event time in epoch microseconds; nothing: arrival
  std::optional<double> latitude, longitude;
  bool carries_token = false;  ///< a provision_token stands in it and must not travel on
  std::vector<Reading> readings;
};

/// Reads and judges a payload. Returns the reason of refusal (messages.md, checks 2 to 4 in their
/// order, and INVALID_JSON, INVALID_PAYLOAD:{field} for shapes) or nothing; it is fit for
/// PostgreSQL's text. `detail` says what is wrong in words. Time stamps are ISO 8601, or epoch
/// seconds or milliseconds as numbers. Nothing that was sent is left out silently: a field that
/// Pulse knows is taken or refused, null means that it is absent, and telemetry holds a metric or a
/// position.
std::optional<std::string> judge_payload(const boost::json::value& payload,
                                         const PayloadFacts& facts, const PayloadLimits& limits,
                                         Payload& out, std::string& detail);

/// What stands around a payload on its way to the worker.
struct EnvelopeFacts {
  std::string_view tenant_id, device_id, msg_type;
  std::string_view username;  ///< the authenticated identity, "{tenant}/{device}"
  std::string_view
      auth;  ///< the door's verdict: "token:{id}" or "cert:{id}"; empty: not authenticated
  std::int64_t received_ms = 0;
};

/// The envelope with `payload_json` (valid JSON text) as it is.
std::string make_envelope(const EnvelopeFacts& facts, std::string_view payload_json);
/// The envelope of bytes that are no JSON: base64 in `payload_raw`.
std::string make_raw_envelope(const EnvelopeFacts& facts, std::string_view bytes);

/// A payload may be one level less deep than what stands around it.
inline constexpr std::size_t payload_depth = limits::json_depth - 1,
                             envelope_depth = limits::json_depth;
/// Parses JSON into `storage`; nothing when it is no JSON, or nested deeper than `depth`.
std::optional<boost::json::value> parse_json(std::string_view text,
                                             boost::json::storage_ptr storage,
                                             std::size_t depth = payload_depth);
/// The payload without `provision_token`, as text.
std::string without_token(const boost::json::value& payload);

/// An envelope as the worker reads it. Views point into the JSON value.
struct Envelope {
  std::string_view topic, tenant_id, device_id, msg_type, username, auth;
  std::int64_t received_ms = 0;
  const boost::json::value* payload = nullptr;  ///< null when only `payload_raw` is there
  std::string_view payload_raw;
};

/// Takes an envelope apart; false when a field is missing, of the wrong type or out of its range.
bool open_envelope(const boost::json::value& value, Envelope& out);
/// How many bytes of an envelope's text are its payload, whatever stands around it.
std::size_t payload_bytes_of(std::string_view envelope);
/// Text as PostgreSQL takes it: U+0000 becomes U+FFFD. At most `most` bytes, cut between
/// characters.
std::string fit_for_text(std::string_view text, std::size_t most = std::string_view::npos);

}  // namespace pulse::telemetry
