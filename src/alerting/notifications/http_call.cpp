// A call of any HTTP interface: a webhook by its older name.
#include "alerting/notifications/webhook.hpp"

namespace pulse::alerting::notifications {

const Sender& http_call() {
  static const Sender sender{"http",      {"url"},       {"secret", "headers.*"},
                             {"method"},  webhook_fault, webhook_destination,
                             send_webhook};
  return sender;
}

}  // namespace pulse::alerting::notifications
