#pragma once
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "platform/mqtt/client.hpp"
#include "platform/mqtt/completion.hpp"
#include "platform/mqtt/frame.hpp"
#include "platform/mqtt/packet.hpp"
#include "platform/mqtt/transport.hpp"

namespace pulse::mqtt {

/// State of one Client; held by its reader and writer coroutines too.
class Client::Impl : public std::enable_shared_from_this<Client::Impl> {
 public:
  using PublishDone = std::function<void(const PublishAck&)>;

  explicit Impl(boost::asio::any_io_executor executor);

  // client_connection.cpp
  Task<ConnectResult> connect(ClientOptions options);
  Task<> disconnect(Reason reason);
  void close(ConnectionEnd end);
  void send_raw(std::string_view bytes);

  // client.cpp
  void publish(std::string_view topic, std::string_view payload, const PublishOptions& options,
               PublishDone done);
  Task<Reason> request(PacketType type, std::string filter, Qos qos, std::uint32_t identifier);
  void hold_acks(bool hold);

  boost::asio::any_io_executor executor;
  bool open = false;
  std::function<void(const ClientMessage&)> on_message;
  std::function<void(const ConnectionEnd&)> on_end;
  std::size_t inflight() const { return inflight_.size() + waiting_.size(); }
  std::size_t unsent_bytes() const { return out_.size() + writing_bytes_; }

 private:
  struct Sent {
    Qos qos;
    PublishDone done;
  };
  struct Waiting {
    std::string topic, payload;
    PublishOptions options;
    PublishDone done;
  };

  Task<> open_transport();
  void send_connect();
  static Task<> read_loop(std::shared_ptr<Impl> self);
  static Task<> write_loop(std::shared_ptr<Impl> self);
  void flush();
  void flush_later();
  void keep_alive();
  void start_timeout(std::chrono::milliseconds timeout);

  bool handle(const Frame& frame);
  void on_connack(const Connack& packet);
  void on_publish(const Publish& packet);
  void on_ack(const Ack& packet);
  void answer(PacketType type, std::uint16_t packet_id);
  void send(std::string_view topic, std::string_view payload, const PublishOptions& options,
            PublishDone done);
  void send_waiting();
  std::uint16_t free_id();

  ClientOptions options_;
  /// Null when there is no connection. The loops hold it too, so that close() needs not wait.
  std::shared_ptr<Transport> transport_;
  std::unique_ptr<boost::asio::ip::tcp::socket> connecting_;
  boost::asio::steady_timer timeout_, keep_alive_timer_;
  FrameBuffer kept_;
  std::string out_;
  std::size_t writing_bytes_ = 0;
  bool writing_ = false, flush_scheduled_ = false, sent_since_tick_ = false;
  bool timed_out_ = false, disconnecting_ = false, hold_acks_ = false;
  std::uint64_t generation_ = 0;  ///< of the connection, so that old coroutines know they are old

  Completion<> connack_, drained_, ended_;
  ConnectResult result_;
  bool got_connack_ = false;
  std::uint16_t last_id_ = 0;
  std::unordered_map<std::uint16_t, Sent> inflight_;
  std::deque<Waiting> waiting_;
  std::unordered_map<std::uint16_t, Completion<std::optional<Reason>>> requests_;
  std::unordered_set<std::uint16_t> qos2_received_;
  std::vector<std::pair<PacketType, std::uint16_t>> held_;
};

}  // namespace pulse::mqtt
