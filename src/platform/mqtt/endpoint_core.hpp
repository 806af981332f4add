#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "platform/mqtt/endpoint.hpp"
#include "platform/mqtt/timer_wheel.hpp"
#include "platform/mqtt/transport.hpp"

namespace pulse::mqtt {

class Session;

/// What the sessions of one Endpoint share: limits, hooks, counters, the read buffer, the clock of
/// ticks, and the indexes by client key and principal. Lives as long as the last session.
class EndpointCore : public std::enable_shared_from_this<EndpointCore> {
 public:
  EndpointCore(boost::asio::io_context& context, Hooks hooks, const Limits& limits);

  boost::asio::io_context& context;
  const Hooks hooks;
  const Limits limits;
  Stats stats;
  TimerWheel wheel;
  /// Every session reads through this buffer, and is done with it before it waits again.
  std::vector<char> scratch;

  void start_ticking();
  std::uint16_t listen(const std::string& host, std::uint16_t port, TlsContext tls);
  Task<> serve(std::unique_ptr<Transport> transport, Protocol protocol, std::string peer_cert_cn);
  Task<> stop(std::chrono::milliseconds grace);
  void abandon();

  /// Ticks that cover a duration, rounded up.
  std::uint64_t ticks(std::chrono::milliseconds duration) const;
  bool stopping() const { return stopping_; }
  bool abandoned() const { return abandoned_; }

  void add(Session& session) { sessions_.insert(&session); }
  void remove(Session& session) { sessions_.erase(&session); }
  /// Indexes a session that has its SessionInfo; a session with the same client key must have left.
  void enter(Session& session);
  void leave(Session& session);
  Session* find(std::string_view client_key) const;
  /// An id that is later than every one made or seen here, so that of two sessions of a client the
  /// later one is known by its id, whatever the clocks of two machines say.
  std::string next_session_id();
  void saw_session_id(std::string_view session_id);

  /// Writes the session's output once what is queued on the loop has run: acknowledgements that
  /// complete together leave together.
  void flush_later(std::shared_ptr<Session> session);
  void add_paused(Session& session) { paused_.insert(&session); }
  void remove_paused(Session& session) { paused_.erase(&session); }
  /// True when the publish hook holds all the bytes that it may, over all sessions.
  bool is_full();
  /// Called when bytes with the publish hook have become fewer: lets paused sessions read again.
  void room_freed();

  Delivery deliver(const std::string& principal_name, const Message& message,
                   const DeliveryDone& done);
  Delivery deliver_to_all(const Message& message, const DeliveryDone& done);
  bool serves(const std::string& principal_name) const {
    return by_principal_.contains(principal_name);
  }
  std::vector<std::shared_ptr<Session>> sessions_of(const std::string& principal_name) const;
  std::vector<std::shared_ptr<Session>> all_sessions() const;
  /// Ends those of `sessions` that are open and that `which` picks.
  std::size_t disconnect(const std::vector<std::shared_ptr<Session>>& sessions,
                         const std::function<bool(const SessionInfo&)>& which, Reason reason,
                         const std::string& text);

 private:
  struct Listener;
  static Task<> accept_loop(std::shared_ptr<EndpointCore> core, std::shared_ptr<Listener> listener);
  void admit(boost::asio::ip::tcp::socket socket, const TlsContext& tls);
  void schedule_tick();
  void on_tick();
  void close_listeners();

  boost::asio::steady_timer tick_timer_;
  std::vector<std::shared_ptr<Listener>> listeners_;
  std::unordered_set<Session*> sessions_;
  std::unordered_map<std::string_view, Session*> by_client_key_;
  std::unordered_multimap<std::string_view, Session*> by_principal_;
  std::vector<std::shared_ptr<Session>> to_flush_;
  std::unordered_set<Session*> paused_;
  std::uint64_t last_session_ms_ = 0;
  bool was_full_ = false;
  bool stopping_ = false;
  bool abandoned_ = false;
};

/// A time-ordered id: 12 hex digits of milliseconds (at least `not_before_ms`), 20 of randomness.
std::string new_session_id(std::uint64_t not_before_ms = 0);

}  // namespace pulse::mqtt
