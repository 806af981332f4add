#pragma once
// The loop of the delivery role.
#include "gateway/process.hpp"
#include "routing/delivery.hpp"

namespace pulse::gateway {

/// Messages of routes on their way to their destinations, on a loop of its own.
class DeliveryLoop {
 public:
  explicit DeliveryLoop(Process& process);
  /// What is under way is finished; what is not delivered stays in the queue.
  void stop();

 private:
  Loop loop_;
  pg::Pool pool_;
  http::OutboundClient http_;  ///< its own, so that slow destinations hold up nobody else
  std::shared_ptr<boost::asio::thread_pool> resolvers_;
  routing::Delivery delivery_;
};

/// What destinations are reached with from a loop.
routing::DestinationTools destination_tools(Process& process, http::OutboundClient& http,
                                            pg::Pool& pool, boost::asio::any_io_executor executor);

}  // namespace pulse::gateway
