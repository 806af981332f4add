#include "telemetry/ingest_routes.hpp"

#include "platform/json/write.hpp"

namespace pulse::telemetry {

std::vector<routing::RoutedMessage> routed_messages(const routing::RouteBook& routes,
                                                    const std::vector<JudgedMessage>& messages,
                                                    std::size_t from, std::size_t to,
                                                    std::string_view stream) {
  std::vector<routing::RoutedMessage> out;
  if (routes.empty()) return out;
  for (std::size_t i = from; i < to; ++i) {
    const auto& m = messages[i];
    if (!m.accepted || !m.envelope.payload) continue;
    const auto* of_tenant = routes.of(m.envelope.tenant_id);
    if (!of_tenant) continue;
    // A stream that is made anew counts from 1 again: the time tells its messages apart.
    const auto id = std::string(stream) + std::to_string(m.stream_seq) + "-" +
                    std::to_string(m.envelope.received_ms);
    routing::Arrival arrival;
    arrival.tenant_id = m.envelope.tenant_id;
    arrival.device_id = m.envelope.device_id;
    arrival.topic = m.envelope.topic;
    arrival.id = id;
    arrival.received_ms = m.envelope.received_ms;
    auto some = routing::routed(*of_tenant, arrival, *m.envelope.payload, {});
    if (some.empty()) continue;
    const auto text = m.payload.carries_token ? without_token(*m.envelope.payload)
                                              : json::to_text(*m.envelope.payload);
    for (auto& message : some) {
      message.payload = text;
      out.push_back(std::move(message));
    }
  }
  return out;
}

}  // namespace pulse::telemetry
