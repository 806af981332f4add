#include "telemetry/ingest_routes.hpp"

#include "platform/json/write.hpp"
#include "platform/log.hpp"

namespace pulse::telemetry {

routing::Routed routed_messages(const routing::RouteBook& routes,
                                const std::vector<JudgedMessage>& messages, std::size_t from,
                                std::size_t to, std::string_view stream) {
  routing::Routed out;
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
    if (some.over > 0) {
      out.over += some.over;
      log::error_throttled("a message is taken by more routes than may, the newest go without",
                           {{"tenant", m.envelope.tenant_id},
                            {"topic", m.envelope.topic},
                            {"most", routing::most_routes_of_a_message},
                            {"left_out", some.over}},
                           10);
    }
    if (some.messages.empty()) continue;
    const auto text = m.payload.carries_token ? without_token(*m.envelope.payload)
                                              : json::to_text(*m.envelope.payload);
    for (auto& message : some.messages) {
      message.payload = text;
      out.messages.push_back(std::move(message));
    }
  }
  return out;
}

}  // namespace pulse::telemetry
