#pragma once
// Inside of platform/nats only.
#include <nats/nats.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>

#include "platform/nats/client.hpp"
#include "platform/nats/mailbox.hpp"
#include "platform/nats/raw_subscription.hpp"

namespace pulse::nats {

/// What came back for a message with a reply subject.
struct Reply {
  PublishFault fault = PublishFault::none;
  std::string data;
  bool no_responders = false;
};

/// Everything that goes out passes a queue and one sending thread. nats.c writes to its socket
/// under its lock, so a server that stands still would otherwise hold the loops that publish; and
/// it holds small writes back for a millisecond, where the sender flushes as soon as it has nothing
/// more.
struct Client::Impl : std::enable_shared_from_this<Client::Impl> {
  explicit Impl(Options o);
  ~Impl();

  void connect();
  void stop();
  /// Waits until all is sent and answered, at most `timeout_ms`.
  void settle(long timeout_ms);
  std::shared_ptr<Mailbox> mailbox(const boost::asio::any_io_executor& executor);
  /// Fire and forget; false when disconnected or too much waits already.
  bool send(std::string_view subject, std::string_view reply, std::string_view data);
  /// Publishes with a reply inbox; `done` runs on the thread that finds the outcome.
  void publish_for_reply(std::string_view subject, std::string_view data, std::string_view msg_id,
                         long timeout_ms, std::function<void(Reply)> done);

  struct Outgoing {
    std::string subject, reply, data, msg_id;
    std::uint64_t token = 0;  // of `pending`; 0: nobody waits for an answer

    std::size_t cost() const {
      return sizeof(Outgoing) + subject.size() + reply.size() + data.size() + msg_id.size();
    }
  };
  struct Pending {
    std::function<void(Reply)> done;
  };

  /// Queues a message; `mutex` is held. True when the sender must be woken.
  bool queue(Outgoing message);
  bool queue_is_full() const;
  void fail_all(PublishFault fault);
  void fail_one(std::uint64_t token);
  void send_loop();
  /// Sends one batch, `lock` held between its pieces.
  void send_batch(std::vector<Outgoing>& batch, std::unique_lock<std::mutex>& lock);
  void sweep_loop();
  natsStatus publish_now(const Outgoing& message);
  void look_at_status(natsConnection* of);
  void on_reply(natsMsg* message);

  /// Frees a subscription that was ended, when nats.c is done with it. nats.c 3.4 hands a message
  /// to its subscription after it let go of the lock under which it found it, and holds nothing
  /// that keeps it (nats.c's issue 637): it would lock what is freed, at which it aborts.
  void retire(natsSubscription* subscription);
  /// Sends a mark to the inbox. When it comes back, nats.c's reading thread is past each message
  /// that it had in hand when the subscriptions were ended. `lock` holds `mutex`.
  void look_for_retired(std::unique_lock<std::mutex>& lock);
  /// Whether a message to the inbox is a mark.
  bool take_mark(std::string_view name, std::string_view number);
  /// Those that waited for a mark wait for the sending thread now, which frees them: that takes
  /// nats.c's lock, which it holds for as long as a write is stuck, and nobody shall wait for an
  /// acknowledgement so long. The caller holds `mutex`.
  void free_soon();
  void free_done(std::unique_lock<std::mutex>& lock);
  /// Frees what is left of them: the reading thread has ended.
  void free_retired();

  static void on_connected(natsConnection*, void* closure);
  static void on_disconnected(natsConnection*, void* closure);
  static void on_closed(natsConnection*, void* closure);

  Options options;
  natsConnection* conn = nullptr;
  std::optional<RawSubscription> inbox;
  std::string inbox_prefix;
  std::mutex status_mutex;  // orders looks at the connection's status
  std::atomic<bool> connected{false};
  std::atomic<std::uint64_t> reconnects{0}, published{0}, acked{0}, failed{0};

  std::mutex mutex;
  std::condition_variable sweep_signal, send_signal, closed_signal;
  std::unordered_map<std::uint64_t, Pending> pending;
  /// By time-out in ms, so that each queue is in the order of its deadlines: (steady ms, token).
  std::map<long, std::deque<std::pair<std::int64_t, std::uint64_t>>> deadlines;
  std::vector<Outgoing> outgoing;
  /// What waits for the socket, here or in the sender's hand.
  std::size_t unsent = 0, unsent_bytes = 0;
  std::uint64_t next_token = 1;
  bool stopping = false, sending = false, closed = false;
  /// Ended subscriptions: those that came after a mark was sent, those that wait for one from
  /// `first_mark` on, and those that nats.c is done with.
  std::vector<natsSubscription*> retired, awaiting_mark, freeable;
  std::uint64_t first_mark = 0, last_mark = 0;
  std::int64_t awaiting_since_ms = 0, mark_sent_ms = 0;  // steady
  bool reader_ended = false;
  std::thread sweeper, sender;

  std::mutex mailboxes_mutex;
  std::vector<std::shared_ptr<Mailbox>> mailboxes;
};

/// Throws Error with nats.c's words when `status` is not NATS_OK.
void check(natsStatus status, const char* what);

/// The beginning of subjects that nobody else has, with a dot at its end.
std::string new_inbox();

}  // namespace pulse::nats
