#include "platform/limits.hpp"

namespace pulse::limits {
namespace {

constexpr Named table[] = {
    {"http_header_bytes", http_header_bytes},
    {"http_body_bytes", http_body_bytes},
    {"http_large_body_bytes", http_large_body_bytes},
    {"http_large_bodies_bytes", http_large_bodies_bytes},
    {"http_dropped_body_bytes", http_dropped_body_bytes},
    {"http_connections_per_loop", http_connections_per_loop},
    {"http_header_timeout_ms", http_header_timeout_ms},
    {"http_body_timeout_ms", http_body_timeout_ms},
    {"http_idle_timeout_ms", http_idle_timeout_ms},
    {"http_write_timeout_ms", http_write_timeout_ms},
    {"http_stop_grace_ms", http_stop_grace_ms},
    {"websocket_send_timeout_ms", websocket_send_timeout_ms},
    {"websocket_idle_ping_ms", websocket_idle_ping_ms},
    {"websocket_close_ms", websocket_close_ms},
    {"nats_in_flight", nats_in_flight},
    {"nats_outgoing", nats_outgoing},
    {"nats_outgoing_bytes", nats_outgoing_bytes},
    {"nats_incoming", nats_incoming},
    {"nats_incoming_bytes", nats_incoming_bytes},
    {"nats_pull_bytes", nats_pull_bytes},
    {"json_depth", json_depth},
    {"ingest_payload_bytes_http", ingest_payload_bytes_http},
    {"ingest_payload_bytes_mqtt", ingest_payload_bytes_mqtt},
    {"ingest_metrics_per_message", ingest_metrics_per_message},
    {"ingest_metric_key_bytes", ingest_metric_key_bytes},
    {"ingest_text_value_chars", ingest_text_value_chars},
    {"ingest_batch_messages", ingest_batch_messages},
    {"ingest_keys_per_device", ingest_keys_per_device},
    {"ingest_rollup_magnitude", ingest_rollup_magnitude},
    {"ingest_worker_batch", ingest_worker_batch},
    {"puback_timeout_ms", puback_timeout_ms},
    {"device_auth_entries", device_auth_entries},
    {"token_verify_entries", token_verify_entries},
    {"rate_buckets", rate_buckets},
    {"membership_entries", membership_entries},
    {"api_token_entries", api_token_entries},
    {"failed_auth_addresses", failed_auth_addresses},
    {"directory_requests_at_once", directory_requests_at_once},
    {"directory_requests_waiting", directory_requests_waiting},
    {"directory_answer_bytes", directory_answer_bytes},
    {"template_parts", template_parts},
    {"live_clients_per_tenant", live_clients_per_tenant},
    {"live_subscriptions_per_client", live_subscriptions_per_client},
    {"live_push_interval_ms", live_push_interval_ms},
};

}  // namespace

std::span<const Named> all() { return table; }

}  // namespace pulse::limits
