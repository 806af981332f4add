#include "platform/mqtt/endpoint_core.hpp"

#include <sys/random.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <charconv>

#include "platform/mqtt/session.hpp"

namespace pulse::mqtt {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using reuse_port = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

/// Bytes read at once; a burst of small packets is parsed in one go.
constexpr std::size_t scratch_bytes = 32 * 1024;
/// Out of file descriptors and the like: accepting again at once would only spin.
constexpr std::chrono::milliseconds accept_retry{100};
constexpr std::chrono::milliseconds stop_poll{10};
/// After the last DISCONNECT of a stop, clients get so long to read it.
constexpr std::chrono::milliseconds stop_linger{500};

/// A clock further ahead than this is no clock, and not followed.
constexpr std::uint64_t clock_skew_max_ms = 24 * 3600 * 1000;

std::uint64_t now_ms() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(since).count());
}

Task<> sleep_for(asio::io_context& context, std::chrono::milliseconds duration) {
  asio::steady_timer timer(context, duration);
  co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace

std::string new_session_id(std::uint64_t not_before_ms) {
  std::array<unsigned char, 16> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw std::runtime_error("getrandom failed");
  }
  const auto now = std::max(not_before_ms, now_ms());
  for (int i = 0; i < 6; ++i) bytes[i] = static_cast<unsigned char>(now >> (8 * (5 - i)));
  std::string text;
  text.reserve(32);
  for (const auto byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 0x0F];
  }
  return text;
}

std::string EndpointCore::next_session_id() {
  auto id = new_session_id(last_session_ms_ + 1);
  saw_session_id(id);
  return id;
}

void EndpointCore::saw_session_id(std::string_view session_id) {
  std::uint64_t ms = 0;
  std::from_chars(session_id.data(),
                  session_id.data() + std::min<std::size_t>(12, session_id.size()), ms, 16);
  if (ms < now_ms() + clock_skew_max_ms) last_session_ms_ = std::max(last_session_ms_, ms);
}

struct EndpointCore::Listener {
  tcp::acceptor acceptor;
  TlsContext tls;
};

EndpointCore::EndpointCore(asio::io_context& io, Hooks the_hooks, const Limits& the_limits)
    : context(io),
      hooks(std::move(the_hooks)),
      limits(the_limits),
      scratch(scratch_bytes),
      tick_timer_(io) {}

std::uint64_t EndpointCore::ticks(std::chrono::milliseconds duration) const {
  const auto tick = limits.tick.count();
  return static_cast<std::uint64_t>((duration.count() + tick - 1) / tick);
}

void EndpointCore::start_ticking() { schedule_tick(); }

void EndpointCore::schedule_tick() {
  tick_timer_.expires_after(limits.tick);
  tick_timer_.async_wait([weak = weak_from_this()](error_code error) {
    const auto self = weak.lock();
    if (error || !self || self->abandoned_) return;
    self->on_tick();
    self->schedule_tick();
  });
}

/// A loop that was held up ticks late, never twice at once: a client whose bytes wait in its socket
/// is not taken for a silent one.
void EndpointCore::on_tick() {
  wheel.advance([](TimerNode& node) { Session::of(node).on_timer(); });
}

std::uint16_t EndpointCore::listen(const std::string& host, std::uint16_t port, TlsContext tls) {
  const tcp::endpoint address(asio::ip::make_address(host), port);
  auto listener = std::make_shared<Listener>(Listener{tcp::acceptor(context), std::move(tls)});
  auto& acceptor = listener->acceptor;
  acceptor.open(address.protocol());
  acceptor.set_option(tcp::acceptor::reuse_address(true));
  acceptor.set_option(reuse_port(true));
  acceptor.bind(address);
  acceptor.listen(4096);
  listeners_.push_back(listener);
  asio::co_spawn(context, accept_loop(shared_from_this(), listener), asio::detached);
  return acceptor.local_endpoint().port();
}

Task<> EndpointCore::accept_loop(std::shared_ptr<EndpointCore> core,
                                 std::shared_ptr<Listener> listener) {
  while (listener->acceptor.is_open()) {
    bool out_of_resources = false;
    try {
      auto socket = co_await listener->acceptor.async_accept(asio::use_awaitable);
      core->admit(std::move(socket), listener->tls);
    } catch (const boost::system::system_error& error) {
      if (error.code() == asio::error::operation_aborted) co_return;
      // A client that went away before it was accepted is no reason to wait.
      out_of_resources = error.code() != asio::error::connection_aborted;
    } catch (const std::exception&) {
      core->stats.tls_failures.add();
    }
    if (out_of_resources) co_await sleep_for(core->context, accept_retry);
  }
}

void EndpointCore::admit(tcp::socket socket, const TlsContext& tls) {
  if (sessions_.size() >= limits.connections_max) {
    stats.refused_over_limit.add();
    return;
  }
  auto transport = tls ? make_tls_server(std::move(socket), tls) : make_tcp(std::move(socket));
  auto session = std::make_shared<Session>(shared_from_this(), std::move(transport),
                                           tls ? Protocol::tls : Protocol::tcp, std::string());
  asio::co_spawn(context, Session::run(std::move(session)), asio::detached);
}

Task<> EndpointCore::serve(std::unique_ptr<Transport> transport, Protocol protocol,
                           std::string peer_cert_cn) {
  const auto self = shared_from_this();
  if (stopping_ || abandoned_ || sessions_.size() >= limits.connections_max) {
    stats.refused_over_limit.add();
    transport->close();
    co_return;
  }
  auto session =
      std::make_shared<Session>(self, std::move(transport), protocol, std::move(peer_cert_cn));
  co_await Session::run(std::move(session));
}

void EndpointCore::enter(Session& session) {
  by_client_key_.emplace(session.info().client_key, &session);
  by_principal_.emplace(session.info().principal.name, &session);
  stats.sessions.add();
}

void EndpointCore::leave(Session& session) {
  const auto key = by_client_key_.find(session.info().client_key);
  if (key != by_client_key_.end() && key->second == &session) by_client_key_.erase(key);
  auto [first, last] = by_principal_.equal_range(session.info().principal.name);
  for (; first != last; ++first) {
    if (first->second != &session) continue;
    by_principal_.erase(first);
    break;
  }
  stats.sessions.subtract();
}

Session* EndpointCore::find(std::string_view client_key) const {
  const auto found = by_client_key_.find(client_key);
  return found == by_client_key_.end() ? nullptr : found->second;
}

void EndpointCore::flush_later(std::shared_ptr<Session> session) {
  if (session->flush_scheduled) return;
  session->flush_scheduled = true;
  to_flush_.push_back(std::move(session));
  if (to_flush_.size() > 1) return;
  asio::post(context, [self = shared_from_this()] {
    const auto sessions = std::move(self->to_flush_);
    self->to_flush_.clear();
    for (const auto& each : sessions) {
      each->flush_scheduled = false;
      each->flush();
    }
  });
}

bool EndpointCore::is_full() {
  if (stats.inflight_bytes.get() < limits.inflight_bytes_total_max) return false;
  was_full_ = true;
  return true;
}

void EndpointCore::room_freed() {
  if (!was_full_ || stats.inflight_bytes.get() >= limits.inflight_bytes_total_max / 4 * 3) return;
  was_full_ = false;
  const std::vector<Session*> paused(paused_.begin(), paused_.end());
  for (auto* session : paused) session->maybe_resume();
}

std::vector<std::shared_ptr<Session>> EndpointCore::all_sessions() const {
  std::vector<std::shared_ptr<Session>> all;
  all.reserve(sessions_.size());
  for (auto* session : sessions_) {
    // A session under destruction is still listed but can no more be held.
    if (auto held = session->weak_from_this().lock()) all.push_back(std::move(held));
  }
  return all;
}

std::vector<std::shared_ptr<Session>> EndpointCore::sessions_of(
    const std::string& principal_name) const {
  std::vector<std::shared_ptr<Session>> found;
  const auto [first, last] = by_principal_.equal_range(principal_name);
  for (auto it = first; it != last; ++it) found.push_back(it->second->shared_from_this());
  return found;
}

Delivery EndpointCore::deliver(const std::string& principal_name, const Message& message,
                               const DeliveryDone& done) {
  Delivery total;
  for (const auto& session : sessions_of(principal_name)) {
    const auto one = session->deliver(message, done);
    total.matched += one.matched;
    total.taken += one.taken;
  }
  return total;
}

Delivery EndpointCore::deliver_to_all(const Message& message, const DeliveryDone& done) {
  Delivery total;
  for (const auto& session : all_sessions()) {
    const auto one = session->deliver(message, done);
    total.matched += one.matched;
    total.taken += one.taken;
  }
  return total;
}

std::size_t EndpointCore::disconnect(const std::vector<std::shared_ptr<Session>>& sessions,
                                     const std::function<bool(const SessionInfo&)>& which,
                                     Reason reason, const std::string& text) {
  std::size_t count = 0;
  for (const auto& session : sessions) {
    if (!session->open() || !which(session->info())) continue;
    session->end({DisconnectCause::Kind::administrative, reason, text});
    ++count;
  }
  return count;
}

void EndpointCore::close_listeners() {
  for (const auto& listener : listeners_) {
    error_code ignored;
    listener->acceptor.close(ignored);
  }
  listeners_.clear();
}

Task<> EndpointCore::stop(std::chrono::milliseconds grace) {
  const auto self = shared_from_this();
  stopping_ = true;
  close_listeners();
  for (const auto& session : all_sessions()) session->drain();
  const auto wait_until = [this](std::chrono::steady_clock::time_point due, auto done) -> Task<> {
    while (!done() && std::chrono::steady_clock::now() < due) {
      co_await sleep_for(context, stop_poll);
    }
  };
  const auto now = std::chrono::steady_clock::now();
  co_await wait_until(now + grace, [this] { return stats.sessions.get() == 0; });
  for (const auto& session : all_sessions()) {
    session->end(
        {DisconnectCause::Kind::shutdown, Reason::server_shutting_down, "server is shutting down"});
  }
  co_await wait_until(std::chrono::steady_clock::now() + std::min(stop_linger, limits.linger),
                      [this] { return sessions_.empty(); });
  for (const auto& session : all_sessions()) session->close_now();
}

void EndpointCore::abandon() {
  abandoned_ = stopping_ = true;
  close_listeners();
  tick_timer_.cancel();
  for (const auto& session : all_sessions()) session->close_now();
}

}  // namespace pulse::mqtt
