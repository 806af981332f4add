#pragma once
// Every bound in one place: queues, caches, bodies, fan-out, retries. /metrics shows them as
// pulse_limit{name}; a new one goes into the table of limits.cpp, too.
#include <cstddef>
#include <span>
#include <string_view>

namespace pulse::limits {

// HTTP
inline constexpr std::size_t http_header_bytes = 16 * 1024;
inline constexpr std::size_t http_body_bytes = 1024 * 1024;  // unless an endpoint says other
// A body is read once its head was admitted. Bodies of more than the first number have room
// together for the second, on one loop. What devices send, and parts of uploads, are smaller.
inline constexpr std::size_t http_large_body_bytes = 8 * 1024 * 1024;
inline constexpr std::size_t http_large_bodies_bytes = 256 * 1024 * 1024;
// Of a refused request, read away behind the answer so that the connection goes on; more closes it.
inline constexpr std::size_t http_dropped_body_bytes = 64 * 1024;
inline constexpr std::size_t http_connections_per_loop = 20'000;
inline constexpr long http_header_timeout_ms = 10'000;  // slow-loris ends here
inline constexpr long http_body_timeout_ms = 30'000;
inline constexpr long http_idle_timeout_ms = 75'000;
inline constexpr long http_write_timeout_ms = 30'000;
inline constexpr long http_stop_grace_ms = 10'000;
inline constexpr long websocket_send_timeout_ms = 10'000;
inline constexpr long websocket_idle_ping_ms = 30'000;
inline constexpr long websocket_close_ms = 1'000;  // for the peer's close at a stop

// NATS
inline constexpr std::size_t nats_in_flight = 65'536;  // waiting for their PubAck
inline constexpr std::size_t nats_outgoing = 200'000;  // not yet sent
inline constexpr std::size_t nats_outgoing_bytes = 128 * 1024 * 1024;
inline constexpr std::size_t nats_incoming = 100'000;  // for one loop, not yet handled
inline constexpr std::size_t nats_incoming_bytes = 64 * 1024 * 1024;
inline constexpr std::size_t nats_pull_bytes = 16 * 1024 * 1024;  // of one request

// JSON
inline constexpr std::size_t json_depth = 32;

// Ingest
inline constexpr std::size_t ingest_payload_bytes_http = 8 * 1024;
inline constexpr std::size_t ingest_payload_bytes_mqtt = 16 * 1024;
inline constexpr std::size_t ingest_metrics_per_message = 50;
inline constexpr std::size_t ingest_metric_key_bytes = 128;
inline constexpr std::size_t ingest_text_value_chars = 256;
inline constexpr std::size_t ingest_batch_messages = 100;
inline constexpr std::size_t ingest_keys_per_device = 256;  // in state and rollups
inline constexpr double ingest_rollup_magnitude = 1e290;    // beyond it a sum would overflow
inline constexpr std::size_t ingest_worker_batch = 20'000;  // messages in one transaction
inline constexpr long puback_timeout_ms = 1'000;

// Caches
inline constexpr std::size_t device_auth_entries = 200'000;
inline constexpr std::size_t token_verify_entries = 10'000;
inline constexpr std::size_t rate_buckets = 200'000;
inline constexpr std::size_t membership_entries = 50'000;
inline constexpr std::size_t api_token_entries = 20'000;
inline constexpr std::size_t failed_auth_addresses = 50'000;

// An outside directory (Keycloak)
inline constexpr int directory_requests_at_once = 6;
inline constexpr std::size_t directory_requests_waiting = 500;  // then 503
inline constexpr std::size_t directory_answer_bytes = 8 * 1024 * 1024;

// Fleet
inline constexpr std::size_t template_parts = 500;  // metrics, commands, slots: of each

// Live fan-out
inline constexpr std::size_t live_clients_per_tenant = 500;
inline constexpr std::size_t live_subscriptions_per_client = 200;
inline constexpr long live_push_interval_ms = 250;  // at most four a second

/// A bound of this file by its name.
struct Named {
  std::string_view name;
  double value;
};
/// All of them.
std::span<const Named> all();

}  // namespace pulse::limits
