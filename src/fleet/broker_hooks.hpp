#pragma once
#include <memory>
#include <string>

#include "fleet/device_auth.hpp"
#include "platform/http/router.hpp"

namespace pulse::fleet {

struct BrokerHookDeps {
  std::shared_ptr<DeviceLookup> lookup;  ///< of the loop
  std::string service_username, service_password;
};

/// /api/v1/internal/mqtt-auth and mqtt-acl.
void mount_broker_hooks(http::Router& api, BrokerHookDeps deps);

}  // namespace pulse::fleet
