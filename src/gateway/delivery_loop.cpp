#include "gateway/delivery_loop.hpp"

#include <thread>

#include "gateway/settings.hpp"

namespace pulse::gateway {

namespace {
routing::DeliverySettings delivery_settings(const Config& config) {
  routing::DeliverySettings s;
  s.leadership = pool_options(config, "pulse-delivery-lead");
  return s;
}
}  // namespace

routing::DestinationTools destination_tools(Process& process, http::OutboundClient& http,
                                            pg::Pool& pool, boost::asio::any_io_executor executor) {
  routing::DestinationTools tools;
  tools.http = &http;
  tools.nats = &process.nats;
  tools.pool = &pool;
  tools.book = std::make_shared<routing::RouteBook>(process.nats, executor);
  tools.private_hosts = words(process.config.text("OUTBOUND_PRIVATE_HOSTS"));
  tools.executor = std::move(executor);
  return tools;
}

DeliveryLoop::DeliveryLoop(Process& p)
    : loop_("delivery"),
      pool_(loop_.io().get_executor(), pool_options(p.config, "pulse-delivery")),
      http_(64, 2'000),
      delivery_(destination_tools(p, http_, pool_, loop_.io().get_executor()), p.sealer, p.metrics,
                delivery_settings(p.config)) {
  loop_.spawn("delivery", delivery_.run());
  loop_.start();
}

void DeliveryLoop::stop() {
  loop_.post([this] { delivery_.stop(); });
  for (int i = 0; i < 500 && delivery_.running(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  loop_.stop();
}

}  // namespace pulse::gateway
