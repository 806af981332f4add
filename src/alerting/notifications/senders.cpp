#include "alerting/notifications/sender.hpp"

namespace pulse::alerting::notifications {

namespace {

/// Every type of channel.
const std::vector<const Sender*>& all() {
  static const std::vector<const Sender*> senders{
      &slack(), &pagerduty(), &teams(), &webhook(), &http_call(), &email(), &snmp(), &mqtt(),
  };
  return senders;
}

}  // namespace

const Sender* sender_of(std::string_view channel_type) {
  for (const auto* sender : all())
    if (sender->type == channel_type) return sender;
  return nullptr;
}

std::vector<std::string> channel_types() {
  std::vector<std::string> out;
  for (const auto* sender : all()) out.emplace_back(sender->type);
  return out;
}

SendDeps send_deps(const AlertingDeps& deps) {
  SendDeps out;
  out.http = deps.http;
  out.private_hosts = deps.private_hosts;
  out.threads = deps.threads;
  out.mailer = deps.mailer;
  out.ui_base = deps.ui_base;
  return out;
}

SendResult SendResult::done(int status) {
  SendResult r;
  r.ok = true;
  r.http_status = status;
  return r;
}
SendResult SendResult::refused(std::string why, int status) {
  SendResult r;
  r.error = std::move(why);
  r.http_status = status;
  return r;
}
SendResult SendResult::failed(std::string why, int status) {
  auto r = refused(std::move(why), status);
  r.retry = true;
  return r;
}

}  // namespace pulse::alerting::notifications
