#include "telemetry/mqtt_metrics.hpp"

#include "platform/mqtt/reason.hpp"

namespace pulse::telemetry {

void set_mqtt_metrics(metrics::Registry& metrics, const mqtt::Stats& stats,
                      const std::string& loop) {
  const struct {
    const char *name, *help;
    const mqtt::Counter& value;
  } rows[] = {
      {"connections", "Open MQTT connections, in any state", stats.connections},
      {"sessions", "MQTT sessions past their CONNACK", stats.sessions},
      {"subscriptions", "Subscriptions of MQTT sessions", stats.subscriptions},
      {"inflight_messages", "MQTT messages not yet acknowledged", stats.inflight_messages},
      {"inflight_bytes", "Their bytes", stats.inflight_bytes},
      {"paused", "MQTT connections that back-pressure keeps from being read", stats.paused},
      {"pauses_total", "Times that back-pressure stopped a reader", stats.pauses},
      {"accepted_total", "MQTT connections taken", stats.accepted},
      {"refused_over_limit_total", "MQTT connections over the bound", stats.refused_over_limit},
      {"connects_refused_total", "CONNACKs other than success", stats.connects_refused},
      {"connect_timeouts_total", "Connections without a CONNECT in time", stats.connect_timeouts},
      {"tls_failures_total", "TLS handshakes that failed", stats.tls_failures},
      {"takeovers_total", "Sessions ended because the client came again", stats.takeovers},
      {"keep_alive_timeouts_total", "Sessions ended for silence", stats.keep_alive_timeouts},
      {"protocol_errors_total", "Sessions ended for faults of the client", stats.protocol_errors},
      {"write_stalls_total", "Connections that took no bytes", stats.write_stalls},
      {"acknowledged_total", "MQTT messages acknowledged", stats.publishes_acknowledged},
      {"rejected_total", "MQTT messages refused for good", stats.publishes_rejected},
      {"unavailable_total", "MQTT messages not acknowledged", stats.publishes_unavailable},
      {"duplicates_total", "Repeated packet identifiers", stats.duplicates},
      {"bytes_in_total", "Bytes read from MQTT clients", stats.bytes_in},
      {"bytes_out_total", "Bytes written to MQTT clients", stats.bytes_out},
  };
  for (const auto& row : rows)
    metrics.set(std::string("pulse_mqtt_") + row.name, row.help, {{"service", loop}},
                static_cast<double>(row.value.get()));
  for (std::size_t qos = 0; qos < stats.messages_in.size(); ++qos)
    metrics.set("pulse_mqtt_messages_in_total", "PUBLISH packets received",
                {{"service", loop}, {"qos", std::to_string(qos)}},
                static_cast<double>(stats.messages_in[qos].get()));
  for (std::size_t code = 0; code < stats.failures_by_reason.size(); ++code) {
    const auto n = stats.failures_by_reason[code].get();
    if (n == 0) continue;
    const auto reason = mqtt::reason_name(static_cast<mqtt::Reason>(code));
    metrics.set("pulse_mqtt_failures_total", "Failures told to MQTT clients",
                {{"service", loop}, {"reason", std::string(reason)}}, static_cast<double>(n));
  }
}

}  // namespace pulse::telemetry
