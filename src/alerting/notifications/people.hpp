#pragma once
// Email to a person who is no channel, by the installation's mail server.
#include "alerting/notifications/sender.hpp"

namespace pulse::alerting::notifications {

Task<SendResult> send_to_person(SendDeps deps, std::string address, Notice notice);

}  // namespace pulse::alerting::notifications
