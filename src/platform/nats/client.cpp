#include "platform/nats/client.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>

#include "platform/log.hpp"
#include "platform/nats/client_impl.hpp"

namespace pulse::nats {

namespace asio = boost::asio;

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
  return impl_->send(subject, {}, data);
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

void Client::publish_acked(std::string_view subject, std::string_view data, std::string_view msg_id,
                           long timeout_ms, asio::any_io_executor executor,
                           std::function<void(PublishResult)> done) {
  auto box = impl_->mailbox(executor);
  auto* self = impl_.get();
  impl_->publish_for_reply(
      subject, data, msg_id, timeout_ms, [self, box, done = std::move(done)](Reply reply) mutable {
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
  impl_->settle(timeout_ms);
  impl_->stop();
}

// ---- core subscriptions ----

namespace {

/// Of the loop's thread. What waits in the mailbox may outlive the subscription.
struct Receiver {
  std::function<void(Message)> on_message;
  bool live = true;
};

Message read_message(natsMsg* message) {
  Message m;
  m.subject = natsMsg_GetSubject(message);
  if (const char* reply = natsMsg_GetReply(message)) m.reply = reply;
  m.data.assign(natsMsg_GetData(message), static_cast<std::size_t>(natsMsg_GetDataLength(message)));
  natsMsg_Destroy(message);
  return m;
}

void hand_over(Mailbox& box, const std::shared_ptr<Receiver>& receiver, Message m) {
  const auto bytes = m.subject.size() + m.reply.size() + m.data.size();
  const bool taken = box.put_message(
      [receiver, m = std::move(m)]() mutable {
        if (receiver->live) receiver->on_message(std::move(m));
      },
      bytes);
  if (!taken) log::error_throttled("NATS messages dropped: a loop does not keep up", {}, 10);
}

class CoreSubscription : public Subscription {
 public:
  CoreSubscription(std::shared_ptr<Client::Impl> client, const std::string& subject,
                   const std::string& queue, std::shared_ptr<Mailbox> box,
                   std::shared_ptr<Receiver> receiver)
      : client_(std::move(client)),
        receiver_(receiver),
        raw_(*client_, subject, queue, [box, receiver](natsMsg* message) {
          hand_over(*box, receiver, read_message(message));
        }) {}
  ~CoreSubscription() override { receiver_->live = false; }

 private:
  std::shared_ptr<Client::Impl> client_;
  std::shared_ptr<Receiver> receiver_;
  RawSubscription raw_;
};

}  // namespace

std::unique_ptr<Subscription> Client::subscribe(std::string subject, std::string queue,
                                                asio::any_io_executor executor,
                                                std::function<void(Message)> handler) {
  auto receiver = std::make_shared<Receiver>();
  receiver->on_message = std::move(handler);
  return std::make_unique<CoreSubscription>(impl_, subject, queue, impl_->mailbox(executor),
                                            std::move(receiver));
}

}  // namespace pulse::nats
