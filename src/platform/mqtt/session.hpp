#pragma once
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "platform/mqtt/completion.hpp"
#include "platform/mqtt/endpoint_core.hpp"
#include "platform/mqtt/frame.hpp"
#include "platform/mqtt/outbound.hpp"
#include "platform/mqtt/packet.hpp"

namespace pulse::mqtt {

/// A message from the client that the publish hook has.
struct Inbound {
  std::string body;         ///< the packet's body; `packet` points into it
  std::string alias_topic;  ///< the topic, when it came as an alias
  Publish packet;
  PublishView view;
  PublishResult result;
  bool done = false;
};

/// One connection from accept to close. One coroutine reads; while it waits for bytes, it, this
/// object and the socket are all that exists. Output collects in a string that is written once per
/// batch; only when the socket is full a second coroutine writes until it is empty.
class Session : public std::enable_shared_from_this<Session>, private TimerNode {
 public:
  Session(std::shared_ptr<EndpointCore> core, std::unique_ptr<Transport> transport,
          Protocol protocol, std::string peer_cert_cn);
  ~Session();

  /// The connection's life, to the end of the last read and write. Does not throw.
  static Task<> run(std::shared_ptr<Session> self);

  const SessionInfo& info() const { return *info_; }
  bool open() const { return state_ == State::open; }

  /// Ends the session: leaves the indexes, tells a 5.0 client why (`tell`), and closes when the
  /// client has had time to read it.
  void end(DisconnectCause cause, bool tell = true);
  /// Ends a connection that is of no more use, without a word.
  void drop(DisconnectCause cause);
  /// Reads no more; ends when the publish hook has given back all messages.
  void drain();
  void close_now();

  Delivery deliver(const Message& message, const DeliveryDone& done);
  void flush();
  void maybe_resume(bool force = false);
  bool flush_scheduled = false;  ///< of EndpointCore::flush_later
  static Session& of(TimerNode& node) { return static_cast<Session&>(node); }
  void on_timer();
  bool superseded_by(const std::string& session_id) const;

 private:
  enum class State : std::uint8_t { connecting, authenticating, open, lingering, closed };

  /// A packet whose handling waits for a hook; nothing is read meanwhile.
  struct Deferred {
    PacketType type;
    std::uint8_t flags;
    std::string body;
  };
  struct Subscription {
    std::string filter;
    Qos qos;
    std::uint32_t identifier;
  };
  enum class Qos2 : std::uint8_t { with_hook, received };

  // session.cpp: reading, writing, time; session_end.cpp: endings and deliveries
  Task<> read_loop();
  void pump(std::string_view fresh);
  bool handle(const Frame& frame);
  Task<> handle_deferred();
  static Task<> write_loop(std::shared_ptr<Session> self);
  void output_changed();
  bool must_pause(std::size_t divisor = 1) const;
  void arm();
  void fault(const Fault& fault);
  void on_disconnect(const Frame& frame);
  void linger();
  void leave(const DisconnectCause& cause);
  SessionRef ref() { return {info_, weak_from_this()}; }
  bool alive() const { return state_ < State::lingering; }

  // session_connect.cpp
  Task<> on_connect(const Deferred& packet);
  bool acceptable(const Connect& connect);
  void refuse_connect(Reason reason, std::string_view text);
  void accept_connect(const Connect& connect, AuthResult result, std::string client_id,
                      bool assigned);
  Task<> on_subscribe(const Deferred& packet);
  Task<Reason> subscribe_one(const SubscribeEntry& entry, std::uint32_t identifier);
  void on_unsubscribe(const Deferred& packet);

  // session_publish.cpp
  void on_publish(const Frame& frame);
  bool check_publish(Publish& packet, Inbound& inbound);
  bool resolve_alias(Publish& packet, Inbound& inbound);
  bool is_repeated(const Publish& packet);
  static Task<> run_publish(std::shared_ptr<Session> self, std::list<Inbound>::iterator inbound);
  void complete(std::list<Inbound>::iterator inbound, PublishResult result);
  void complete_qos0(PublishResult result);
  void acknowledge_in_order();
  bool acknowledge(Inbound& inbound);
  void send_ack(PacketType type, std::uint16_t packet_id, Reason reason, std::string_view text);
  void on_pubrel(const Ack& ack);
  void on_ack(const Frame& frame);

  std::shared_ptr<EndpointCore> core_;
  std::unique_ptr<Transport> transport_;
  std::shared_ptr<const SessionInfo> info_;
  std::unique_ptr<Will> will_;
  std::unique_ptr<Deferred> deferred_;
  std::unique_ptr<Outbound> outbound_;
  std::string peer_cert_cn_;
  FrameBuffer kept_;
  std::string out_;
  std::size_t writing_bytes_ = 0;

  std::list<Inbound> unacknowledged_;  ///< QoS 1 and 2, in order of receipt
  std::list<Inbound> qos0_;
  std::unordered_map<std::uint16_t, Qos2> qos2_;
  std::vector<Subscription> subscriptions_;
  std::vector<std::string> aliases_;
  std::size_t inflight_bytes_ = 0;
  Completion<> resume_, written_out_;

  std::uint64_t connect_due_ = 0, last_receipt_ = 0, linger_due_ = 0, stall_since_ = 0;
  std::uint64_t stall_mark_ = 0, opened_at_ = 0;
  std::uint32_t keep_alive_ticks_ = 0;
  std::uint32_t client_packet_bytes_max_ = 0;  ///< 0: no limit
  std::uint16_t client_receive_maximum_ = 65'535;
  Version version_ = Version::v311;
  Protocol protocol_;
  State state_ = State::connecting;
  bool version_known_ = false;
  bool problem_information_ = true;
  bool session_expiry_zero_ = true;
  bool writing_ = false;
  bool pumping_ = false;
  bool draining_ = false;
  bool paused_ = false;
  bool handling_ = false;  ///< a hook of handle_deferred is under way
  std::size_t qos2_received_ = 0;
};

}  // namespace pulse::mqtt
