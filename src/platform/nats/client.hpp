#pragma once
// NATS: one connection per process, shared by its loops. Core publish/subscribe, request/reply,
// JetStream publish with PubAck (thousands in flight), pull consumers, stream set-up.
#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "platform/limits.hpp"
#include "platform/task.hpp"

namespace pulse::nats {

/// The server can't be reached, did not answer in time, or refused.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Options {
  std::string url;  ///< nats://host:port[,nats://...]
  std::string name = "pulse";
};

struct Message {
  std::string subject;
  std::string reply;
  std::string data;
};

/// What JetStream said to a publish.
struct PubAck {
  std::uint64_t sequence = 0;
  bool duplicate = false;  ///< Nats-Msg-Id was seen in the duplicate window
};

/// Why a publish was not acknowledged.
enum class PublishFault { none, disconnected, timeout, refused, overloaded };
struct PublishResult {
  PublishFault fault = PublishFault::none;
  PubAck ack;
  std::string error;  ///< the server's words when refused (e.g. "maximum bytes exceeded")
  bool ok() const { return fault == PublishFault::none; }
};

struct StreamConfig {
  std::string name;
  std::vector<std::string> subjects;
  bool work_queue = false;  ///< messages leave when acknowledged; otherwise limits
  bool interest = false;
  std::int64_t max_bytes = -1;  ///< discard new: a full stream refuses the publish
  std::int64_t max_age_s = 0;   ///< 0: for ever
  std::int64_t duplicate_window_s = 120;
  int replicas = 1;
};

struct ConsumerConfig {
  std::string stream;
  std::string durable;
  std::int64_t ack_wait_ms = 60'000;
  std::int64_t max_ack_pending = 20'000;
  int max_deliver = -1;  ///< -1: for ever
  std::string filter_subject;
  /// Bytes of one pull request; at most twice as many are held. More than the server's largest
  /// message, which could not be had otherwise.
  std::size_t max_request_bytes = limits::nats_pull_bytes;
};

/// A message from a pull consumer, as it came: its texts are views into it. Acknowledge it with
/// PullConsumer::ack.
struct Delivered {
  std::unique_ptr<void, void (*)(void*)> held{nullptr, nullptr};
  std::string_view subject;
  std::string_view data;
  std::string_view ack_subject;
  std::uint64_t stream_sequence = 0;
  std::uint64_t consumer_sequence = 0;  ///< 1 for the consumer's first delivery, then without gaps
  std::uint64_t deliveries = 1;         ///< 1: the first time
  std::int64_t stored_ms = 0;           ///< when JetStream stored it (epoch ms)
  std::uint64_t pending = 0;            ///< how many waited behind it when it was sent
  std::int64_t lease_ends_ms = 0;       ///< steady ms; after it the server may deliver it elsewhere
};

class Subscription {
 public:
  virtual ~Subscription() = default;  // destruction unsubscribes; no callback runs afterwards
};

/// Pulls from a durable consumer with explicit acknowledgement. Used on one loop.
class PullConsumer {
 public:
  virtual ~PullConsumer() = default;
  /// Waits until at least one message is there (or `wait_ms` passed: empty answer), then takes up
  /// to `max`. Keeps requests outstanding so that the next batch is on its way while this one is
  /// worked on; holds at most `2 * max` messages and twice ConsumerConfig::max_request_bytes. A
  /// message whose lease ended while it waited here is dropped (the server delivers it again).
  /// Never throws for a lost connection: it waits.
  virtual Task<std::vector<Delivered>> fetch(std::size_t max, long wait_ms) = 0;
  virtual void ack(const Delivered&) = 0;
  virtual void nak(const Delivered&, long delay_ms) = 0;
  virtual void in_progress(const Delivered&) = 0;
  /// Gives back what is held: the server delivers it again at once.
  virtual void drop_pending() = 0;
};

struct ClientStats {
  bool connected = false;
  std::uint64_t reconnects = 0, published = 0, acked = 0, failed = 0;
  std::size_t in_flight = 0;
};

class Client {
 public:
  /// Connects in the background and for ever. Never throws for an absent server. Goes, or is
  /// drained, before the loops that it was used from.
  explicit Client(Options options);
  ~Client();
  Client(const Client&) = delete;

  bool connected() const;
  ClientStats stats() const;

  /// Core publish, fire and forget; dropped when disconnected, or when too much waits to be sent
  /// because the server does not read (returns false). Never blocks, as no publish does.
  bool publish(std::string_view subject, std::string_view data);
  /// Core subscription; `on_message` runs on `executor`'s loop. `queue` is an optional queue group.
  /// Survives reconnects. May be made before the connection is up.
  std::unique_ptr<Subscription> subscribe(std::string subject, std::string queue,
                                          boost::asio::any_io_executor executor,
                                          std::function<void(Message)> on_message);
  /// Request/reply. Throws Error on timeout or no responders.
  Task<std::string> request(std::string subject, std::string data, long timeout_ms);

  /// JetStream publish; completes when the PubAck arrived, was refused, or timed out. Resumes on
  /// the caller's executor. At most `max_in_flight()` are outstanding in the process (and 128 MiB
  /// not sent yet): beyond it the answer is `overloaded` at once. `msg_id` sets Nats-Msg-Id when
  /// not empty.
  Task<PublishResult> publish_acked(std::string subject, std::string data, std::string msg_id = {},
                                    long timeout_ms = 1'000);
  /// The same with a completion instead of a coroutine; `done` runs on `executor`'s loop.
  void publish_acked(std::string_view subject, std::string_view data, std::string_view msg_id,
                     long timeout_ms, boost::asio::any_io_executor executor,
                     std::function<void(PublishResult)> done);
  static constexpr std::size_t max_in_flight() { return limits::nats_in_flight; }

  /// Creates the stream or brings it up to date; idempotent. Throws Error.
  Task<> ensure_stream(StreamConfig config);
  Task<> ensure_consumer(ConsumerConfig config);
  /// Makes the consumer anew: it begins with the first message that the stream has. That is, of a
  /// work queue, the first that is not acknowledged, whoever it was delivered to. Throws Error.
  Task<> restart_consumer(ConsumerConfig config);
  /// The sequence below and at which every message is acknowledged.
  Task<std::uint64_t> acked_up_to(std::string stream, std::string durable);
  /// The highest sequence that the stream gave out; 0 when it never held a message.
  Task<std::uint64_t> last_sequence(std::string stream);
  /// Removes the messages below `sequence`.
  Task<> purge_below(std::string stream, std::uint64_t sequence);
  std::unique_ptr<PullConsumer> pull(ConsumerConfig config, boost::asio::any_io_executor executor);

  /// Waits until what was published is sent and answered (at most `timeout_ms`), and closes. What
  /// has no answer by then is `disconnected`. For graceful stop.
  void drain(long timeout_ms);

  struct Impl;  // of client_impl.hpp

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace pulse::nats
