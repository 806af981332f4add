#include "platform/mqtt/session.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/system/system_error.hpp>

namespace pulse::mqtt {
namespace {

namespace asio = boost::asio;

/// Reads of one connection before the others get their turn.
constexpr int reads_per_turn = 8;

DisconnectCause lost(std::string text) {
  return {DisconnectCause::Kind::connection_lost, Reason::success, std::move(text)};
}

}  // namespace

Session::Session(std::shared_ptr<EndpointCore> core, std::unique_ptr<Transport> transport,
                 Protocol protocol, std::string peer_cert_cn)
    : core_(std::move(core)),
      transport_(std::move(transport)),
      peer_cert_cn_(std::move(peer_cert_cn)),
      protocol_(protocol) {
  core_->add(*this);
  core_->stats.connections.add();
  core_->stats.accepted.add();
  connect_due_ = core_->wheel.now() + core_->ticks(core_->limits.connect_timeout);
  arm();
}

Session::~Session() {
  if (info_ && state_ == State::open) core_->leave(*this);
  core_->remove_paused(*this);
  core_->remove(*this);
  core_->stats.connections.subtract();
}

Task<> Session::run(std::shared_ptr<Session> self) {
  try {
    co_await self->transport_->handshake();
    co_await self->read_loop();
  } catch (const boost::system::system_error& error) {
    self->drop(lost(error.code().message()));
  } catch (const std::exception& error) {
    // TLS says what it did not like.
    if (self->state_ == State::connecting) self->core_->stats.tls_failures.add();
    self->drop(lost(error.what()));
  }
  self->close_now();
  // A write under way fails by the close, but not at once; until then it uses the stream.
  if (self->writing_) co_await wait_for(self->written_out_);
}

Task<> Session::read_loop() {
  int reads = 0;
  while (state_ != State::closed) {
    if (alive() && deferred_) {
      co_await handle_deferred();
      pump({});
      continue;
    }
    if (alive() && must_pause()) {
      paused_ = true;
      core_->stats.paused.add();
      core_->stats.pauses.add();
      core_->add_paused(*this);
      co_await wait_for(resume_);
      core_->remove_paused(*this);
      core_->stats.paused.subtract();
      paused_ = false;
      last_receipt_ = core_->wheel.now();
      pump({});
      continue;
    }
    if (alive() && kept_.kept_bytes() > 0) {
      // A pause may have stopped the last pump and ended meanwhile. A client whose window is full
      // sends nothing more, so what is kept here must not wait for its next byte.
      const auto before = kept_.kept_bytes();
      pump({});
      if (kept_.kept_bytes() != before) continue;
    }
    const auto n = transport_->try_read(core_->scratch);
    if (n == 0) {
      if (transport_->at_end()) {
        drop(lost("connection closed by the client"));
        break;
      }
      reads = 0;
      co_await transport_->wait_readable();
      continue;
    }
    core_->stats.bytes_in.add(n);
    last_receipt_ = core_->wheel.now();
    // After the last packet of ours, what the client still sends goes unread.
    if (alive()) pump({core_->scratch.data(), n});
    if (++reads >= reads_per_turn) {
      reads = 0;
      co_await asio::post(core_->context, asio::use_awaitable);
    }
  }
}

void Session::pump(std::string_view fresh) {
  if (!alive()) return;
  pumping_ = true;
  const auto& limits = core_->limits;
  const auto most = state_ == State::open ? limits.packet_bytes_max : limits.connect_bytes_max;
  const auto bad =
      kept_.consume(fresh, most, version_, [this](const Frame& frame) { return handle(frame); });
  if (bad && alive()) fault(bad);
  pumping_ = false;
  flush();
}

bool Session::handle(const Frame& frame) {
  if (state_ == State::connecting) {
    if (frame.type != PacketType::connect) {
      // [MQTT-3.1.0-1]: there is no version yet to answer in.
      core_->stats.protocol_errors.add();
      drop({DisconnectCause::Kind::protocol_error, Reason::protocol_error,
            "first packet is not CONNECT"});
      return false;
    }
    deferred_ = std::make_unique<Deferred>(frame.type, frame.flags, std::string(frame.body));
    return false;
  }
  switch (frame.type) {
    case PacketType::publish:
      on_publish(frame);
      break;
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp:
      on_ack(frame);
      break;
    case PacketType::subscribe:
    case PacketType::unsubscribe:
      deferred_ = std::make_unique<Deferred>(frame.type, frame.flags, std::string(frame.body));
      return false;
    case PacketType::pingreq:
      if (!frame.body.empty()) {
        fault({Reason::malformed_packet, "PINGREQ has a body"});
      } else {
        encode_pingresp(out_);
      }
      break;
    case PacketType::disconnect:
      on_disconnect(frame);
      break;
    case PacketType::connect:
      fault({Reason::protocol_error, "second CONNECT"});
      break;
    case PacketType::auth:
      fault(version_ == Version::v5
                ? Fault{Reason::protocol_error, "AUTH without an authentication method"}
                : Fault{Reason::malformed_packet, "packet type 15 is reserved"});
      break;
    default:
      fault({Reason::protocol_error, "this packet is for servers to send"});
  }
  return alive() && !must_pause();
}

Task<> Session::handle_deferred() {
  const auto packet = std::move(deferred_);
  handling_ = true;
  switch (packet->type) {
    case PacketType::connect:
      co_await on_connect(*packet);
      break;
    case PacketType::subscribe:
      co_await on_subscribe(*packet);
      break;
    default:
      on_unsubscribe(*packet);
  }
  handling_ = false;
  last_receipt_ = core_->wheel.now();
}

void Session::on_disconnect(const Frame& frame) {
  Disconnect packet;
  if (const auto bad = decode(frame, version_, packet)) return fault(bad);
  const auto expiry = packet.properties.session_expiry_interval_s;
  if (session_expiry_zero_ && expiry.value_or(0) != 0) {
    return fault({Reason::protocol_error, "session expiry set by DISCONNECT but not by CONNECT"});
  }
  if (packet.reason != Reason::disconnect_with_will && !is_failure(packet.reason)) will_.reset();
  drop({DisconnectCause::Kind::client, packet.reason,
        std::string(packet.properties.reason_string.value_or(""))});
}

void Session::fault(const Fault& fault) {
  core_->stats.protocol_errors.add();
  DisconnectCause cause{DisconnectCause::Kind::protocol_error, fault.reason,
                        std::string(fault.text)};
  if (state_ == State::open) return end(std::move(cause));
  if (version_known_) return refuse_connect(fault.reason, fault.text);
  drop(std::move(cause));
}

bool Session::must_pause(std::size_t divisor) const {
  const auto& limits = core_->limits;
  if (draining_) return true;
  if (inflight_bytes_ >= limits.inflight_bytes_max / divisor) return true;
  // A client with nothing under way may always bring one message, and its pings.
  if (inflight_bytes_ != 0 && core_->is_full()) return true;
  if (out_.size() + writing_bytes_ >= limits.unsent_bytes_max / divisor) return true;
  const std::size_t window = std::max<std::size_t>(1, limits.receive_maximum / divisor);
  // A 5.0 client knows the Receive Maximum; going over it is its error, found in check_publish.
  return qos0_.size() >= window || (version_ == Version::v311 && unacknowledged_.size() >= window);
}

void Session::maybe_resume(bool force) {
  // Half of the bounds: one wake-up for many messages.
  if (resume_ && (force || !alive() || !must_pause(2))) resume_();
}

void Session::output_changed() {
  if (!pumping_) core_->flush_later(shared_from_this());
}

void Session::flush() {
  if (writing_ || out_.empty() || state_ == State::closed) return;
  try {
    const auto n = transport_->try_write(out_);
    core_->stats.bytes_out.add(n);
    out_.erase(0, n);
  } catch (const std::exception& error) {
    return drop(lost(error.what()));
  }
  if (out_.empty()) {
    std::string().swap(out_);
    if (state_ == State::lingering) transport_->end_writing();
    return;
  }
  writing_ = true;
  stall_since_ = core_->wheel.now();
  stall_mark_ = transport_->written();
  arm();
  asio::co_spawn(core_->context, write_loop(shared_from_this()), asio::detached);
}

Task<> Session::write_loop(std::shared_ptr<Session> self) {
  try {
    while (!self->out_.empty() && self->state_ != State::closed) {
      std::string chunk;
      chunk.swap(self->out_);
      self->writing_bytes_ = chunk.size();
      co_await self->transport_->write_all(chunk);
      self->core_->stats.bytes_out.add(chunk.size());
      self->writing_bytes_ = 0;
      self->maybe_resume();
    }
  } catch (const std::exception& error) {
    self->writing_bytes_ = 0;
    self->drop(lost(error.what()));
  }
  self->writing_ = false;
  if (self->state_ == State::lingering) self->transport_->end_writing();
  if (self->written_out_) self->written_out_();
}

void Session::arm() {
  std::uint64_t due = UINT64_MAX;
  const auto& limits = core_->limits;
  if (state_ == State::connecting || state_ == State::authenticating) due = connect_due_;
  if (state_ == State::lingering) due = linger_due_;
  if (state_ == State::open && keep_alive_ticks_ != 0) due = last_receipt_ + keep_alive_ticks_ + 1;
  if (writing_) due = std::min(due, stall_since_ + core_->ticks(limits.write_stall_timeout));
  if (due == UINT64_MAX || state_ == State::closed) {
    core_->wheel.disarm(*this);
  } else {
    core_->wheel.arm(*this, due);
  }
}

void Session::on_timer() {
  const auto self = shared_from_this();
  const auto now = core_->wheel.now();
  if (writing_ && stall_mark_ != transport_->written()) {
    stall_mark_ = transport_->written();
    stall_since_ = now;
  }
  if (writing_ && now >= stall_since_ + core_->ticks(core_->limits.write_stall_timeout)) {
    core_->stats.write_stalls.add();
    return drop({DisconnectCause::Kind::write_stall, Reason::success, "client takes no bytes"});
  }
  if ((state_ == State::connecting || state_ == State::authenticating) && now >= connect_due_) {
    core_->stats.connect_timeouts.add();
    return drop(lost("no CONNECT in time"));
  }
  if (state_ == State::lingering && now >= linger_due_) return close_now();
  // While we do not read, or wait for a hook, silence is ours, not the client's.
  if (paused_ || handling_) last_receipt_ = now;
  if (state_ == State::open && keep_alive_ticks_ != 0 && now > last_receipt_ + keep_alive_ticks_) {
    core_->stats.keep_alive_timeouts.add();
    return end({DisconnectCause::Kind::keep_alive, Reason::keep_alive_timeout,
                "nothing received for 1.5 times the keep alive"});
  }
  arm();
}

}  // namespace pulse::mqtt
