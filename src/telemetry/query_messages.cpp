// The message log of a device: every message that came in, in the order of arrival, whatever became
// of it.
#include <charconv>

#include "platform/pg/rows.hpp"
#include "telemetry/query.hpp"

namespace pulse::telemetry {

namespace {

/// Kinds of one instant: their order in the log.
constexpr std::string_view kinds = "dqs";

// The table's index is on event time, and for messages that come within ten minutes of it ("prompt"
// ones) that is nearly the order of arrival; the others have an index of their own
// (telemetry_late). A page of n messages needs the newest n late ones, and of the prompt ones only
// what may come before the last of those; among the prompt ones again, what was measured 20 minutes
// before the n-th can't be among the first n. (The n-th is looked for among the newest 20,000,
// along the index; where it is not there, more is read and sorted.) $2 to $4: the cursor, $5: n.
constexpr const char* messages_before = R"sql(
  WITH late AS MATERIALIZED (
    SELECT stream_seq, received_at, stored_at, time, msg_type, seq, metrics FROM telemetry
    WHERE device_id = $1
      AND received_at - time NOT BETWEEN interval '-10 minutes' AND interval '10 minutes'
      AND received_at <= $2::timestamptz
      AND (received_at, 2, stream_seq) < ($2::timestamptz, $3::integer, $4::bigint)
    ORDER BY received_at DESC, stream_seq DESC LIMIT $5::bigint
  ), reach AS MATERIALIZED (
    SELECT CASE WHEN count(*) = $5::bigint THEN min(received_at) - interval '10 minutes'
                ELSE '-infinity' END AS since FROM late
  ), nth AS MATERIALIZED (
    SELECT CASE WHEN count(*) = $5::bigint THEN min(time) - interval '20 minutes'
                ELSE (SELECT since FROM reach) END AS since
    FROM (SELECT time
          FROM (SELECT time, received_at, stream_seq FROM telemetry
                WHERE device_id = $1 AND time <= $2::timestamptz + interval '10 minutes'
                  AND time >= (SELECT since FROM reach)
                ORDER BY time DESC LIMIT 20000) newest
          WHERE received_at - time BETWEEN interval '-10 minutes' AND interval '10 minutes'
            AND (received_at, 2, stream_seq) < ($2::timestamptz, $3::integer, $4::bigint)
          LIMIT $5::bigint) n
  ), prompt AS (
    SELECT stream_seq, received_at, stored_at, time, msg_type, seq, metrics FROM telemetry
    WHERE device_id = $1 AND time <= $2::timestamptz + interval '10 minutes'
      AND time >= (SELECT since FROM nth)
      AND received_at - time BETWEEN interval '-10 minutes' AND interval '10 minutes'
      AND (received_at, 2, stream_seq) < ($2::timestamptz, $3::integer, $4::bigint)
    ORDER BY received_at DESC, stream_seq DESC LIMIT $5::bigint
  ), quarantined AS (
    SELECT id, received_at, msg_type, reason, payload FROM quarantine_events
    WHERE device_id = $1 AND received_at <= $2::timestamptz
      AND (received_at, 1, id) < ($2::timestamptz, $3::integer, $4::bigint)
    ORDER BY received_at DESC, id DESC LIMIT $5::bigint
  ), dead AS (
    SELECT id, created_at, split_part(original_topic, '/', 5) AS msg_type, error_message, payload
    FROM dead_letter_messages
    WHERE destination_type = 'ingest' AND device_id = $1 AND created_at <= $2::timestamptz
      AND (created_at, 0, id) < ($2::timestamptz, $3::integer, $4::bigint)
    ORDER BY created_at DESC, id DESC LIMIT $5::bigint
  ), stored AS (SELECT * FROM late UNION ALL SELECT * FROM prompt)
  SELECT 's-' || stream_seq AS id, received_at, stored_at, time, msg_type, seq, 'stored' AS status,
         NULL AS reason,
         round(extract(epoch FROM stored_at - received_at) * 1000, 3)::float8 AS latency_ms, metrics,
         2 AS kind, stream_seq AS number
  FROM stored
  UNION ALL
  SELECT 'q-' || id, received_at, NULL, received_at, coalesce(msg_type, ''),
         coalesce(CASE WHEN payload ->> 'seq' ~ '^-?[0-9]{1,18}$'
                       THEN (payload ->> 'seq')::bigint END, 0),
         'quarantined', reason, NULL, payload -> 'metrics', 1, id
  FROM quarantined
  UNION ALL
  SELECT 'd-' || id, created_at, NULL, created_at, msg_type,
         coalesce(CASE WHEN payload ->> 'seq' ~ '^-?[0-9]{1,18}$'
                       THEN (payload ->> 'seq')::bigint END, 0),
         'dead_letter', error_message, NULL, payload -> 'metrics', 0, id
  FROM dead
  ORDER BY received_at DESC, kind DESC, number DESC LIMIT $5::bigint
)sql";

template <class I>
bool read_number(std::string_view text, I& out) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
  return ec == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::string to_text(const MessageCursor& c) {
  return std::to_string(to_us(c.received_at)) + "-" + c.kind + "-" + std::to_string(c.number);
}

MessageCursor cursor_of(const TracedMessage& message) {
  MessageCursor c{message.received_at, message.id.front(), 0};
  read_number(std::string_view(message.id).substr(2), c.number);
  return c;
}

std::optional<MessageCursor> parse_cursor(std::string_view text) {
  // An instant: nothing of it, since every kind comes after 'd' and every number after 0.
  if (const auto instant = parse_iso8601(text)) return MessageCursor{*instant, 'd', 0};
  constexpr std::int64_t end_of_years = 253'402'300'800'000'000;  // 10000-01-01
  const auto first = text.find('-');
  if (first == std::string_view::npos || text.size() < first + 4 || text[first + 2] != '-')
    return std::nullopt;
  std::int64_t us = 0;
  MessageCursor c;
  c.kind = text[first + 1];
  if (kinds.find(c.kind) == std::string_view::npos || !read_number(text.substr(0, first), us) ||
      us < 0 || us >= end_of_years || !read_number(text.substr(first + 3), c.number))
    return std::nullopt;
  c.received_at = from_us(us);
  return c;
}

Task<std::vector<TracedMessage>> traced_messages(tenancy::TenantDb db, std::string device_id,
                                                 std::optional<MessageCursor> after,
                                                 std::int64_t limit) {
  const std::string received = after ? iso8601(after->received_at) : "infinity";
  const auto kind = after ? static_cast<std::int64_t>(kinds.find(after->kind)) : 0;
  const auto number = after ? after->number : 0;
  const auto rows =
      co_await db.query(messages_before, pg::Params::of(device_id, received, kind, number, limit));
  co_return pg::rows_as<TracedMessage>(rows);
}

}  // namespace pulse::telemetry
