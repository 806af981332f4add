#include "platform/nats/client.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <charconv>

#include "platform/clock.hpp"
#include "platform/log.hpp"
#include "platform/nats/client_impl.hpp"

namespace pulse::nats {

namespace asio = boost::asio;

void check(natsStatus status, const char* what) {
  if (status != NATS_OK)
    throw Error(std::string(what) + ": " + natsStatus_GetText(status));
}

Client::Impl::Impl(Options o) : options(std::move(o)) {}
Client::Impl::~Impl() { stop(); }

void Client::Impl::connect() {
  natsOptions* opts = nullptr;
  check(natsOptions_Create(&opts), "NATS options");
  const std::unique_ptr<natsOptions, void (*)(natsOptions*)> owned(opts, natsOptions_Destroy);
  natsOptions_SetURL(opts, options.url.c_str());
  if (options.url.find(',') != std::string::npos) {
    std::vector<std::string> servers;
    std::size_t at = 0;
    while (at <= options.url.size()) {
      const auto end = std::min(options.url.find(',', at), options.url.size());
      servers.push_back(options.url.substr(at, end - at));
      at = end + 1;
    }
    std::vector<const char*> list;
    for (const auto& s : servers) list.push_back(s.c_str());
    check(natsOptions_SetServers(opts, list.data(), static_cast<int>(list.size())), "NATS_URL");
  }
  natsOptions_SetName(opts, options.name.c_str());
  natsOptions_SetMaxReconnect(opts, -1);
  natsOptions_SetReconnectWait(opts, 200);
  natsOptions_SetReconnectJitter(opts, 100, 100);
  natsOptions_SetPingInterval(opts, 3'000);
  natsOptions_SetMaxPingsOut(opts, 2);
  natsOptions_SetTimeout(opts, 2'000);
  // Nothing is held back for later: a publish while disconnected fails, and its sender keeps it.
  natsOptions_SetReconnectBufSize(opts, 1);
  natsOptions_SetRetryOnFailedConnect(opts, true, on_connected, this);
  natsOptions_SetReconnectedCB(opts, on_connected, this);
  natsOptions_SetDisconnectedCB(opts, on_disconnected, this);
  natsOptions_SetMaxPendingMsgs(opts, 1'000'000);
  const auto status = natsConnection_Connect(&conn, opts);
  if (status == NATS_OK) connected = true;
  else if (status != NATS_NOT_YET_CONNECTED) check(status, "NATS_URL");
  char* prefix = nullptr;
  check(natsInbox_Create(&prefix), "NATS inbox");
  inbox_prefix = std::string(prefix) + ".";
  natsInbox_Destroy(prefix);
  check(natsConnection_Subscribe(&inbox, conn, (inbox_prefix + "*").c_str(), on_reply, this),
        "NATS inbox");
  natsSubscription_SetPendingLimits(inbox, -1, -1);
  sweeper = std::thread([this] { sweep_loop(); });
}

void Client::Impl::stop() {
  {
    const std::lock_guard lock(mutex);
    if (stopping) return;
    stopping = true;
  }
  sweep_signal.notify_all();
  if (sweeper.joinable()) sweeper.join();
  if (inbox) natsSubscription_Unsubscribe(inbox);
  if (conn) natsConnection_Close(conn);
  if (inbox) natsSubscription_Destroy(inbox);
  if (conn) natsConnection_Destroy(conn);
  inbox = nullptr;
  conn = nullptr;
  connected = false;
  fail_all(PublishFault::disconnected);
}

void Client::Impl::on_connected(natsConnection*, void* closure) {
  auto& self = *static_cast<Impl*>(closure);
  self.connected = true;
  ++self.reconnects;
  log::info("NATS connected", {{"name", self.options.name}});
}

void Client::Impl::on_disconnected(natsConnection*, void* closure) {
  auto& self = *static_cast<Impl*>(closure);
  self.connected = false;
  log::warn("NATS disconnected", {{"name", self.options.name}});
  // Whether these were stored nobody knows: no acknowledgement, so that the sender tries again.
  self.fail_all(PublishFault::disconnected);
}

void Client::Impl::fail_all(PublishFault fault) {
  std::unordered_map<std::uint64_t, Pending> all;
  {
    const std::lock_guard lock(mutex);
    all.swap(pending);
    deadlines.clear();
  }
  failed += all.size();
  for (auto& [token, p] : all) p.done(Reply{fault, {}, false});
}

void Client::Impl::sweep_loop() {
  std::unique_lock lock(mutex);
  while (!stopping) {
    sweep_signal.wait_for(lock, std::chrono::milliseconds(deadlines.empty() ? 200 : 20));
    std::vector<Pending> late;
    const auto now = steady_ms();
    while (!deadlines.empty()) {
      const auto [deadline, token] = deadlines.front();
      const auto it = pending.find(token);
      if (it != pending.end() && deadline > now) break;
      deadlines.pop_front();
      if (it == pending.end()) continue;
      late.push_back(std::move(it->second));
      pending.erase(it);
    }
    if (late.empty()) continue;
    lock.unlock();
    failed += late.size();
    for (auto& p : late) p.done(Reply{PublishFault::timeout, {}, false});
    lock.lock();
  }
}

void Client::Impl::on_reply(natsConnection*, natsSubscription*, natsMsg* message, void* closure) {
  auto& self = *static_cast<Impl*>(closure);
  const std::string_view subject = natsMsg_GetSubject(message);
  std::uint64_t token = 0;
  const auto tail = subject.substr(std::min(self.inbox_prefix.size(), subject.size()));
  std::from_chars(tail.data(), tail.data() + tail.size(), token);
  Pending found;
  {
    const std::lock_guard lock(self.mutex);
    const auto it = self.pending.find(token);
    if (it != self.pending.end()) {
      found = std::move(it->second);
      self.pending.erase(it);
    }
  }
  if (found.done) {
    Reply reply;
    reply.data.assign(natsMsg_GetData(message), static_cast<std::size_t>(natsMsg_GetDataLength(message)));
    reply.no_responders = natsMsg_IsNoResponders(message);
    found.done(std::move(reply));
  }
  natsMsg_Destroy(message);
}

std::shared_ptr<Mailbox> Client::Impl::mailbox(const asio::any_io_executor& executor) {
  const std::lock_guard lock(mailboxes_mutex);
  for (const auto& m : mailboxes)
    if (m->executor() == executor) return m;
  return mailboxes.emplace_back(std::make_shared<Mailbox>(executor));
}

void Client::Impl::publish_for_reply(std::string_view subject, std::string_view data,
                                     std::string_view msg_id, long timeout_ms,
                                     std::function<void(Reply)> done) {
  PublishFault fault = PublishFault::none;
  std::uint64_t token = 0;
  {
    const std::lock_guard lock(mutex);
    if (stopping || !connected) fault = PublishFault::disconnected;
    else if (pending.size() >= max_in_flight()) fault = PublishFault::overloaded;
    else {
      token = next_token++;
      pending.emplace(token, Pending{std::move(done)});
      deadlines.emplace_back(steady_ms() + timeout_ms, token);
    }
  }
  if (fault != PublishFault::none) {
    ++failed;
    done(Reply{fault, {}, false});
    return;
  }
  const std::string reply = inbox_prefix + std::to_string(token);
  const std::string to(subject);
  natsStatus status = NATS_OK;
  if (msg_id.empty()) {
    status = natsConnection_PublishRequest(conn, to.c_str(), reply.c_str(), data.data(),
                                           static_cast<int>(data.size()));
  } else {
    natsMsg* message = nullptr;
    status = natsMsg_Create(&message, to.c_str(), reply.c_str(), data.data(),
                            static_cast<int>(data.size()));
    if (status == NATS_OK)
      status = natsMsgHeader_Set(message, "Nats-Msg-Id", std::string(msg_id).c_str());
    if (status == NATS_OK) status = natsConnection_PublishMsg(conn, message);
    natsMsg_Destroy(message);
  }
  ++published;
  if (status == NATS_OK) return;
  Pending mine;
  {
    const std::lock_guard lock(mutex);
    const auto it = pending.find(token);
    if (it == pending.end()) return;  // failed meanwhile by a disconnect
    mine = std::move(it->second);
    pending.erase(it);
  }
  ++failed;
  mine.done(Reply{PublishFault::disconnected, {}, false});
}

Client::Client(Options options) : impl_(std::make_shared<Impl>(std::move(options))) {
  impl_->connect();
}
Client::~Client() { impl_->stop(); }

bool Client::connected() const { return impl_->connected; }

ClientStats Client::stats() const {
  ClientStats s;
  s.connected = impl_->connected;
  s.reconnects = impl_->reconnects;
  s.published = impl_->published;
  s.acked = impl_->acked;
  s.failed = impl_->failed;
  const std::lock_guard lock(impl_->mutex);
  s.in_flight = impl_->pending.size();
  return s;
}

bool Client::publish(std::string_view subject, std::string_view data) {
  if (!impl_->connected) return false;
  return natsConnection_Publish(impl_->conn, std::string(subject).c_str(), data.data(),
                                static_cast<int>(data.size())) == NATS_OK;
}

namespace {

/// {"stream":"TELEMETRY","seq":7,"duplicate":true} or {"error":{"description":"..."}}
PublishResult to_publish_result(Reply reply) {
  PublishResult out;
  out.fault = reply.fault;
  if (reply.fault != PublishFault::none) return out;
  out.fault = PublishFault::refused;
  if (reply.no_responders) {
    out.error = "no stream takes this subject";
    return out;
  }
  boost::system::error_code ec;
  const auto json = boost::json::parse(reply.data, ec);
  const auto* o = ec ? nullptr : json.if_object();
  if (!o) {
    out.error = "unreadable answer";
    return out;
  }
  if (const auto* e = o->if_contains("error")) {
    const auto* text = e->is_object() ? e->get_object().if_contains("description") : nullptr;
    out.error = text && text->is_string() ? std::string(text->get_string()) : "refused";
    return out;
  }
  const auto* seq = o->if_contains("seq");
  if (!o->contains("stream") || !seq || !seq->is_int64()) {
    out.error = "unreadable answer";
    return out;
  }
  out.fault = PublishFault::none;
  out.ack.sequence = static_cast<std::uint64_t>(seq->get_int64());
  const auto* duplicate = o->if_contains("duplicate");
  out.ack.duplicate = duplicate && duplicate->is_bool() && duplicate->get_bool();
  return out;
}

}  // namespace

void Client::publish_acked(std::string_view subject, std::string_view data,
                           std::string_view msg_id, long timeout_ms,
                           asio::any_io_executor executor,
                           std::function<void(PublishResult)> done) {
  auto box = impl_->mailbox(executor);
  auto* self = impl_.get();
  impl_->publish_for_reply(subject, data, msg_id, timeout_ms,
                           [self, box, done = std::move(done)](Reply reply) mutable {
                             auto result = to_publish_result(std::move(reply));
                             if (result.ok()) ++self->acked;
                             box->put([done = std::move(done), result = std::move(result)]() mutable {
                               done(std::move(result));
                             });
                           });
}

Task<PublishResult> Client::publish_acked(std::string subject, std::string data, std::string msg_id,
                                          long timeout_ms) {
  const auto executor = co_await asio::this_coro::executor;
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(PublishResult)>(
      [&](auto handler) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        publish_acked(subject, data, msg_id, timeout_ms, executor,
                      [shared](PublishResult r) { std::move (*shared)(std::move(r)); });
      },
      asio::use_awaitable);
}

Task<std::string> Client::request(std::string subject, std::string data, long timeout_ms) {
  const auto executor = co_await asio::this_coro::executor;
  auto box = impl_->mailbox(executor);
  Reply reply = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Reply)>(
      [&](auto handler) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        impl_->publish_for_reply(subject, data, {}, timeout_ms, [shared, box](Reply r) {
          box->put([shared, r = std::move(r)]() mutable { std::move (*shared)(std::move(r)); });
        });
      },
      asio::use_awaitable);
  if (reply.fault == PublishFault::timeout) throw Error("no answer in time on " + subject);
  if (reply.fault != PublishFault::none) throw Error("NATS is not connected");
  if (reply.no_responders) throw Error("nobody answers on " + subject);
  co_return std::move(reply.data);
}

void Client::drain(long timeout_ms) {
  if (impl_->conn && impl_->connected) natsConnection_FlushTimeout(impl_->conn, timeout_ms);
  impl_->stop();
}

// ---- core subscriptions ----

namespace {

/// Shared by nats.c's thread and the loop; the last of both to let go frees it.
struct SubscriptionState {
  std::shared_ptr<Mailbox> box;
  std::function<void(Message)> on_message;
  bool live = true;  // of the loop's thread
};

void on_message(natsConnection*, natsSubscription*, natsMsg* message, void* closure) {
  const auto& state = *static_cast<std::shared_ptr<SubscriptionState>*>(closure);
  Message m;
  m.subject = natsMsg_GetSubject(message);
  if (const char* reply = natsMsg_GetReply(message)) m.reply = reply;
  m.data.assign(natsMsg_GetData(message), static_cast<std::size_t>(natsMsg_GetDataLength(message)));
  natsMsg_Destroy(message);
  state->box->put([state, m = std::move(m)]() mutable {
    if (state->live) state->on_message(std::move(m));
  }, true);
}

class CoreSubscription : public Subscription {
 public:
  CoreSubscription(natsSubscription* sub, std::shared_ptr<SubscriptionState> state)
      : sub_(sub), state_(std::move(state)) {}
  ~CoreSubscription() override {
    state_->live = false;
    natsSubscription_Unsubscribe(sub_);
    natsSubscription_Destroy(sub_);
  }

 private:
  natsSubscription* sub_;
  std::shared_ptr<SubscriptionState> state_;
};

}  // namespace

std::unique_ptr<Subscription> Client::subscribe(std::string subject, std::string queue,
                                                asio::any_io_executor executor,
                                                std::function<void(Message)> handler) {
  auto state = std::make_shared<SubscriptionState>();
  state->box = impl_->mailbox(executor);
  state->on_message = std::move(handler);
  auto* closure = new std::shared_ptr<SubscriptionState>(state);
  natsSubscription* sub = nullptr;
  const auto status =
      queue.empty()
          ? natsConnection_Subscribe(&sub, impl_->conn, subject.c_str(), on_message, closure)
          : natsConnection_QueueSubscribe(&sub, impl_->conn, subject.c_str(), queue.c_str(),
                                          on_message, closure);
  if (status != NATS_OK) {
    delete closure;
    check(status, "NATS subscription");
  }
  natsSubscription_SetOnCompleteCB(
      sub, [](void* c) { delete static_cast<std::shared_ptr<SubscriptionState>*>(c); }, closure);
  return std::make_unique<CoreSubscription>(sub, std::move(state));
}

}  // namespace pulse::nats
