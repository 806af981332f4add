#pragma once
// What webhooks and plain HTTP calls have in common.
#include "alerting/notifications/sender.hpp"

namespace pulse::alerting::notifications {

std::string webhook_fault(const SendDeps& deps, const Config& config);
std::string webhook_destination(const Config& config);
/// The notice's JSON, signed where the config has a `secret`.
Task<SendResult> send_webhook(SendDeps deps, Config config, Notice notice);

}  // namespace pulse::alerting::notifications
