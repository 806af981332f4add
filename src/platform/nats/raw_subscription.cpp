#include "platform/nats/raw_subscription.hpp"

#include <charconv>
#include <mutex>

#include "platform/clock.hpp"
#include "platform/nats/client_impl.hpp"

namespace pulse::nats {

namespace {

constexpr std::string_view mark_name = "mark";
/// One that did not come back in so long is lost.
constexpr std::int64_t mark_lost_ms = 2'000;
/// No thread has an ended subscription in hand for so long. So those that end while no mark can be
/// sent, as the server is away, don't pile up.
constexpr std::int64_t surely_done_ms = 10'000;

void free_all(const std::vector<natsSubscription*>& ended) {
  for (auto* subscription : ended) natsSubscription_Destroy(subscription);
}

}  // namespace

/// Shared with nats.c's thread, which may let go of it long after the subscription ended.
struct RawSubscription::State {
  std::mutex mutex;  // held while `take` runs
  Take take;         // empty: the subscription has ended

  static void on_message(natsConnection*, natsSubscription*, natsMsg* message, void* closure) {
    const auto& state = *static_cast<std::shared_ptr<State>*>(closure);
    const std::lock_guard lock(state->mutex);
    if (state->take)
      state->take(message);
    else
      natsMsg_Destroy(message);
  }
  static void on_complete(void* closure) { delete static_cast<std::shared_ptr<State>*>(closure); }
};

RawSubscription::RawSubscription(Client::Impl& client, const std::string& subject,
                                 const std::string& queue, Take take)
    : client_(client), state_(std::make_shared<State>()) {
  state_->take = std::move(take);
  auto* closure = new std::shared_ptr<State>(state_);
  const auto status =
      queue.empty() ? natsConnection_Subscribe(&sub_, client.conn, subject.c_str(),
                                               State::on_message, closure)
                    : natsConnection_QueueSubscribe(&sub_, client.conn, subject.c_str(),
                                                    queue.c_str(), State::on_message, closure);
  if (status != NATS_OK) {
    delete closure;
    check(status, "NATS subscription");
  }
  natsSubscription_SetOnCompleteCB(sub_, State::on_complete, closure);
}

RawSubscription::~RawSubscription() {
  {
    Take gone;
    const std::lock_guard lock(state_->mutex);
    gone.swap(state_->take);
  }
  natsSubscription_Unsubscribe(sub_);
  client_.retire(sub_);
}

void RawSubscription::let_all_wait() { natsSubscription_SetPendingLimits(sub_, -1, -1); }

void Client::Impl::retire(natsSubscription* subscription) {
  {
    const std::lock_guard lock(mutex);
    if (!reader_ended) return retired.push_back(subscription);
  }
  natsSubscription_Destroy(subscription);
}

void Client::Impl::look_for_retired(std::unique_lock<std::mutex>& lock) {
  const auto now = steady_ms();
  if (!awaiting_mark.empty() && now > awaiting_since_ms + surely_done_ms) free_soon();
  if (awaiting_mark.empty()) {
    if (retired.empty()) return;
    awaiting_mark.swap(retired);
    awaiting_since_ms = now;
    first_mark = last_mark + 1;
  } else if (now < mark_sent_ms + mark_lost_ms) {
    return;
  }
  mark_sent_ms = now;
  const auto number = std::to_string(++last_mark);
  lock.unlock();
  send(inbox_prefix + std::string(mark_name), {}, number);
  lock.lock();
}

bool Client::Impl::take_mark(std::string_view name, std::string_view number) {
  if (name != mark_name) return false;
  std::uint64_t mark = 0;
  std::from_chars(number.data(), number.data() + number.size(), mark);
  const std::lock_guard lock(mutex);
  if (mark >= first_mark) free_soon();
  return true;
}

void Client::Impl::free_soon() {
  freeable.insert(freeable.end(), awaiting_mark.begin(), awaiting_mark.end());
  awaiting_mark.clear();
  send_signal.notify_one();
}

void Client::Impl::free_done(std::unique_lock<std::mutex>& lock) {
  std::vector<natsSubscription*> ended;
  ended.swap(freeable);
  lock.unlock();
  free_all(ended);
  lock.lock();
}

void Client::Impl::free_retired() {
  std::vector<natsSubscription*> ended;
  {
    const std::lock_guard lock(mutex);
    reader_ended = true;
    for (auto* some : {&freeable, &awaiting_mark, &retired}) {
      ended.insert(ended.end(), some->begin(), some->end());
      some->clear();
    }
  }
  free_all(ended);
}

}  // namespace pulse::nats
