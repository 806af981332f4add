#include "platform/mqtt/endpoint.hpp"

#include <boost/asio/io_context.hpp>
#include <csignal>

#include "platform/mqtt/endpoint_core.hpp"
#include "platform/mqtt/session.hpp"

namespace pulse::mqtt {

Endpoint::Endpoint(boost::asio::io_context& context, Hooks hooks, Limits limits)
    : core_(std::make_shared<EndpointCore>(context, std::move(hooks), limits)) {
  core_->start_ticking();
}

Endpoint::~Endpoint() { core_->abandon(); }

std::uint16_t Endpoint::listen(const std::string& host, std::uint16_t port) {
  return core_->listen(host, port, nullptr);
}

std::uint16_t Endpoint::listen_tls(const std::string& host, std::uint16_t port,
                                   const TlsFiles& files) {
  std::signal(SIGPIPE, SIG_IGN);
  return core_->listen(host, port, make_server_tls(files));
}

Task<> Endpoint::serve(std::unique_ptr<Stream> stream, Protocol protocol,
                       std::string peer_cert_cn) {
  return core_->serve(make_stream_transport(std::move(stream)), protocol, std::move(peer_cert_cn));
}

Delivery Endpoint::deliver(const std::string& principal_name, const Message& message,
                           DeliveryDone done) {
  return core_->deliver(principal_name, message, done);
}

Delivery Endpoint::deliver(const SessionRef& session, const Message& message, DeliveryDone done) {
  const auto locked = std::static_pointer_cast<Session>(session.session().lock());
  return locked ? locked->deliver(message, done) : Delivery{};
}

Delivery Endpoint::deliver_to_all(const Message& message, DeliveryDone done) {
  return core_->deliver_to_all(message, done);
}

bool Endpoint::kick(const std::string& client_key, const std::string& session_id) {
  core_->saw_session_id(session_id);
  auto* session = core_->find(client_key);
  if (session == nullptr || !session->superseded_by(session_id)) return false;
  core_->stats.takeovers.add();
  session->end({DisconnectCause::Kind::taken_over, Reason::session_taken_over,
                "the same client connected elsewhere"});
  return true;
}

bool Endpoint::serves(const std::string& principal_name) const {
  return core_->serves(principal_name);
}

std::size_t Endpoint::disconnect(const std::string& principal_name,
                                 const std::function<bool(const SessionInfo&)>& which,
                                 Reason reason, const std::string& text) {
  return core_->disconnect(core_->sessions_of(principal_name), which, reason, text);
}

std::size_t Endpoint::disconnect(const std::function<bool(const SessionInfo&)>& which,
                                 Reason reason, const std::string& text) {
  return core_->disconnect(core_->all_sessions(), which, reason, text);
}

Task<> Endpoint::stop(std::chrono::milliseconds grace) { return core_->stop(grace); }

const Stats& Endpoint::stats() const { return core_->stats; }

}  // namespace pulse::mqtt
