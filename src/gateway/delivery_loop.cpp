#include "gateway/delivery_loop.hpp"

#include <thread>

#include "gateway/settings.hpp"

namespace pulse::gateway {

namespace {
constexpr int sends_at_once = 64;  // a thread of the HTTP client for each
constexpr std::size_t resolver_threads = 8;

routing::DestinationTools with_resolvers(routing::DestinationTools tools,
                                         std::shared_ptr<boost::asio::thread_pool> resolvers) {
  tools.resolvers = std::move(resolvers);
  return tools;
}

routing::DeliverySettings delivery_settings(const Config& config) {
  routing::DeliverySettings s;
  s.leadership = pool_options(config, "pulse-delivery-lead");
  s.sends_at_once = sends_at_once;
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
      http_(sends_at_once, 2'000),
      resolvers_(std::make_shared<boost::asio::thread_pool>(resolver_threads)),
      delivery_(
          with_resolvers(destination_tools(p, http_, pool_, loop_.io().get_executor()), resolvers_),
          p.sealer, p.metrics, delivery_settings(p.config)) {
  loop_.spawn("delivery", delivery_.run());
  loop_.start();
}

void DeliveryLoop::stop() {
  loop_.post([this] { delivery_.stop(); });
  for (int i = 0; i < 500 && delivery_.running(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  // What they still find comes to the loop.
  resolvers_->stop();
  resolvers_->join();
  loop_.stop();
}

}  // namespace pulse::gateway
