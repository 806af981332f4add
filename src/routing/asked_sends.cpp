#include "routing/asked_sends.hpp"

#include "platform/log.hpp"
#include "platform/loop.hpp"

namespace pulse::routing {

namespace {
constexpr std::int64_t patience_ms = 5'000;
}  // namespace

Task<Sent> send_asked(RoutingDeps d, StoredRoute route, OutgoingMessage message) {
  Sent out;
  auto target = target_of(*d.sealer, route);
  const auto& kind = kind_named(target.type);
  out.error = kind.fault(target, d.tools);
  out.permanent = !out.ok();
  if (out.permanent) co_return out;
  auto place = d.shares->take(route.tenant_id, 0, Pace::fast);
  const auto until = steady_ms() + patience_ms;
  while (!place) {
    if (steady_ms() >= until) {
      out.error = "Other samples and replays are under way: try again";
      out.ours = true;
      co_return out;
    }
    co_await sleep_ms(50);
    auto next = d.shares->take(route.tenant_id, 0, Pace::fast);
    if (next) place.emplace(std::move(*next));
  }
  const auto destination = kind.make(d.tools, std::move(target));
  std::vector<OutgoingMessage> messages;
  messages.push_back(std::move(message));
  try {
    auto sent = co_await destination->send(std::move(messages));
    out = std::move(sent[0]);
  } catch (const std::exception& e) {
    out.error = "Not delivered";
    log::error_throttled("a sample or replay of a route failed",
                         {{"route", route.id}, {"error", e.what()}}, 10);
  }
  co_return out;
}

}  // namespace pulse::routing
