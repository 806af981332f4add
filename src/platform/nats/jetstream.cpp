// JetStream: streams, consumers, pulling (the JSON API of nats-server 2.9).
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <charconv>
#include <map>

#include "platform/clock.hpp"
#include "platform/log.hpp"
#include "platform/nats/client_impl.hpp"

namespace pulse::nats {

namespace asio = boost::asio;
namespace bj = boost::json;

namespace {

constexpr long api_timeout_ms = 3'000;
constexpr std::int64_t second_ns = 1'000'000'000;
constexpr long pull_expires_ms = 5'000;

bj::object parse_answer(const std::string& text) {
  boost::system::error_code ec;
  auto json = bj::parse(text, ec);
  if (ec || !json.is_object()) throw Error("unreadable answer from JetStream");
  return json.as_object();
}

/// The error's description and code, or nothing.
std::optional<std::pair<std::int64_t, std::string>> api_error(const bj::object& answer) {
  const auto* e = answer.if_contains("error");
  if (!e || !e->is_object()) return std::nullopt;
  const auto& o = e->get_object();
  const auto* code = o.if_contains("err_code");
  const auto* text = o.if_contains("description");
  return std::pair<std::int64_t, std::string>(
      code && code->is_int64() ? code->get_int64() : 0,
      text && text->is_string() ? std::string(text->get_string()) : "refused");
}

constexpr std::int64_t stream_not_found = 10059;

bj::object stream_json(const StreamConfig& c) {
  bj::array subjects;
  for (const auto& s : c.subjects) subjects.emplace_back(s);
  return bj::object{{"name", c.name},
                    {"subjects", std::move(subjects)},
                    {"retention", c.work_queue ? "workqueue" : c.interest ? "interest" : "limits"},
                    {"max_consumers", -1},
                    {"max_msgs", -1},
                    {"max_bytes", c.max_bytes},
                    {"max_age", c.max_age_s * second_ns},
                    {"max_msg_size", -1},
                    {"storage", "file"},
                    {"discard", "new"},
                    {"num_replicas", c.replicas},
                    {"duplicate_window",
                     (c.max_age_s > 0 ? std::min(c.max_age_s, c.duplicate_window_s)
                                      : c.duplicate_window_s) *
                         second_ns}};
}

}  // namespace

Task<> Client::ensure_stream(StreamConfig config) {
  const auto wanted = stream_json(config);
  const auto info =
      parse_answer(co_await request("$JS.API.STREAM.INFO." + config.name, "", api_timeout_ms));
  const auto missing = api_error(info);
  std::string verb = "UPDATE";
  if (missing) {
    if (missing->first != stream_not_found)
      throw Error("stream " + config.name + ": " + missing->second);
    verb = "CREATE";
  } else {
    bool same = true;
    const auto& have = info.at("config").as_object();
    for (const auto& [key, value] : wanted) {
      const auto* known = have.if_contains(key);
      same = same && ((known && *known == value) || (!known && value == bj::value(0)));
    }
    if (same) co_return;
  }
  const auto answer = parse_answer(co_await request("$JS.API.STREAM." + verb + "." + config.name,
                                                    bj::serialize(wanted), api_timeout_ms));
  if (const auto e = api_error(answer)) throw Error("stream " + config.name + ": " + e->second);
}

Task<> Client::ensure_consumer(ConsumerConfig c) {
  bj::object config{{"durable_name", c.durable},
                    {"deliver_policy", "all"},
                    {"ack_policy", "explicit"},
                    {"ack_wait", c.ack_wait_ms * 1'000'000},
                    {"max_deliver", c.max_deliver},
                    {"max_ack_pending", c.max_ack_pending},
                    {"max_waiting", 512},
                    {"replay_policy", "instant"}};
  if (!c.filter_subject.empty()) config["filter_subject"] = c.filter_subject;
  bj::object body{{"stream_name", c.stream}, {"config", std::move(config)}};
  const auto answer = parse_answer(
      co_await request("$JS.API.CONSUMER.DURABLE.CREATE." + c.stream + "." + c.durable,
                       bj::serialize(body), api_timeout_ms));
  if (const auto e = api_error(answer)) throw Error("consumer " + c.durable + ": " + e->second);
}

Task<std::uint64_t> Client::acked_up_to(std::string stream, std::string durable) {
  const auto answer = parse_answer(
      co_await request("$JS.API.CONSUMER.INFO." + stream + "." + durable, "", api_timeout_ms));
  if (const auto e = api_error(answer)) throw Error("consumer " + durable + ": " + e->second);
  co_return static_cast<std::uint64_t>(
      answer.at("ack_floor").at("stream_seq").to_number<std::int64_t>());
}

Task<> Client::purge_below(std::string stream, std::uint64_t sequence) {
  const auto answer = parse_answer(co_await request(
      "$JS.API.STREAM.PURGE." + stream, "{\"seq\":" + std::to_string(sequence) + "}",
      api_timeout_ms));
  if (const auto e = api_error(answer)) throw Error("purge of " + stream + ": " + e->second);
}

namespace {

/// $JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time ns>.<pending>, or with
/// domain and account hash before the stream and a token at the end (from nats-server 2.10 on).
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
  out.stored_ms = number(first + 3) / 1'000'000;
  return true;
}

class Puller : public PullConsumer {
 public:
  Puller(std::shared_ptr<Client::Impl> client, ConsumerConfig config,
         asio::any_io_executor executor)
      : client_(std::move(client)),
        config_(std::move(config)),
        state_(std::make_shared<State>(executor)) {
    state_->box = client_->mailbox(executor);
    char* inbox = nullptr;
    check(natsInbox_Create(&inbox), "NATS inbox");
    inbox_ = std::string(inbox) + ".";
    natsInbox_Destroy(inbox);
    state_->prefix = inbox_.size();
    auto* closure = new std::shared_ptr<State>(state_);
    const auto status = natsConnection_Subscribe(&sub_, client_->conn, (inbox_ + "*").c_str(),
                                                 on_message, closure);
    if (status != NATS_OK) {
      delete closure;
      check(status, "NATS pull");
    }
    natsSubscription_SetPendingLimits(sub_, -1, -1);
    natsSubscription_SetOnCompleteCB(
        sub_, [](void* c) { delete static_cast<std::shared_ptr<State>*>(c); }, closure);
  }

  ~Puller() override {
    natsSubscription_Unsubscribe(sub_);
    natsSubscription_Destroy(sub_);
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
      if (!state_->has_messages())
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
    const std::lock_guard lock(state_->mutex);
    state_->queue.clear();
  }

 private:
  struct Request {
    std::int64_t sent_ms = 0;
    std::size_t left = 0;
  };
  struct State {
    explicit State(const asio::any_io_executor& e) : timer(e) {}
    bool has_messages() {
      const std::lock_guard lock(mutex);
      return !queue.empty();
    }
    std::mutex mutex;
    std::deque<Delivered> queue;
    std::map<std::uint64_t, Request> requests;
    std::int64_t lease_ms = 0;
    bool wake_posted = false;
    std::size_t prefix = 0;
    std::shared_ptr<Mailbox> box;
    asio::steady_timer timer;  // of the loop's thread
    bool waiting = false;      // of the loop's thread
  };

  void answer(const Delivered& m, std::string_view verdict) {
    if (!client_->connected) return;  // not acknowledged: it will be delivered again, and found
    natsConnection_Publish(client_->conn, m.ack_subject.c_str(), verdict.data(),
                           static_cast<int>(verdict.size()));
  }

  void take(std::size_t max, std::vector<Delivered>& out) {
    const std::lock_guard lock(state_->mutex);
    const auto now = steady_ms();
    while (!state_->queue.empty() && out.size() < max) {
      // A message that waited here past its lease is someone else's by now.
      if (state_->queue.front().lease_ends_ms > now) out.push_back(std::move(state_->queue.front()));
      state_->queue.pop_front();
    }
  }

  /// Sends requests so that up to `max` messages are on their way while `max` are being worked on.
  void keep_asking(std::size_t max) {
    if (!client_->connected) return;
    std::uint64_t id = 0;
    {
      const std::lock_guard lock(state_->mutex);
      const auto now = steady_ms();
      const auto generation = client_->reconnects.load();
      if (generation != generation_) {
        state_->requests.clear();  // the server forgot them with the old connection
        generation_ = generation;
      }
      std::size_t expected = state_->queue.size();
      for (auto it = state_->requests.begin(); it != state_->requests.end();) {
        if (now > it->second.sent_ms + pull_expires_ms + 1'000) {
          it = state_->requests.erase(it);
        } else {
          expected += it->second.left;
          ++it;
        }
      }
      if (state_->requests.size() >= 2 || expected > max) return;
      // Conservative: the lease starts when we ask, not when the message comes.
      state_->lease_ms = config_.ack_wait_ms - std::min<std::int64_t>(config_.ack_wait_ms / 5, 5'000);
      id = ++last_request_;
      state_->requests[id] = Request{now, max};
    }
    const std::string body = "{\"batch\":" + std::to_string(max) + ",\"expires\":" +
                             std::to_string(pull_expires_ms * 1'000'000) + "}";
    const std::string subject =
        "$JS.API.CONSUMER.MSG.NEXT." + config_.stream + "." + config_.durable;
    const std::string reply = inbox_ + std::to_string(id);
    natsConnection_PublishRequest(client_->conn, subject.c_str(), reply.c_str(), body.data(),
                                  static_cast<int>(body.size()));
  }

  static void on_message(natsConnection*, natsSubscription*, natsMsg* message, void* closure) {
    const auto& state = *static_cast<std::shared_ptr<State>*>(closure);
    const char* reply = natsMsg_GetReply(message);
    // The subject tells which request this answers... but a delivered message carries its own: the
    // request is found by the subscription's subject that NATS rewrote it to.
    const char* status = nullptr;
    natsMsgHeader_Get(message, "Status", &status);
    const std::string_view subject = natsMsg_GetSubject(message);
    std::uint64_t id = 0;
    const bool to_inbox = subject.starts_with("_INBOX.") && subject.size() > state->prefix;
    if (to_inbox)
      std::from_chars(subject.data() + state->prefix, subject.data() + subject.size(), id);
    bool wake = false;
    {
      const std::lock_guard lock(state->mutex);
      if (status && natsMsg_GetDataLength(message) == 0 && to_inbox) {
        state->requests.erase(id);  // expired, or the consumer moved: ask again
        wake = true;
      } else if (reply) {
        Delivered d;
        if (read_ack_subject(reply, d)) {
          d.subject = std::string(subject);
          d.data.assign(natsMsg_GetData(message),
                        static_cast<std::size_t>(natsMsg_GetDataLength(message)));
          d.ack_subject = reply;
          // Messages answer requests in their order; the oldest open one is the strictest lease.
          auto it = state->requests.begin();
          const auto sent = it != state->requests.end() ? it->second.sent_ms
                                                        : steady_ms() - pull_expires_ms;
          d.lease_ends_ms = sent + state->lease_ms;
          if (it != state->requests.end() && --it->second.left == 0) state->requests.erase(it);
          state->queue.push_back(std::move(d));
          wake = true;
        }
      }
      if (wake && state->wake_posted) wake = false;
      else if (wake) state->wake_posted = true;
    }
    natsMsg_Destroy(message);
    if (wake)
      state->box->put([state] {
        {
          const std::lock_guard lock(state->mutex);
          state->wake_posted = false;
        }
        if (state->waiting) state->timer.cancel();
      });
  }

  std::shared_ptr<Client::Impl> client_;
  ConsumerConfig config_;
  std::shared_ptr<State> state_;
  std::string inbox_;
  natsSubscription* sub_ = nullptr;
  std::uint64_t last_request_ = 0;
  std::uint64_t generation_ = 0;
};

}  // namespace

std::unique_ptr<PullConsumer> Client::pull(ConsumerConfig config, asio::any_io_executor executor) {
  return std::make_unique<Puller>(impl_, std::move(config), std::move(executor));
}

}  // namespace pulse::nats
