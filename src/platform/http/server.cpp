#include "platform/http/server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "platform/clock.hpp"
#include "platform/http/connection.hpp"
#include "platform/log.hpp"
#include "platform/loop.hpp"

namespace pulse::http {

using asio::ip::tcp;
using reuse_port = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

struct Server::Impl {
  Impl(asio::io_context& io, ServerOptions options, ServerHandlers handlers)
      : acceptor(io), shared(std::make_shared<Shared>()) {
    shared->options = std::move(options);
    shared->handlers = std::move(handlers);
    const tcp::endpoint endpoint(asio::ip::make_address(shared->options.host),
                                 shared->options.port);
    acceptor.open(endpoint.protocol());
    acceptor.set_option(tcp::acceptor::reuse_address(true));
    acceptor.set_option(reuse_port(true));
    acceptor.bind(endpoint);
    acceptor.listen(4096);
  }

  static Task<> serve(tcp::socket socket, std::shared_ptr<Shared> shared) {
    Connection connection(std::move(socket), std::move(shared));
    co_await connection.run();
  }

  static Task<> accept_loop(std::shared_ptr<Impl> self) {
    while (!self->shared->stopping) {
      boost::system::error_code ec;
      tcp::socket socket =
          co_await self->acceptor.async_accept(asio::redirect_error(asio::use_awaitable, ec));
      if (self->shared->stopping) co_return;
      if (ec) {
        // Out of file descriptors or the like: wait, others may close theirs.
        log::error_throttled("accept failed", {{"error", ec.message()}});
        co_await sleep_ms(50);
        continue;
      }
      if (self->shared->stats.connections >= self->shared->options.connections) {
        ++self->shared->stats.refused;
        continue;  // the socket closes here
      }
      asio::co_spawn(self->acceptor.get_executor(), serve(std::move(socket), self->shared),
                     asio::detached);
    }
  }

  tcp::acceptor acceptor;
  std::shared_ptr<Shared> shared;
};

Server::Server(asio::io_context& io, ServerOptions options, ServerHandlers handlers)
    : impl_(std::make_shared<Impl>(io, std::move(options), std::move(handlers))) {}
Server::~Server() = default;

unsigned short Server::port() const { return impl_->acceptor.local_endpoint().port(); }

void Server::start() {
  asio::co_spawn(impl_->acceptor.get_executor(), Impl::accept_loop(impl_), asio::detached);
}

Task<> Server::stop(long grace_ms) {
  auto self = impl_;
  self->shared->stopping = true;
  boost::system::error_code ec;
  self->acceptor.close(ec);
  // Cutting ends the coroutine later, not here, so the set does not change under us.
  const auto& open = self->shared->open;
  for (auto* connection : open) {
    if (connection->is_websocket())
      connection->go_away();
    else if (connection->idle())
      connection->cut();
  }
  const auto start = steady_ms(), deadline = start + grace_ms;
  const auto goodbye = start + std::min(grace_ms, limits::websocket_close_ms);
  while (!open.empty() && steady_ms() < goodbye) co_await sleep_ms(10);
  for (auto* connection : open)
    if (connection->is_websocket()) connection->cut();
  while (!open.empty() && steady_ms() < deadline) co_await sleep_ms(10);
  for (auto* connection : open) connection->cut();
  while (!self->shared->open.empty() && steady_ms() < deadline + 1'000) co_await sleep_ms(10);
}

ServerStats Server::stats() const { return impl_->shared->stats; }

}  // namespace pulse::http
