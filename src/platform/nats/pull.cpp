// Pulling from a durable consumer: requests ahead of need, leases, acknowledgement.
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <map>

#include "platform/clock.hpp"
#include "platform/log.hpp"
#include "platform/nats/client_impl.hpp"

namespace pulse::nats {

namespace asio = boost::asio;

namespace {

constexpr std::int64_t longest_request_ms = 2'000;
/// A request that the server should have ended so long ago is lost.
constexpr std::int64_t request_lost_ms = 1'000;
/// How long a lane that is asked no more may still bring what was on its way.
constexpr std::int64_t lane_linger_ms = 10'000;
constexpr std::int64_t refused_pause_ms = 200;

/// $JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time ns>.<pending>, or
/// with domain and account hash before the stream and a token at the end (from nats-server 2.10
/// on).
bool read_ack_subject(std::string_view subject, Delivered& out) {
  std::vector<std::string_view> tokens;
  std::size_t at = 0;
  while (at <= subject.size()) {
    const auto end = std::min(subject.find('.', at), subject.size());
    tokens.push_back(subject.substr(at, end - at));
    at = end + 1;
  }
  if (tokens.size() < 9 || tokens[0] != "$JS" || tokens[1] != "ACK") return false;
  const std::size_t first = tokens.size() >= 11 ? 6 : 4;
  const auto number = [&](std::size_t i) {
    std::int64_t n = 0;
    std::from_chars(tokens[i].data(), tokens[i].data() + tokens[i].size(), n);
    return n;
  };
  out.deliveries = static_cast<std::uint64_t>(number(first));
  out.stream_sequence = static_cast<std::uint64_t>(number(first + 1));
  out.consumer_sequence = static_cast<std::uint64_t>(number(first + 2));
  out.stored_ms = number(first + 3) / 1'000'000;
  out.pending = static_cast<std::uint64_t>(number(first + 4));
  return true;
}

/// Shared with nats.c's threads; each message is put here by them and taken on the loop.
struct PullState {
  explicit PullState(const asio::any_io_executor& e) : timer(e) {}

  std::mutex mutex;
  std::deque<Delivered> queue;
  std::size_t queue_bytes = 0;  ///< data of what is queued
  std::int64_t lease_ms = 0;
  std::int64_t expires_ms = 0;    ///< after it the server ends a request that is not filled
  std::int64_t ask_after_ms = 0;  ///< the server refused a request: not before then
  bool wake_posted = false;
  std::shared_ptr<Mailbox> box;
  asio::steady_timer timer;  // of the loop's thread
  bool waiting = false;      // of the loop's thread
};

/// Requests and their answers on one inbox. The end of a request comes to its own subject, but a
/// message carries the subject that it was published to: which request it answers is not said. The
/// server never sends more than was asked for, so the k-th message was sent after the request
/// arrived that brought the sum of what was asked for to k: counting messages off the oldest open
/// request gives a time that is never after the sending, which is what a lease must start from.
///
/// That holds only while each request's end is known. After a reconnect, or when a request got
/// lost, a new lane is opened, and what still comes to the old one is counted there.
struct Lane {
  struct Request {
    std::int64_t sent_ms = 0;
    std::size_t left = 0;
  };
  std::shared_ptr<PullState> state;
  std::string inbox;
  std::map<std::uint64_t, Request> requests;  // by state->mutex; oldest first
  std::int64_t last_sent_ms = 0;              // by state->mutex

  /// When the request was sent that this message answers, at the latest.
  std::int64_t count_message() {
    const auto oldest = requests.begin();
    if (oldest == requests.end()) return last_sent_ms - state->expires_ms;
    const auto sent = oldest->second.sent_ms;
    if (--oldest->second.left == 0) requests.erase(oldest);
    return sent;
  }
};

void wake(const std::shared_ptr<PullState>& state) {
  state->box->put([state] {
    {
      const std::lock_guard lock(state->mutex);
      state->wake_posted = false;
    }
    if (state->waiting) state->timer.cancel();
  });
}

/// The end of a request (404, 408, 409, 503), or a message.
void on_pulled(Lane& lane, natsMsg* message) {
  Delivered d;
  d.held = {message, [](void* m) { natsMsg_Destroy(static_cast<natsMsg*>(m)); }};
  auto& state = *lane.state;
  const std::string_view subject = natsMsg_GetSubject(message);
  const char* reply = natsMsg_GetReply(message);
  if (reply && read_ack_subject(reply, d)) {
    d.subject = subject;
    d.data = {natsMsg_GetData(message), static_cast<std::size_t>(natsMsg_GetDataLength(message))};
    d.ack_subject = reply;
    const std::lock_guard lock(state.mutex);
    d.lease_ends_ms = lane.count_message() + state.lease_ms;
    state.queue_bytes += d.data.size();
    state.queue.push_back(std::move(d));
    if (state.wake_posted) return;
    state.wake_posted = true;
  } else {
    if (!subject.starts_with(lane.inbox)) return;
    std::uint64_t id = 0;
    std::from_chars(subject.data() + lane.inbox.size(), subject.data() + subject.size(), id);
    const char *status = nullptr, *description = nullptr;
    natsMsgHeader_Get(message, "Status", &status);
    natsMsgHeader_Get(message, "Description", &description);
    const std::lock_guard lock(state.mutex);
    lane.requests.erase(id);
    // 408 is the ordinary end, and so is the one after all bytes that were asked for. Anything else
    // (no such consumer, nobody leads it) may go on for a while, and would be answered as fast as
    // it is asked.
    const bool ordinary =
        status &&
        (std::string_view(status) == "408" ||
         (description && std::string_view(description).find("MaxBytes") != std::string_view::npos));
    if (!ordinary) state.ask_after_ms = steady_ms() + refused_pause_ms;
    if (state.wake_posted) return;
    state.wake_posted = true;
  }
  wake(lane.state);
}

/// A lane that is listened to.
class OpenLane {
 public:
  OpenLane(Client::Impl& client, std::shared_ptr<PullState> state)
      : lane_{std::move(state), new_inbox(), {}, 0},
        subscription_(client, lane_.inbox + "*", "",
                      [this](natsMsg* message) { on_pulled(lane_, message); }) {
    subscription_.let_all_wait();
  }
  Lane& operator*() { return lane_; }

  std::int64_t retired_ms = 0;  ///< when the next lane was opened

 private:
  Lane lane_;
  RawSubscription subscription_;
};

class Puller : public PullConsumer {
 public:
  Puller(std::shared_ptr<Client::Impl> client, ConsumerConfig config,
         asio::any_io_executor executor)
      : client_(std::move(client)),
        config_(std::move(config)),
        state_(std::make_shared<PullState>(executor)) {
    state_->box = client_->mailbox(executor);
    // The server has its own clock, and its answer travels: stop well before it gives a message
    // away.
    state_->lease_ms = config_.ack_wait_ms - std::min<std::int64_t>(config_.ack_wait_ms / 5, 5'000);
    // A lease counts from its request: short ones need young requests.
    state_->expires_ms = std::clamp<std::int64_t>(config_.ack_wait_ms / 4, 10, longest_request_ms);
    open_lane();
  }

  Task<std::vector<Delivered>> fetch(std::size_t max, long wait_ms) override {
    const auto deadline = steady_ms() + wait_ms;
    std::vector<Delivered> out;
    while (true) {
      keep_asking(max);
      take(max, out);
      if (!out.empty() || steady_ms() >= deadline) break;
      // A request that was lost with its connection is asked again at the latest then.
      state_->timer.expires_after(
          std::chrono::milliseconds(std::min<std::int64_t>(deadline - steady_ms(), 200)));
      state_->waiting = true;
      boost::system::error_code ec;
      if (!has_messages())
        co_await state_->timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
      state_->waiting = false;
    }
    co_return out;
  }

  void ack(const Delivered& m) override { answer(m, "+ACK"); }
  void nak(const Delivered& m, long delay_ms) override {
    answer(m, "-NAK {\"delay\":" + std::to_string(delay_ms * 1'000'000) + "}");
  }
  void in_progress(const Delivered& m) override { answer(m, "+WPI"); }
  void drop_pending() override {
    // The server would give what comes back to the requests that are still open here.
    lanes_.clear();
    std::deque<Delivered> dropped;
    {
      const std::lock_guard lock(state_->mutex);
      dropped.swap(state_->queue);
      state_->queue_bytes = 0;
    }
    for (const auto& m : dropped) answer(m, "-NAK");
  }

 private:
  void answer(const Delivered& m, std::string_view verdict) {
    // Lost with the connection: the message is delivered again, and found to be stored.
    client_->send(m.ack_subject, {}, verdict);
  }

  bool has_messages() {
    const std::lock_guard lock(state_->mutex);
    return !state_->queue.empty();
  }

  void take(std::size_t max, std::vector<Delivered>& out) {
    const std::lock_guard lock(state_->mutex);
    const auto now = steady_ms();
    while (!state_->queue.empty() && out.size() < max) {
      // A message that waited here past its lease is someone else's by now.
      state_->queue_bytes -= state_->queue.front().data.size();
      if (state_->queue.front().lease_ends_ms > now)
        out.push_back(std::move(state_->queue.front()));
      state_->queue.pop_front();
    }
  }

  void open_lane() {
    const auto now = steady_ms();
    if (!lanes_.empty()) lanes_.back()->retired_ms = now;
    generation_ = client_->reconnects.load();
    lanes_.push_back(std::make_unique<OpenLane>(*client_, state_));
    while (lanes_.size() > 1 && lanes_.front()->retired_ms < now - lane_linger_ms)
      lanes_.pop_front();
  }

  /// A reconnect ends all requests; one that is not ended in time was lost.
  bool lane_is_lost() {
    if (lanes_.empty() || generation_ != client_->reconnects.load()) return true;
    const std::lock_guard lock(state_->mutex);
    const auto& requests = (**lanes_.back()).requests;
    return !requests.empty() &&
           requests.begin()->second.sent_ms < steady_ms() - state_->expires_ms - request_lost_ms;
  }

  /// Sends a request when what is here and on its way is no more than one fetch, so that the next
  /// batch comes while this one is worked on, and never more than two wait here.
  void keep_asking(std::size_t max) {
    if (!client_->connected) return;
    if (lane_is_lost()) open_lane();
    auto& lane = **lanes_.back();
    std::uint64_t id = 0;
    {
      const std::lock_guard lock(state_->mutex);
      const auto now = steady_ms();
      std::size_t expected = state_->queue.size();
      for (const auto& [key, request] : lane.requests) expected += request.left;
      const auto bytes = state_->queue_bytes + lane.requests.size() * config_.max_request_bytes;
      if (lane.requests.size() >= 2 || expected > max || bytes > config_.max_request_bytes ||
          now < state_->ask_after_ms)
        return;
      id = ++last_request_;
      lane.requests[id] = Lane::Request{now, max};
      lane.last_sent_ms = now;
    }
    const std::string body = "{\"batch\":" + std::to_string(max) +
                             ",\"max_bytes\":" + std::to_string(config_.max_request_bytes) +
                             ",\"expires\":" + std::to_string(state_->expires_ms * 1'000'000) + "}";
    const bool sent =
        client_->send("$JS.API.CONSUMER.MSG.NEXT." + config_.stream + "." + config_.durable,
                      lane.inbox + std::to_string(id), body);
    if (sent) return;
    const std::lock_guard lock(state_->mutex);
    lane.requests.erase(id);
  }

  std::shared_ptr<Client::Impl> client_;
  ConsumerConfig config_;
  std::shared_ptr<PullState> state_;
  std::deque<std::unique_ptr<OpenLane>> lanes_;  // the last one is asked
  std::uint64_t last_request_ = 0;
  std::uint64_t generation_ = 0;
};

}  // namespace

std::unique_ptr<PullConsumer> Client::pull(ConsumerConfig config, asio::any_io_executor executor) {
  return std::make_unique<Puller>(impl_, std::move(config), std::move(executor));
}

}  // namespace pulse::nats
