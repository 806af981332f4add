#pragma once
// One interface for all types of channels. Each type is one file, and one line in senders.cpp.
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alerting/deps.hpp"
#include "alerting/notifications/notice.hpp"
#include "platform/task.hpp"

namespace pulse::alerting::notifications {

using Config = boost::json::object;

/// What sending works with. Cheap to copy.
struct SendDeps {
  SendDeps() = default;
  http::OutboundClient* http = nullptr;
  std::vector<std::string> private_hosts;  ///< host:port that may be private, and plain http
  std::shared_ptr<boost::asio::thread_pool> threads;  ///< for what blocks
  std::shared_ptr<mail::Mailer> mailer;               ///< of the installation
  std::string ui_base;
};
SendDeps send_deps(const AlertingDeps& deps);

/// How an attempt ended. `error` is for people: it holds no secret of the channel.
struct SendResult {
  SendResult() = default;
  bool ok = false;
  bool retry = false;             ///< another attempt may help
  int http_status = 0;            ///< 0: no answer, or no HTTP
  long retry_after_s = 0;         ///< the receiver asks for so long; 0: it doesn't
  std::string error;              ///< with `ok`: what did not arrive all the same
  std::vector<std::string> left;  ///< of several recipients those to whom another attempt goes

  static SendResult done(int status = 0);
  static SendResult refused(std::string why, int status = 0);  ///< for good
  static SendResult failed(std::string why, int status = 0);   ///< for now
};

/// One type of channel.
struct Sender {
  std::string_view type;                   ///< as `channel_type` says it
  std::vector<std::string_view> required;  ///< members of `config`
  std::vector<std::string_view> secrets;   ///< members, "a.b" inside another, "a.*" all of one
  std::vector<std::string_view> others;    ///< further members that it knows, written likewise
  /// What is wrong with a config that has all required members; nothing: it is good.
  std::string (*fault)(const SendDeps&, const Config&);
  /// Whom the secrets are told: a kept one is not sent to another.
  std::string (*destination)(const Config&);
  /// Never throws for what the receiver does.
  Task<SendResult> (*send)(SendDeps, Config, Notice);
};

const Sender& slack();
const Sender& pagerduty();
const Sender& teams();
const Sender& webhook();
const Sender& http_call();
const Sender& email();
const Sender& snmp();
const Sender& mqtt();

/// Null for a word that is no type.
const Sender* sender_of(std::string_view channel_type);
/// All types.
std::vector<std::string> channel_types();

}  // namespace pulse::alerting::notifications
