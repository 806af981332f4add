#pragma once
// Inside of platform/nats only.
#include <nats/nats.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>

#include "platform/nats/client.hpp"
#include "platform/nats/mailbox.hpp"

namespace pulse::nats {

/// What came back for a message with a reply subject.
struct Reply {
  PublishFault fault = PublishFault::none;
  std::string data;
  bool no_responders = false;
};

struct Client::Impl {
  explicit Impl(Options o);
  ~Impl();

  void connect();
  void stop();
  std::shared_ptr<Mailbox> mailbox(const boost::asio::any_io_executor& executor);
  /// Publishes with a reply inbox; `done` runs on the thread that finds the outcome.
  void publish_for_reply(std::string_view subject, std::string_view data, std::string_view msg_id,
                         long timeout_ms, std::function<void(Reply)> done);
  void fail_all(PublishFault fault);
  void sweep_loop();

  static void on_reply(natsConnection*, natsSubscription*, natsMsg* message, void* closure);
  static void on_connected(natsConnection*, void* closure);
  static void on_disconnected(natsConnection*, void* closure);

  Options options;
  natsConnection* conn = nullptr;
  natsSubscription* inbox = nullptr;
  std::string inbox_prefix;
  std::atomic<bool> connected{false};
  std::atomic<std::uint64_t> reconnects{0}, published{0}, acked{0}, failed{0};

  struct Pending {
    std::function<void(Reply)> done;
  };
  std::mutex mutex;
  std::condition_variable sweep_signal;
  std::unordered_map<std::uint64_t, Pending> pending;
  std::deque<std::pair<std::int64_t, std::uint64_t>> deadlines;  // steady ms, token
  std::uint64_t next_token = 1;
  bool stopping = false;
  std::thread sweeper;

  std::mutex mailboxes_mutex;
  std::vector<std::shared_ptr<Mailbox>> mailboxes;
};

/// Throws Error with nats.c's words when `status` is not NATS_OK.
void check(natsStatus status, const char* what);

}  // namespace pulse::nats
