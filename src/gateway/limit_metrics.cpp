#include "gateway/limit_metrics.hpp"

#include "gateway/settings.hpp"
#include "platform/limits.hpp"
#include "telemetry/mqtt_role.hpp"

namespace pulse::gateway {

void set_limit_metrics(metrics::Registry& metrics, const Config& config) {
  const auto show = [&](std::string_view name, auto value) {
    metrics.set("pulse_limit", "Bounds of queues, caches, bodies and waits",
                {{"name", std::string(name)}}, static_cast<double>(value));
  };
  for (const auto& [name, value] : limits::all()) show(name, value);
  const auto pool = pool_options(config, "");
  show("db_pool_size", pool.max_size);
  show("db_acquire_timeout_ms", pool.acquire_timeout_ms);
  show("db_statement_timeout_ms", pool.statement_timeout_ms);
  const auto mqtt =
      telemetry::mqtt_limits(static_cast<std::size_t>(config.integer("MAX_PAYLOAD_BYTES")));
  show("mqtt_connections", mqtt.connections_max);
  show("mqtt_connect_timeout_ms", mqtt.connect_timeout.count());
  show("mqtt_connect_bytes", mqtt.connect_bytes_max);
  show("mqtt_packet_bytes", mqtt.packet_bytes_max);
  show("mqtt_packet_bytes_told", mqtt.packet_bytes_told);
  show("mqtt_topic_bytes", mqtt.topic_bytes_max);
  show("mqtt_will_bytes", mqtt.will_bytes_max);
  show("mqtt_receive_maximum", mqtt.receive_maximum);
  show("mqtt_inflight_bytes", mqtt.inflight_bytes_max);
  show("mqtt_inflight_bytes_total", mqtt.inflight_bytes_total_max);
  show("mqtt_topic_alias_maximum", mqtt.topic_alias_maximum);
  show("mqtt_subscriptions", mqtt.subscriptions_max);
  show("mqtt_outbound_queue", mqtt.outbound_queue_max);
  show("mqtt_outbound_queue_bytes", mqtt.outbound_queue_bytes_max);
  show("mqtt_unsent_bytes", mqtt.unsent_bytes_max);
  show("mqtt_write_stall_ms", mqtt.write_stall_timeout.count());
  show("mqtt_rate_line_bytes", telemetry::RateLines::line_bytes_max);
}

}  // namespace pulse::gateway
