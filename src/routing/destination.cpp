#include "routing/destination.hpp"

#include <algorithm>

namespace pulse::routing {

const DestinationKind& kind_named(std::string_view name) {
  for (const auto* kind : {&webhook_kind, &mqtt_republish_kind, &postgresql_kind})
    if (kind->name == name) return *kind;
  throw std::logic_error("unknown destination " + std::string(name));
}

bool may_be_private(const DestinationTools& tools, std::string_view host, int port) {
  const auto wanted = std::string(host) + ":" + std::to_string(port);
  return std::find(tools.private_hosts.begin(), tools.private_hosts.end(), wanted) !=
         tools.private_hosts.end();
}

std::string text_of(const boost::json::object& config, std::string_view name) {
  const auto* v = config.if_contains(name);
  if (!v || !v->is_string()) return {};
  return {v->get_string().data(), v->get_string().size()};
}

}  // namespace pulse::routing
