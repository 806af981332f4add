#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/system/system_error.hpp>
#include <csignal>
#include <limits>

#include "platform/mqtt/client_impl.hpp"

namespace pulse::mqtt {
namespace {

namespace asio = boost::asio;
using asio::use_awaitable;
using asio::ip::tcp;
using boost::system::error_code;
using boost::system::system_error;

constexpr std::size_t scratch_bytes = 32 * 1024;
constexpr std::chrono::milliseconds farewell{1'000};

/// Clients of one thread read through one buffer and are done with it before they wait.
std::vector<char>& scratch() {
  thread_local std::vector<char> buffer(scratch_bytes);
  return buffer;
}

/// Larger than any packet: a client takes what its server sends, unless it announced a maximum.
std::uint32_t packet_bytes_max(const ClientOptions& options) {
  return options.maximum_packet_size != 0 ? options.maximum_packet_size
                                          : std::numeric_limits<std::uint32_t>::max();
}

ConnectResult to_result(const Connack& packet) {
  const auto& p = packet.properties;
  ConnectResult result;
  result.reason = packet.reason;
  result.reason_string = p.reason_string.value_or("");
  result.session_present = packet.session_present;
  result.assigned_client_id = p.assigned_client_identifier.value_or("");
  result.server_keep_alive_s = p.server_keep_alive_s;
  result.receive_maximum = p.receive_maximum.value_or(65'535);
  result.topic_alias_maximum = p.topic_alias_maximum.value_or(0);
  result.maximum_packet_size = p.maximum_packet_size.value_or(0);
  return result;
}

}  // namespace

Client::Impl::Impl(asio::any_io_executor ex)
    : executor(std::move(ex)), timeout_(executor), keep_alive_timer_(executor) {}

Task<> Client::Impl::open_transport() {
  connecting_ = std::make_unique<tcp::socket>(executor);
  error_code not_an_address;
  const auto address = asio::ip::make_address(options_.host, not_an_address);
  if (!not_an_address) {
    co_await connecting_->async_connect({address, options_.port}, use_awaitable);
  } else {
    tcp::resolver resolver(executor);
    const auto found = co_await resolver.async_resolve(options_.host, std::to_string(options_.port),
                                                       use_awaitable);
    co_await asio::async_connect(*connecting_, found, use_awaitable);
  }
  const auto socket = std::exchange(connecting_, nullptr);
  if (options_.tls) {
    std::signal(SIGPIPE, SIG_IGN);
    const auto context =
        make_client_tls(options_.tls_ca_file, options_.tls_certificate_file, options_.tls_key_file);
    transport_ = make_tls_client(
        std::move(*socket), context,
        options_.tls_server_name.empty() ? options_.host : options_.tls_server_name);
  } else {
    transport_ = make_tcp(std::move(*socket));
  }
  co_await transport_->handshake();
}

void Client::Impl::send_connect() {
  Connect packet;
  packet.version = options_.version;
  packet.clean_start = options_.clean_start;
  packet.keep_alive_s = static_cast<std::uint16_t>(options_.keep_alive.count());
  packet.client_id = options_.client_id;
  if (options_.user_name) packet.user_name = *options_.user_name;
  if (options_.password) packet.password = *options_.password;
  if (options_.will) {
    const auto& will = *options_.will;
    packet.will = WillFields{will.topic, will.payload, will.qos, will.retain, {}};
  }
  if (options_.receive_maximum != 0) packet.properties.receive_maximum = options_.receive_maximum;
  if (options_.maximum_packet_size != 0) {
    packet.properties.maximum_packet_size = options_.maximum_packet_size;
  }
  encode(out_, packet);
  flush();
}

void Client::Impl::start_timeout(std::chrono::milliseconds timeout) {
  timeout_.expires_after(timeout);
  timeout_.async_wait([weak = weak_from_this(), generation = generation_](error_code error) {
    const auto self = weak.lock();
    if (error || !self || self->generation_ != generation) return;
    self->timed_out_ = true;
    error_code ignored;
    if (self->connecting_) self->connecting_->close(ignored);
    if (self->transport_) self->transport_->close();
    self->ended_();
  });
}

Task<ConnectResult> Client::Impl::connect(ClientOptions options) {
  const auto self = shared_from_this();
  close({});
  options_ = std::move(options);
  ++generation_;
  timed_out_ = disconnecting_ = got_connack_ = writing_ = false;
  writing_bytes_ = 0;
  kept_.clear();
  out_.clear();
  qos2_received_.clear();
  held_.clear();
  result_ = {};
  start_timeout(options_.timeout);
  try {
    co_await open_transport();
  } catch (const system_error&) {
    timeout_.cancel();
    if (timed_out_) throw system_error(asio::error::timed_out, "mqtt connect");
    throw;
  }
  asio::co_spawn(executor, read_loop(self), asio::detached);
  send_connect();
  // Both can have failed already.
  if (transport_ && !got_connack_) co_await wait_for(connack_);
  timeout_.cancel();
  if (!got_connack_) {
    const auto error = timed_out_ ? asio::error::timed_out : asio::error::connection_reset;
    throw system_error(error, "mqtt connect");
  }
  if (is_failure(result_.reason)) close({});
  co_return result_;
}

void Client::Impl::on_connack(const Connack& packet) {
  result_ = to_result(packet);
  got_connack_ = true;
  open = !is_failure(packet.reason);
  const auto seconds = result_.server_keep_alive_s
                           ? std::chrono::seconds(*result_.server_keep_alive_s)
                           : options_.keep_alive;
  if (open && seconds.count() > 0) {
    options_.keep_alive = seconds;
    keep_alive();
  }
  connack_();
}

/// Half of the keep alive without a packet of ours: PINGREQ (section 3.1.2.10).
void Client::Impl::keep_alive() {
  keep_alive_timer_.expires_after(std::chrono::milliseconds(options_.keep_alive) / 2);
  keep_alive_timer_.async_wait(
      [weak = weak_from_this(), generation = generation_](error_code error) {
        const auto self = weak.lock();
        if (error || !self || !self->open || self->generation_ != generation) return;
        if (!std::exchange(self->sent_since_tick_, false)) {
          encode_pingreq(self->out_);
          self->flush();
          self->sent_since_tick_ = false;
        }
        self->keep_alive();
      });
}

Task<> Client::Impl::read_loop(std::shared_ptr<Impl> self) {
  const auto generation = self->generation_;
  const auto transport = self->transport_;
  ConnectionEnd end;
  try {
    while (self->transport_ == transport) {
      const auto n = transport->try_read(scratch());
      if (n == 0) {
        if (transport->at_end()) break;
        co_await transport->wait_readable();
        continue;
      }
      const auto bad = self->kept_.consume({scratch().data(), n}, packet_bytes_max(self->options_),
                                           self->options_.version,
                                           [&](const Frame& frame) { return self->handle(frame); });
      if (bad) {
        end.text = bad.text;
        break;
      }
    }
  } catch (const std::exception& error) {
    end.text = error.what();
  }
  if (self->generation_ == generation) self->close(std::move(end));
}

bool Client::Impl::handle(const Frame& frame) {
  Packet packet;
  if (const auto bad = decode(frame, options_.version, packet)) {
    close({false, bad.reason, std::string(bad.text)});
    return false;
  }
  const auto resolve = [this](std::uint16_t id, Reason reason) {
    const auto found = requests_.find(id);
    if (found == requests_.end()) return;
    auto waiter = std::move(found->second);
    requests_.erase(found);
    waiter(reason);
  };
  if (auto* connack = std::get_if<Connack>(&packet)) {
    on_connack(*connack);
  } else if (auto* publish = std::get_if<Publish>(&packet)) {
    on_publish(*publish);
  } else if (auto* ack = std::get_if<Ack>(&packet)) {
    on_ack(*ack);
  } else if (auto* suback = std::get_if<Suback>(&packet)) {
    resolve(suback->packet_id, suback->reasons.front());
  } else if (auto* unsuback = std::get_if<Unsuback>(&packet)) {
    resolve(unsuback->packet_id,
            unsuback->reasons.empty() ? Reason::success : unsuback->reasons.front());
  } else if (auto* disconnect = std::get_if<Disconnect>(&packet)) {
    close(
        {true, disconnect->reason, std::string(disconnect->properties.reason_string.value_or(""))});
  }
  return transport_ != nullptr;
}

void Client::Impl::flush_later() {
  if (std::exchange(flush_scheduled_, true)) return;
  asio::post(executor, [self = shared_from_this()] {
    self->flush_scheduled_ = false;
    self->flush();
  });
}

void Client::Impl::flush() {
  if (writing_ || out_.empty() || !transport_) return;
  sent_since_tick_ = true;
  try {
    out_.erase(0, transport_->try_write(out_));
  } catch (const std::exception& error) {
    return close({false, Reason::success, error.what()});
  }
  if (out_.empty()) {
    std::string().swap(out_);
    drained_();
    return;
  }
  writing_ = true;
  asio::co_spawn(executor, write_loop(shared_from_this()), asio::detached);
}

Task<> Client::Impl::write_loop(std::shared_ptr<Impl> self) {
  const auto generation = self->generation_;
  const auto transport = self->transport_;
  try {
    while (self->transport_ == transport && !self->out_.empty()) {
      std::string chunk;
      chunk.swap(self->out_);
      self->writing_bytes_ = chunk.size();
      co_await transport->write_all(chunk);
      self->writing_bytes_ = 0;
    }
  } catch (const std::exception&) {
    // The reader sees the same and ends the connection.
  }
  if (self->generation_ != generation) co_return;
  self->writing_bytes_ = 0;
  self->writing_ = false;
  self->drained_();
}

void Client::Impl::send_raw(std::string_view bytes) {
  out_ += bytes;
  flush();
}

Task<> Client::Impl::disconnect(Reason reason) {
  const auto self = shared_from_this();
  if (!open) co_return;
  disconnecting_ = true;
  Disconnect packet;
  packet.reason = reason;
  encode(out_, options_.version, packet);
  flush();
  start_timeout(farewell);
  if (writing_) co_await wait_for(drained_);
  if (transport_) {
    // Closing at once could reset the connection under what the server has not read yet.
    transport_->end_writing();
    co_await wait_for(ended_);
  }
  timeout_.cancel();
  close({});
}

void Client::Impl::close(ConnectionEnd end) {
  const bool was_open = std::exchange(open, false);
  if (const auto transport = std::exchange(transport_, nullptr)) transport->close();
  keep_alive_timer_.cancel();
  connack_();
  drained_();
  ended_();
  PublishAck lost;
  lost.lost = true;
  for (auto& [id, sent] : std::exchange(inflight_, {})) sent.done(lost);
  for (auto& message : std::exchange(waiting_, {})) message.done(lost);
  for (auto& [id, waiter] : std::exchange(requests_, {})) waiter(std::nullopt);
  if (was_open && on_end) on_end(end);
}

}  // namespace pulse::mqtt
