#include "alerting/mounts.hpp"

namespace pulse::alerting {

void mount(http::Router& api, const AlertingDeps& deps) {}

}  // namespace pulse::alerting
