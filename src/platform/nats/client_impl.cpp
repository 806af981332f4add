// One connection of nats.c: its life, the sending thread, answers and their deadlines.
#include "platform/nats/client_impl.hpp"

#include <algorithm>
#include <charconv>

#include "platform/clock.hpp"
#include "platform/log.hpp"

namespace pulse::nats {

namespace asio = boost::asio;

namespace {

/// The sender looks up so often whether what it has in hand is still wanted.
constexpr std::size_t piece_messages = 256, piece_bytes = 256 * 1024;
constexpr long flush_limit_ms = 1'000;
constexpr long close_limit_ms = 2'000;
constexpr std::int64_t write_limit_ms = 2'000;

using Link = std::weak_ptr<Client::Impl>;

std::shared_ptr<Client::Impl> linked(void* closure) { return static_cast<Link*>(closure)->lock(); }

void release_link(void* closure) { delete static_cast<Link*>(closure); }

void on_error(natsConnection*, natsSubscription*, natsStatus status, void*) {
  log::error_throttled("NATS reported an error", {{"error", natsStatus_GetText(status)}});
}

}  // namespace

void check(natsStatus status, const char* what) {
  if (status != NATS_OK) throw Error(std::string(what) + ": " + natsStatus_GetText(status));
}

std::string new_inbox() {
  char* made = nullptr;
  check(natsInbox_Create(&made), "NATS inbox");
  std::string prefix = std::string(made) + ".";
  natsInbox_Destroy(made);
  return prefix;
}

Client::Impl::Impl(Options o) : options(std::move(o)) {}

Client::Impl::~Impl() {
  stop();
  if (conn) natsConnection_Destroy(conn);
}

void Client::Impl::connect() {
  natsOptions* opts = nullptr;
  check(natsOptions_Create(&opts), "NATS options");
  const std::unique_ptr<natsOptions, void (*)(natsOptions*)> owned(opts, natsOptions_Destroy);
  std::vector<std::string> servers;
  for (std::size_t at = 0; at <= options.url.size();) {
    const auto end = std::min(options.url.find(',', at), options.url.size());
    servers.push_back(options.url.substr(at, end - at));
    at = end + 1;
  }
  std::vector<const char*> list;
  for (const auto& s : servers) list.push_back(s.c_str());
  check(natsOptions_SetServers(opts, list.data(), static_cast<int>(list.size())), "NATS_URL");
  natsOptions_SetName(opts, options.name.c_str());
  natsOptions_SetMaxReconnect(opts, -1);
  natsOptions_SetReconnectWait(opts, 200);
  natsOptions_SetReconnectJitter(opts, 100, 100);
  natsOptions_SetPingInterval(opts, 3'000);
  natsOptions_SetMaxPingsOut(opts, 2);
  natsOptions_SetTimeout(opts, 2'000);
  natsOptions_SetWriteDeadline(opts, write_limit_ms);
  // Nothing is held back for later: a publish while disconnected fails, and its sender keeps it.
  natsOptions_SetReconnectBufSize(opts, 1);
  natsOptions_SetMaxPendingMsgs(opts, 1'000'000);
  natsOptions_SetErrorHandler(opts, on_error, nullptr);
  // Callbacks may still run when this object is gone: they hold a link that may be dead. The last
  // of them, on_closed, frees it.
  auto* link = new Link(weak_from_this());
  natsOptions_SetRetryOnFailedConnect(opts, true, on_connected, link);
  natsOptions_SetReconnectedCB(opts, on_connected, link);
  natsOptions_SetDisconnectedCB(opts, on_disconnected, link);
  natsOptions_SetClosedCB(opts, on_closed, link);
  const auto status = natsConnection_Connect(&conn, opts);
  if (status != NATS_OK && status != NATS_NOT_YET_CONNECTED) {
    release_link(link);
    check(status, "NATS_URL");
  }
  look_at_status(conn);
  inbox_prefix = new_inbox();
  inbox.emplace(*this, inbox_prefix + "*", "", [this](natsMsg* message) { on_reply(message); });
  inbox->let_all_wait();
  sweeper = std::thread([this] { sweep_loop(); });
  sender = std::thread([this] { send_loop(); });
}

void Client::Impl::stop() {
  {
    const std::lock_guard lock(mutex);
    if (stopping) return;
    stopping = true;
  }
  sweep_signal.notify_all();
  send_signal.notify_all();
  if (sweeper.joinable()) sweeper.join();
  if (sender.joinable()) sender.join();
  connected = false;
  inbox.reset();
  if (conn) {
    natsConnection_Close(conn);  // and its reading thread has ended
    std::unique_lock lock(mutex);
    closed_signal.wait_for(lock, std::chrono::milliseconds(close_limit_ms), [&] { return closed; });
  }
  fail_all(PublishFault::disconnected);
  free_retired();
}

void Client::Impl::settle(long timeout_ms) {
  const auto end = steady_ms() + timeout_ms;
  while (connected && steady_ms() < end) {
    {
      const std::lock_guard lock(mutex);
      if (outgoing.empty() && pending.empty() && !sending) return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void Client::Impl::look_at_status(natsConnection* of) {
  const std::lock_guard lock(status_mutex);
  connected = natsConnection_Status(of) == NATS_CONN_STATUS_CONNECTED;
}

void Client::Impl::on_connected(natsConnection* of, void* closure) {
  const auto self = linked(closure);
  if (!self) return;
  ++self->reconnects;
  self->look_at_status(of);
  log::info("NATS connected", {{"name", self->options.name}});
}

void Client::Impl::on_disconnected(natsConnection* of, void* closure) {
  const auto self = linked(closure);
  if (!self) return;
  self->look_at_status(of);
  {
    const std::lock_guard lock(self->mutex);
    if (self->stopping) return;
  }
  log::warn("NATS disconnected", {{"name", self->options.name}});
  // Whether these were stored nobody knows: no acknowledgement, so that the sender tries again.
  self->fail_all(PublishFault::disconnected);
}

void Client::Impl::on_closed(natsConnection*, void* closure) {
  if (const auto self = linked(closure)) {
    const std::lock_guard lock(self->mutex);
    // nats.c gives up after the same refusal of its credentials twice, and can't be told not to.
    if (!self->stopping)
      log::error("NATS refuses us and is not asked again: restart when its users are right",
                 {{"name", self->options.name}});
    self->closed = true;
    self->closed_signal.notify_all();
  }
  release_link(closure);
}

void Client::Impl::fail_all(PublishFault fault) {
  std::unordered_map<std::uint64_t, Pending> all;
  std::vector<Outgoing> dropped;
  {
    const std::lock_guard lock(mutex);
    all.swap(pending);
    deadlines.clear();
    dropped.swap(outgoing);
    for (const auto& m : dropped) unsent_bytes -= m.cost();
    unsent -= dropped.size();
  }
  failed += all.size();
  for (auto& [token, p] : all) p.done(Reply{fault, {}, false});
}

void Client::Impl::fail_one(std::uint64_t token) {
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

void Client::Impl::sweep_loop() {
  std::unique_lock lock(mutex);
  while (!stopping) {
    sweep_signal.wait_for(lock, std::chrono::milliseconds(deadlines.empty() ? 200 : 20));
    look_for_retired(lock);
    std::vector<Pending> late;
    const auto now = steady_ms();
    for (auto lane = deadlines.begin(); lane != deadlines.end();) {
      auto& queue = lane->second;
      while (!queue.empty()) {
        const auto [deadline, token] = queue.front();
        const auto it = pending.find(token);
        if (it != pending.end() && deadline > now) break;
        queue.pop_front();
        if (it == pending.end()) continue;
        late.push_back(std::move(it->second));
        pending.erase(it);
      }
      lane = queue.empty() ? deadlines.erase(lane) : std::next(lane);
    }
    if (late.empty()) continue;
    lock.unlock();
    failed += late.size();
    for (auto& p : late) p.done(Reply{PublishFault::timeout, {}, false});
    lock.lock();
  }
}

natsStatus Client::Impl::publish_now(const Outgoing& m) {
  const auto size = static_cast<int>(m.data.size());
  if (m.reply.empty()) return natsConnection_Publish(conn, m.subject.c_str(), m.data.data(), size);
  if (m.msg_id.empty())
    return natsConnection_PublishRequest(conn, m.subject.c_str(), m.reply.c_str(), m.data.data(),
                                         size);
  natsMsg* message = nullptr;
  auto status = natsMsg_Create(&message, m.subject.c_str(), m.reply.c_str(), m.data.data(), size);
  if (status == NATS_OK) status = natsMsgHeader_Set(message, "Nats-Msg-Id", m.msg_id.c_str());
  if (status == NATS_OK) status = natsConnection_PublishMsg(conn, message);
  natsMsg_Destroy(message);
  return status;
}

/// What timed out while it waited here was answered already; sent now, it would be stored twice. A
/// write may last seconds, so this is looked at again with each piece.
void Client::Impl::send_batch(std::vector<Outgoing>& batch, std::unique_lock<std::mutex>& lock) {
  std::vector<const Outgoing*> piece;
  for (std::size_t at = 0; at < batch.size() && !stopping;) {
    piece.clear();
    std::size_t messages = 0, bytes = 0;
    for (; at < batch.size() && messages < piece_messages && bytes < piece_bytes;
         ++at, ++messages) {
      const auto& m = batch[at];
      bytes += m.cost();
      if (m.token == 0 || pending.contains(m.token)) piece.push_back(&m);
    }
    lock.unlock();
    for (const auto* m : piece) {
      if (publish_now(*m) != NATS_OK && m->token != 0) fail_one(m->token);
      ++published;
    }
    lock.lock();
    unsent -= messages;
    unsent_bytes -= bytes;
  }
}

void Client::Impl::send_loop() {
  std::vector<Outgoing> batch;
  std::unique_lock lock(mutex);
  while (true) {
    send_signal.wait(lock, [&] { return stopping || !outgoing.empty() || !freeable.empty(); });
    if (stopping) return;
    if (!freeable.empty()) free_done(lock);
    if (outgoing.empty()) continue;
    batch.clear();
    batch.swap(outgoing);
    sending = true;
    send_batch(batch, lock);
    if (stopping) return;
    lock.unlock();
    // The flush waits for the server's PONG; what comes meanwhile makes up the next batch.
    natsConnection_FlushTimeout(conn, flush_limit_ms);
    lock.lock();
    sending = false;
  }
}

void Client::Impl::on_reply(natsMsg* message) {
  const std::unique_ptr<natsMsg, void (*)(natsMsg*)> owned(message, natsMsg_Destroy);
  const std::string_view subject = natsMsg_GetSubject(message);
  const std::string_view data(natsMsg_GetData(message),
                              static_cast<std::size_t>(natsMsg_GetDataLength(message)));
  const auto tail = subject.substr(std::min(inbox_prefix.size(), subject.size()));
  if (take_mark(tail, data)) return;
  std::uint64_t token = 0;
  std::from_chars(tail.data(), tail.data() + tail.size(), token);
  Pending found;
  {
    const std::lock_guard lock(mutex);
    const auto it = pending.find(token);
    if (it == pending.end()) return;
    found = std::move(it->second);
    pending.erase(it);
  }
  Reply reply;
  reply.data = data;
  reply.no_responders = natsMsg_IsNoResponders(message);
  found.done(std::move(reply));
}

std::shared_ptr<Mailbox> Client::Impl::mailbox(const asio::any_io_executor& executor) {
  const std::lock_guard lock(mailboxes_mutex);
  for (const auto& m : mailboxes)
    if (m->executor() == executor) return m;
  return mailboxes.emplace_back(std::make_shared<Mailbox>(executor));
}

bool Client::Impl::queue_is_full() const {
  return unsent >= limits::nats_outgoing || unsent_bytes >= limits::nats_outgoing_bytes;
}

bool Client::Impl::queue(Outgoing message) {
  const bool wake = outgoing.empty() && !sending;
  ++unsent;
  unsent_bytes += message.cost();
  outgoing.push_back(std::move(message));
  return wake;
}

bool Client::Impl::send(std::string_view subject, std::string_view reply, std::string_view data) {
  Outgoing message{std::string(subject), std::string(reply), std::string(data), {}, 0};
  bool wake = false;
  {
    const std::lock_guard lock(mutex);
    if (stopping || !connected || queue_is_full()) return false;
    wake = queue(std::move(message));
  }
  if (wake) send_signal.notify_one();
  return true;
}

void Client::Impl::publish_for_reply(std::string_view subject, std::string_view data,
                                     std::string_view msg_id, long timeout_ms,
                                     std::function<void(Reply)> done) {
  PublishFault fault = PublishFault::none;
  Outgoing message{std::string(subject), inbox_prefix, std::string(data), std::string(msg_id), 0};
  bool wake = false;
  {
    const std::lock_guard lock(mutex);
    if (stopping || !connected) {
      fault = PublishFault::disconnected;
    } else if (pending.size() >= max_in_flight() || queue_is_full()) {
      fault = PublishFault::overloaded;
    } else {
      message.token = next_token++;
      message.reply += std::to_string(message.token);
      pending.emplace(message.token, Pending{std::move(done)});
      deadlines[timeout_ms].emplace_back(steady_ms() + timeout_ms, message.token);
      wake = queue(std::move(message));
    }
  }
  if (wake) send_signal.notify_one();
  if (fault == PublishFault::none) return;
  ++failed;
  done(Reply{fault, {}, false});
}

}  // namespace pulse::nats
