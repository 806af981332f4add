#include "platform/mqtt/client.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include "platform/mqtt/client_impl.hpp"

namespace pulse::mqtt {
namespace {

namespace asio = boost::asio;

PublishAck lost_ack() {
  PublishAck ack;
  ack.lost = true;
  return ack;
}

}  // namespace

std::uint16_t Client::Impl::free_id() {
  do {
    if (++last_id_ == 0) last_id_ = 1;
  } while (inflight_.contains(last_id_) || requests_.contains(last_id_));
  return last_id_;
}

void Client::Impl::publish(std::string_view topic, std::string_view payload,
                           const PublishOptions& options, PublishDone done) {
  if (!open || disconnecting_) {
    asio::post(executor, [done = std::move(done)] { done(lost_ack()); });
    return;
  }
  // QoS 0 may pass waiting messages: order is promised within one QoS only (section 4.6).
  const bool must_wait = options.qos != Qos::at_most_once &&
                         (!waiting_.empty() || inflight_.size() >= result_.receive_maximum);
  if (must_wait) {
    waiting_.push_back({std::string(topic), std::string(payload), options, std::move(done)});
  } else {
    send(topic, payload, options, std::move(done));
  }
}

void Client::Impl::send(std::string_view topic, std::string_view payload,
                        const PublishOptions& options, PublishDone done) {
  Publish packet;
  packet.topic = topic;
  packet.payload = payload;
  packet.qos = options.qos;
  packet.retain = options.retain;
  if (options_.version == Version::v5) {
    if (!options.content_type.empty()) packet.properties.content_type = options.content_type;
    if (options.topic_alias != 0) packet.properties.topic_alias = options.topic_alias;
    for (const auto& [name, value] : options.user_properties) {
      packet.properties.user.emplace_back(name, value);
    }
  }
  if (options.qos != Qos::at_most_once) packet.packet_id = free_id();
  encode(out_, options_.version, packet);
  flush_later();
  if (options.qos == Qos::at_most_once) {
    done({});
  } else {
    inflight_.emplace(packet.packet_id, Sent{options.qos, std::move(done)});
  }
}

void Client::Impl::send_waiting() {
  while (open && !waiting_.empty() && inflight_.size() < result_.receive_maximum) {
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    send(next.topic, next.payload, next.options, std::move(next.done));
  }
}

void Client::Impl::on_ack(const Ack& packet) {
  if (packet.type == PacketType::pubrel) {
    qos2_received_.erase(packet.packet_id);
    return answer(PacketType::pubcomp, packet.packet_id);
  }
  const auto sent = inflight_.find(packet.packet_id);
  if (sent == inflight_.end()) return;
  if (packet.type == PacketType::pubrec && !is_failure(packet.reason)) {
    encode_ack(out_, PacketType::pubrel, packet.packet_id);
    return flush_later();
  }
  PublishAck ack;
  ack.reason = packet.reason;
  ack.reason_string = packet.properties.reason_string.value_or("");
  const auto done = std::move(sent->second.done);
  inflight_.erase(sent);
  done(ack);
  send_waiting();
}

void Client::Impl::on_publish(const Publish& packet) {
  const bool repeated =
      packet.qos == Qos::exactly_once && !qos2_received_.insert(packet.packet_id).second;
  if (!repeated && on_message) {
    on_message({packet.topic, packet.payload, packet.qos, packet.retain, packet.dup,
                packet.properties.subscription_identifiers});
  }
  if (packet.qos == Qos::at_least_once) answer(PacketType::puback, packet.packet_id);
  if (packet.qos == Qos::exactly_once) answer(PacketType::pubrec, packet.packet_id);
}

void Client::Impl::answer(PacketType type, std::uint16_t packet_id) {
  if (hold_acks_) {
    held_.emplace_back(type, packet_id);
    return;
  }
  encode_ack(out_, type, packet_id);
  flush_later();
}

void Client::Impl::hold_acks(bool hold) {
  hold_acks_ = hold;
  if (hold) return;
  for (const auto& [type, id] : std::exchange(held_, {})) answer(type, id);
}

Task<Reason> Client::Impl::request(PacketType type, std::string filter, Qos qos,
                                   std::uint32_t identifier) {
  const auto self = shared_from_this();
  if (!open) throw boost::system::system_error(asio::error::not_connected, "mqtt");
  const auto id = free_id();
  if (type == PacketType::subscribe) {
    Subscribe packet;
    packet.packet_id = id;
    packet.entries.push_back({filter, qos});
    if (identifier != 0) packet.properties.subscription_identifiers.push_back(identifier);
    encode(out_, options_.version, packet);
  } else {
    Unsubscribe packet;
    packet.packet_id = id;
    packet.filters.push_back(filter);
    encode(out_, options_.version, packet);
  }
  flush_later();
  const auto reason = co_await wait_for(requests_[id]);
  if (!reason) throw boost::system::system_error(asio::error::connection_reset, "mqtt");
  co_return *reason;
}

Client::Client(asio::any_io_executor executor)
    : impl_(std::make_shared<Impl>(std::move(executor))) {}

Client::~Client() {
  impl_->on_end = nullptr;
  impl_->on_message = nullptr;
  impl_->close({});
}

Task<ConnectResult> Client::connect(ClientOptions options) {
  return impl_->connect(std::move(options));
}

Task<PublishAck> Client::publish(std::string topic, std::string payload, PublishOptions options) {
  const auto impl = impl_;
  Completion<PublishAck> acked;
  std::optional<PublishAck> at_once;
  impl->publish(topic, payload, options, [&](const PublishAck& ack) {
    if (acked) {
      acked(ack);
    } else {
      at_once = ack;
    }
  });
  if (!at_once) co_return co_await wait_for(acked);
  co_return *at_once;
}

void Client::publish(std::string_view topic, std::string_view payload,
                     const PublishOptions& options, std::function<void(const PublishAck&)> done) {
  impl_->publish(topic, payload, options, std::move(done));
}

Task<Reason> Client::subscribe(std::string filter, Qos qos, std::uint32_t identifier) {
  return impl_->request(PacketType::subscribe, std::move(filter), qos, identifier);
}

Task<Reason> Client::unsubscribe(std::string filter) {
  return impl_->request(PacketType::unsubscribe, std::move(filter), Qos::at_most_once, 0);
}

void Client::on_message(std::function<void(const ClientMessage&)> callback) {
  impl_->on_message = std::move(callback);
}

void Client::on_end(std::function<void(const ConnectionEnd&)> callback) {
  impl_->on_end = std::move(callback);
}

Task<> Client::disconnect(Reason reason) { return impl_->disconnect(reason); }
void Client::abort() { impl_->close({}); }
bool Client::connected() const { return impl_->open; }
std::size_t Client::inflight() const { return impl_->inflight(); }
std::size_t Client::unsent_bytes() const { return impl_->unsent_bytes(); }
void Client::send_raw(std::string_view bytes) { impl_->send_raw(bytes); }
void Client::hold_acks(bool hold) { impl_->hold_acks(hold); }

}  // namespace pulse::mqtt
